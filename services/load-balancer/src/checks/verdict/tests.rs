use proptest::prelude::*;
use routing::health::CheckProtocol;

use super::*;

fn check() -> HealthCheck {
    HealthCheck {
        enabled: true,
        protocol: CheckProtocol::Http,
        port: None,
        path: "/".to_owned(),
        interval_seconds: 30,
        timeout_seconds: 5,
        healthy_threshold: 5,
        unhealthy_threshold: 2,
        matcher: Matcher::HttpCodes(vec![200..=200]),
    }
}

fn target(state: HealthState) -> Target {
    Target {
        id: "10.0.0.1".to_owned(),
        port: 80,
        address: Some([10, 0, 0, 1].into()),
        registered_at: at(0),
        draining_until: None,
        health: Health {
            state,
            reason: None,
            description: None,
        },
        healthy_since: None,
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
}

#[test]
fn lb17_one_passing_check_makes_an_initial_target_healthy() {
    let mut verdict = Verdict::seeded(&target(HealthState::Initial), at(0));
    assert_eq!(verdict.health().reason, Some(HealthReason::InitialHealthChecking));
    assert!(!verdict.take(Outcome::Broken, &check(), at(1)));
    assert!(verdict.take(Outcome::Passed, &check(), at(2)));
    assert_eq!(
        (verdict.health().state, verdict.since()),
        (HealthState::Healthy, at(2))
    );
}

#[test]
fn lb17_afterwards_the_thresholds_count_checks_in_a_row() {
    let mut verdict = Verdict::seeded(&target(HealthState::Healthy), at(0));
    assert!(!verdict.take(Outcome::TimedOut, &check(), at(1)));
    assert!(!verdict.take(Outcome::Passed, &check(), at(2)));
    assert!(!verdict.take(Outcome::TimedOut, &check(), at(3)));
    assert!(verdict.take(Outcome::TimedOut, &check(), at(4)));
    assert_eq!(verdict.health().description.as_deref(), Some("Request timed out"));
    for second in 5..9 {
        assert!(!verdict.take(Outcome::Passed, &check(), at(second)));
    }
    assert!(verdict.take(Outcome::Passed, &check(), at(9)));
    assert_eq!(verdict.health().state, HealthState::Healthy);
}

#[test]
fn lb16_reasons_and_descriptions_follow_the_last_failure() {
    let mut verdict = Verdict::seeded(&target(HealthState::Unhealthy), at(0));
    assert!(verdict.take(Outcome::WrongCode(502), &check(), at(1)));
    let health = verdict.health();
    assert_eq!(health.reason, Some(HealthReason::ResponseCodeMismatch));
    assert_eq!(
        health.description.as_deref(),
        Some("Health checks failed with these codes: [502]")
    );
    assert!(
        !verdict.take(Outcome::WrongCode(502), &check(), at(2)),
        "nothing new"
    );
    assert!(verdict.take(Outcome::Broken, &check(), at(3)));
    assert_eq!(
        verdict.health().description.as_deref(),
        Some("Health checks failed")
    );
    assert_eq!(verdict.since(), at(0), "it has been unhealthy all the time");
}

#[test]
fn lb19_a_draining_target_is_draining_whatever_its_checks_say() {
    let mut verdict = Verdict::seeded(&target(HealthState::Healthy), at(0));
    assert!(verdict.drain(true, at(1)));
    assert_eq!(verdict.health().state, HealthState::Draining);
    verdict.take(Outcome::Broken, &check(), at(2));
    verdict.take(Outcome::Broken, &check(), at(3));
    assert_eq!(verdict.health().state, HealthState::UnhealthyDraining);
    assert_eq!(
        verdict.health().reason,
        Some(HealthReason::DeregistrationInProgress)
    );
}

#[test]
fn lb16_without_checks_targets_are_unavailable_and_begin_anew_with_them() {
    let mut verdict = Verdict::seeded(&target(HealthState::Healthy), at(0));
    assert!(verdict.enable(false, at(1)) && !verdict.enable(false, at(2)));
    assert_eq!(verdict.health().reason, Some(HealthReason::HealthCheckDisabled));
    assert!(verdict.enable(true, at(3)));
    assert!(verdict.is_initial());
}

proptest! {
    #[test]
    fn lb15_a_code_passes_exactly_when_a_range_holds_it(
        code in 0_u16..700,
        bounds in proptest::collection::vec((0_u16..700, 0_u16..50), 0..6),
    ) {
        let ranges: Vec<_> = bounds.iter().map(|(low, length)| *low..=low + length).collect();
        let expected = bounds.iter().any(|(low, length)| code >= *low && code - low <= *length);
        let outcome = Outcome::of_code(code, &Matcher::HttpCodes(ranges));
        prop_assert_eq!(outcome == Outcome::Passed, expected);
    }

    #[test]
    fn lb17_a_target_is_never_judged_by_fewer_failures_than_its_threshold(
        threshold in 2_u32..10,
        passes in proptest::collection::vec(any::<bool>(), 0..60),
    ) {
        let check = HealthCheck { unhealthy_threshold: threshold, healthy_threshold: threshold, ..check() };
        let mut verdict = Verdict::seeded(&target(HealthState::Healthy), at(0));
        let (mut in_a_row, mut last) = (0, true);
        for pass in passes {
            in_a_row = if pass == last { in_a_row + 1 } else { 1 };
            last = pass;
            let outcome = if pass { Outcome::Passed } else { Outcome::Broken };
            let changed = verdict.take(outcome, &check, at(1));
            prop_assert!(!changed || in_a_row == threshold);
        }
    }
}
