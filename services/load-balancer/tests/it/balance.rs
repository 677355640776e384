//! Which target gets a request.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use load_balancer::balance::choose_target;
use load_balancer::session::Served;
use routing::attributes::{Algorithm, Stickiness};
use routing::snapshot::WakePolicy;
use routing::{Action, Forward, ForwardGroup, HealthState};
use tokio::sync::mpsc;

use crate::fixture::*;

async fn three() -> [SocketAddr; 3] {
    [named("a").await, named("b").await, named("c").await]
}

/// How often each name answers `count` requests, sent with `headers`.
async fn tally(rig: &Rig, count: usize, headers: &str) -> HashMap<String, usize> {
    let mut conn = rig.connect().await;
    let mut tally = HashMap::new();
    for _ in 0..count {
        conn.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n"))
            .await;
        *tally.entry(conn.response().await.text()).or_default() += 1;
    }
    tally
}

#[tokio::test]
async fn lb34_round_robin_gives_each_target_the_same() {
    let rig = Rig::with_targets(&three().await);
    assert!(tally(&rig, 30, "").await.values().all(|count| *count == 10));
}

#[tokio::test]
async fn lb34_weighted_random_spreads_evenly_and_a_warming_target_gets_less() {
    let targets = three().await;
    let rig = Rig::with_targets(&targets);
    let mut random = group("tg", &targets);
    random.attributes.algorithm = Algorithm::WeightedRandom;
    rig.proxy.set_target_group(random);
    let spread = tally(&rig, 900, "").await;
    // Three sigma of a share of a third.
    assert!(
        spread.values().all(|count| count.abs_diff(300) <= 43),
        "{spread:?}"
    );
    let mut slow = group("tg", &targets);
    slow.attributes.slow_start_seconds = 900;
    slow.targets[0].healthy_since = Some(Utc::now());
    let rig = Rig::new();
    rig.proxy.set_target_group(slow);
    rig.proxy.set_balancer(balancer(vec![forward(&[("tg", 1)])]));
    let spread = tally(&rig, 90, "").await;
    assert!(spread.get("a").copied().unwrap_or(0) <= 5, "{spread:?}");
}

#[tokio::test]
async fn lb34_a_target_is_found_even_if_the_weights_sink_meanwhile() {
    let rig = Rig::new();
    let mut random = group("tg", &three().await);
    random.attributes.algorithm = Algorithm::WeightedRandom;
    rig.proxy.set_target_group(random);
    let group = rig.proxy.state().group("tg").unwrap();
    let view = group.view_owned();
    for target in &view.targets {
        target.counters.weight.store(0, Ordering::Relaxed);
    }
    assert!(choose_target(&group, &view, &[]).is_some());
}

#[tokio::test]
async fn lb34_least_outstanding_requests_avoids_the_busy_target() {
    let (got, mut asked) = mpsc::unbounded_channel();
    let busy = raw_target(move |mut conn| {
        let got = got.clone();
        async move {
            conn.request().await;
            got.send(()).unwrap();
            conn.request().await;
        }
    })
    .await;
    let free = named("free").await;
    let rig = Rig::with_targets(&[busy]);
    let mut waiting = rig.connect().await;
    waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    asked.recv().await.unwrap();
    let mut least = group("tg", &[busy, free]);
    least.attributes.algorithm = Algorithm::LeastOutstandingRequests;
    rig.proxy.set_target_group(least);
    assert_eq!(tally(&rig, 10, "").await["free"], 10);
}

#[tokio::test]
async fn lb32_groups_get_their_weights_within_three_sigma_and_zero_gets_nothing() {
    let [a, b, c] = three().await;
    let rig = Rig::new();
    for (name, target) in [("one", a), ("two", b), ("none", c)] {
        rig.proxy.set_target_group(group(name, &[target]));
    }
    rig.proxy
        .set_balancer(balancer(vec![forward(&[("one", 90), ("two", 10), ("none", 0)])]));
    let spread = tally(&rig, 1000, "").await;
    assert!(
        spread["a"].abs_diff(900) <= 29 && !spread.contains_key("c"),
        "{spread:?}"
    );
}

