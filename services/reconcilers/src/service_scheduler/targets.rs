//! How a task stands with the target groups of its deployment (D-03, S-30, LB-04).

use planning::deployment::FailedTarget;
use routing::{Health, HealthReason, HealthState};
use store::services::load::{Loaded, TaskFacts};
use store::services::targets::TargetFacts;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// `None`: the deployment has no load balancers.
    pub healthy: Option<bool>,
    pub failed: Option<FailedTarget>,
}

pub fn of(task: &TaskFacts, loaded: &Loaded) -> Targets {
    let mut deployments = loaded.deployments.iter();
    let deployment = deployments.find(|row| Some(row.id) == task.deployment_id);
    let wanted = deployment.map_or(0, |row| row.spec.load_balancers.len());
    match wanted {
        0 => Targets::default(),
        wanted => judge(wanted, loaded.targets.get(&task.id).map_or(&[], Vec::as_slice)),
    }
}

/// A task is healthy when it is so everywhere, and fails with the first of its targets that does.
fn judge(wanted: usize, targets: &[TargetFacts]) -> Targets {
    let healthy = targets.iter().filter(|target| is_healthy(&target.health)).count();
    let failed = targets
        .iter()
        .find(|target| target.health.state == HealthState::Unhealthy);
    Targets {
        healthy: Some(healthy >= wanted),
        failed: failed.map(|target| FailedTarget {
            target_group_arn: target.target_group_arn.clone(),
            instance: Some(target.target_id.clone()).filter(|id| id.starts_with("i-")),
            port: u16::try_from(target.port).unwrap_or_default(),
            reason: reason(&target.health),
        }),
    }
}

/// A target that nobody checks counts as healthy.
fn is_healthy(health: &Health) -> bool {
    match health.state {
        HealthState::Healthy => true,
        HealthState::Unavailable => health.reason == Some(HealthReason::HealthCheckDisabled),
        _ => false,
    }
}

/// What events call the reason (S-33).
fn reason(health: &Health) -> String {
    let in_general = || health.reason.map(|reason| reason.text().to_owned());
    let told = health.description.clone().or_else(in_general);
    told.unwrap_or_else(|| HealthReason::FailedHealthChecks.text().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: &str, health: Health) -> TargetFacts {
        TargetFacts {
            target_group_arn: "arn:tg".to_owned(),
            target_id: id.to_owned(),
            port: 32_768,
            health,
        }
    }

    fn unhealthy(reason: HealthReason) -> Health {
        Health::because(HealthState::Unhealthy, reason)
    }

    #[test]
    fn lb04_a_task_is_healthy_when_it_is_in_all_its_target_groups() {
        let table = [
            (vec![], false),
            (vec![Health::healthy()], false),
            (vec![Health::healthy(), Health::registered()], false),
            (vec![Health::healthy(), unhealthy(HealthReason::Timeout)], false),
            (vec![Health::healthy(), Health::healthy()], true),
        ];
        for (healths, healthy) in table {
            let targets: Vec<TargetFacts> = healths.into_iter().map(|health| target("i-1", health)).collect();
            assert_eq!(judge(2, &targets).healthy, Some(healthy), "{targets:?}");
        }
    }

    #[test]
    fn d03_a_target_that_nobody_checks_counts_as_healthy() {
        let because = |state, reason| judge(1, &[target("i-1", Health::because(state, reason))]).healthy;
        let unavailable = HealthState::Unavailable;
        assert_eq!(
            because(unavailable, HealthReason::HealthCheckDisabled),
            Some(true)
        );
        assert_eq!(because(unavailable, HealthReason::InternalError), Some(false));
        assert_eq!(because(HealthState::Unused, HealthReason::NotInUse), Some(false));
        assert_eq!(
            because(HealthState::Draining, HealthReason::DeregistrationInProgress),
            Some(false)
        );
    }

    #[test]
    fn s33_a_failing_target_is_named_as_it_is_registered() {
        let failing = Health {
            description: Some("Health checks failed with these codes: [502]".to_owned()),
            ..unhealthy(HealthReason::ResponseCodeMismatch)
        };
        let failed = judge(1, &[target("i-0123456789abcdef0", failing)])
            .failed
            .unwrap();
        assert_eq!(failed.instance.as_deref(), Some("i-0123456789abcdef0"));
        assert_eq!(failed.reason, "Health checks failed with these codes: [502]");
        let failed = judge(1, &[target("10.0.0.7", unhealthy(HealthReason::Timeout))])
            .failed
            .unwrap();
        assert_eq!(
            (failed.instance, failed.reason.as_str()),
            (None, "Request timed out")
        );
    }
}