#[tokio::test]
async fn lb34_a_client_comes_back_to_its_target_by_cookie_until_that_is_gone() {
    let targets = three().await;
    let sticky = |targets: &[SocketAddr]| {
        let mut group = group("tg", targets);
        group.attributes.stickiness = Some(Stickiness::LbCookie { duration_seconds: 60 });
        group
    };
    let rig = Rig::new();
    rig.proxy.set_target_group(sticky(&targets));
    rig.proxy.set_balancer(balancer(vec![forward(&[("tg", 1)])]));
    let first = rig.get("/").await;
    let cookies = first.cookies();
    assert!(
        cookies[0].starts_with("AWSALB=") && cookies[1].starts_with("AWSALBCORS="),
        "{}",
        first.head
    );
    assert!(
        first.head.contains("; Path=/; SameSite=None; Secure\r\n") && first.head.contains("GMT; Path=/\r\n")
    );
    let header = format!("Cookie: x=1; {}\r\n", cookies[0]);
    assert_eq!(tally(&rig, 9, &header).await[&first.text()], 9);
    // Another proxy, or this one after a restart, understands it.
    let other = Rig::new();
    other.proxy.set_target_group(sticky(&targets));
    other.proxy.set_balancer(balancer(vec![forward(&[("tg", 1)])]));
    assert_eq!(tally(&other, 9, &header).await[&first.text()], 9);
    let mut without = sticky(&targets);
    let name = first.text();
    let place = ["a", "b", "c"].iter().position(|known| *known == name).unwrap();
    without.targets[place] = target(targets[place], HealthState::Unhealthy);
    rig.proxy.set_target_group(without);
    assert!(
        !tally(&rig, 9, &header).await.contains_key(&name),
        "an unhealthy target is left"
    );
}

#[tokio::test]
async fn lb34_stickiness_follows_the_applications_own_cookie() {
    let mut targets = Vec::new();
    for name in ["a", "b", "c"] {
        targets.push(
            answering(move |request| {
                let login = if request.head.starts_with("GET /login") {
                    "Set-Cookie: sid=7; Path=/\r\n"
                } else {
                    ""
                };
                format!("HTTP/1.1 200 OK\r\n{login}Content-Length: 1\r\n\r\n{name}")
            })
            .await,
        );
    }
    let mut group = group("tg", &targets);
    group.attributes.stickiness = Some(Stickiness::AppCookie {
        name: "sid".to_owned(),
        duration_seconds: 60,
    });
    let rig = Rig::new();
    rig.proxy.set_target_group(group);
    rig.proxy.set_balancer(balancer(vec![forward(&[("tg", 1)])]));
    assert!(rig.get("/").await.cookies().is_empty());
    let login = rig.get("/login").await;
    let ours = login
        .cookies()
        .into_iter()
        .find(|cookie| cookie.starts_with("AWSALBAPP-0="))
        .unwrap();
    assert_eq!(
        tally(&rig, 6, &format!("Cookie: sid=7; {ours}\r\n")).await[&login.text()],
        6
    );
    assert_eq!(
        tally(&rig, 6, &format!("Cookie: {ours}\r\n")).await.len(),
        3,
        "without its cookie the session is over"
    );
}

#[tokio::test]
async fn lb32_group_stickiness_keeps_a_client_with_its_group() {
    let [a, b, _] = three().await;
    let rig = Rig::new();
    rig.proxy.set_target_group(group("one", &[a]));
    rig.proxy.set_target_group(group("two", &[b]));
    let share = |name: &str| ForwardGroup {
        target_group: name.to_owned(),
        weight: 1,
    };
    rig.proxy.set_balancer(balancer(vec![Action::Forward(Forward {
        groups: vec![share("one"), share("two")],
        group_stickiness_seconds: Some(60),
    })]));
    let first = rig.get("/").await;
    let cookies = first.cookies();
    assert!(
        cookies[0].starts_with("AWSALBTG=") && cookies[1].starts_with("AWSALBTGCORS="),
        "{}",
        first.head
    );
    assert_eq!(
        tally(&rig, 20, &format!("Cookie: {}\r\n", cookies[0])).await[&first.text()],
        20
    );
}

#[tokio::test]
async fn lb18_all_targets_are_used_when_all_are_unhealthy_but_none_that_was_never_checked() {
    let targets = three().await;
    let rig = Rig::with_targets(&targets);
    let with = |states: [HealthState; 3]| {
        let mut group = group("tg", &[]);
        group.targets = targets
            .iter()
            .zip(states)
            .map(|(address, state)| target(*address, state))
            .collect();
        group
    };
    use HealthState::{Healthy, Initial, Unhealthy};
    rig.proxy.set_target_group(with([Unhealthy, Healthy, Unhealthy]));
    assert_eq!(tally(&rig, 6, "").await["b"], 6);
    rig.proxy.set_target_group(with([Unhealthy; 3]));
    assert_eq!(tally(&rig, 6, "").await.len(), 3);
    let mut demanding = with([Unhealthy, Healthy, Initial]);
    demanding.attributes.minimum_healthy_count = 2;
    rig.proxy.set_target_group(demanding);
    assert_eq!(
        tally(&rig, 6, "").await.len(),
        2,
        "below the minimum, unhealthy ones are used as well"
    );
    rig.proxy.set_target_group(with([Initial; 3]));
    assert_eq!(rig.get("/").await.status, 503);
}

#[tokio::test]
async fn lb19_a_draining_target_finishes_what_it_has_until_the_delay_is_over() {
    let (got, mut asked) = mpsc::unbounded_channel();
    let old = raw_target(move |mut conn| {
        let got = got.clone();
        async move {
            conn.request().await;
            let (answer, answered) = tokio::sync::oneshot::channel::<()>();
            got.send(answer).unwrap();
            if answered.await.is_ok() {
                conn.send(ok("old")).await;
            }
            conn.request().await;
        }
    })
    .await;
    let new = named("new").await;
    let rig = Rig::with_targets(&[old]);
    let mut pending = Vec::new();
    for _ in 0..2 {
        let mut conn = rig.connect().await;
        conn.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        pending.push((conn, asked.recv().await.unwrap()));
    }
    let draining = |until| {
        let mut group = group("tg", &[old, new]);
        group.targets[0].draining_until = Some(until);
        group
    };
    rig.proxy
        .set_target_group(draining(Utc::now() + TimeDelta::minutes(5)));
    assert_eq!(tally(&rig, 4, "").await["new"], 4);
    let (mut conn, answer) = pending.remove(0);
    answer.send(()).unwrap();
    assert_eq!(
        conn.response().await.text(),
        "old",
        "what was under way is finished"
    );
    rig.proxy.set_target_group(draining(Utc::now()));
    // The end of the delay is seen by the clock, whether the server is there or not.
    let (mut conn, _answer) = pending.remove(0);
    assert_eq!(
        conn.response().await.status,
        502,
        "at the end of the delay it is cut off"
    );
}

#[tokio::test]
async fn a_request_for_a_sleeping_service_waits_for_its_first_target() {
    let rig = Rig::new();
    let asleep = || {
        let mut group = group("tg", &[]);
        group.wake = Some(WakePolicy {
            held_requests: 1,
            hold_seconds: 60,
        });
        group
    };
    rig.proxy.set_target_group(asleep());
    rig.proxy.set_balancer(balancer(vec![forward(&[("tg", 1)])]));
    let mut held = rig.connect().await;
    held.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    rig.notes
        .wait(|notes| notes.wakes.lock().unwrap().first().cloned())
        .await;
    assert_eq!(rig.get("/").await.status, 503, "no more than the bound are held");
    rig.notes
        .wait(|notes| (notes.wakes.lock().unwrap().len() > 1).then_some(()))
        .await;
    let mut awake = asleep();
    awake.targets = vec![target(named("awake").await, HealthState::Healthy)];
    rig.proxy.set_target_group(awake);
    assert_eq!(held.response().await.text(), "awake");
    let mut short = asleep();
    short.wake = Some(WakePolicy {
        held_requests: 1,
        hold_seconds: 0,
    });
    rig.proxy.set_target_group(short);
    let begun = std::time::Instant::now();
    assert_eq!(rig.get("/").await.status, 503, "it did not wake up in time");
    assert!(begun.elapsed() < Duration::from_secs(30));
}
