//! Services that sleep at zero tasks until a request comes.

use std::time::Duration;

use chrono::TimeDelta;
use kit::Random;
use routing::snapshot::WakePolicy;
use serde_json::{Value, json};
use store::proxies::{self, Parting, ProxySession};
use store::sleepers;
use uuid::Uuid;

use crate::balancers::Balanced;
use crate::lab::{is_stable, messages};

/// A service of two tasks that sleeps after a minute.
async fn sleepy() -> Balanced {
    let world = Balanced::new(1, 1).await;
    let tags = json!([{"key": "berth:scale-to-zero-after", "value": "60"}, {"key": "berth:held-requests", "value": "7"}]);
    world.create(2, json!({"tags": tags})).await;
    world.all_registered(2).await;
    world.pass_checks().await;
    world.lab.play_until("the service is stable", is_stable).await;
    world
}

fn sleeps(service: &Value) -> bool {
    service["desiredCount"] == 0 && service["runningCount"] == 0
}

/// Drains and stops what a sleeping service has.
async fn asleep(world: &Balanced) -> Value {
    world.lab.pass(TimeDelta::minutes(2));
    world
        .lab
        .play_until("it is to sleep", |service| service["desiredCount"] == 0)
        .await;
    world.lab.pass(TimeDelta::minutes(1));
    world.lab.play_until("it sleeps", sleeps).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_sleeps_after_its_idle_time_and_a_request_brings_all_its_tasks_back() {
    let world = sleepy().await;
    let service = asleep(&world).await;
    let told = "(service web) sleeps: no request came for 60 seconds.";
    assert!(messages(&service).iter().any(|message| message == told));
    let db = world.lab.api.db();
    let groups = store::routes::target_groups(&db, &world.groups).await.unwrap();
    let policy = WakePolicy {
        held_requests: 7,
        hold_seconds: 60,
    };
    assert_eq!(groups[0].wake, Some(policy));
    for _ in 0..3 {
        sleepers::active(&db, &world.groups, world.lab.api.api().clock.now())
            .await
            .unwrap();
    }
    world.all_registered(2).await;
    world.pass_checks().await;
    let service = world.lab.play_until("it is awake", is_stable).await;
    let told = "(service web) wakes up for a request: its desired count is 2 again.";
    assert_eq!(
        messages(&service)
            .iter()
            .filter(|message| *message == told)
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_keep_a_service_awake() {
    let world = sleepy().await;
    for _ in 0..3 {
        world.lab.pass(TimeDelta::seconds(40));
        let now = world.lab.api.api().clock.now();
        sleepers::active(&world.lab.api.db(), &world.groups, now)
            .await
            .unwrap();
        assert_eq!(sleepers::fall_asleep(&world.lab.api.db(), now).await.unwrap(), 0);
    }
    assert_eq!(world.lab.service().await["desiredCount"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_request_and_a_sleep_at_one_moment_the_request_wins_and_two_proxies_wake_once() {
    let world = sleepy().await;
    world.lab.tasks.drain(Duration::from_secs(5)).await;
    let (db, now) = (
        world.lab.api.db(),
        world.lab.api.api().clock.now() + TimeDelta::hours(1),
    );
    let mut slept = 0;
    let random = Random::seeded(7);
    for round in 0..40 {
        sqlx::query(
            "WITH s AS (UPDATE services SET settled = true) UPDATE sleepers SET active_at = $1 - interval '30 minutes'",
        )
        .bind(now)
        .execute(db.pool())
        .await
        .unwrap();
        let asked = Duration::from_micros(random.below(8_000) as u64);
        let active = async || {
            tokio::time::sleep(asked).await;
            sleepers::active(&db, &world.groups, now).await
        };
        // In some rounds for certain after it has fallen asleep.
        if round % 4 == 0 {
            slept += sleepers::fall_asleep(&db, now).await.unwrap();
        }
        let (asleep, one, two) = tokio::join!(sleepers::fall_asleep(&db, now), active(), active());
        one.and(two).unwrap();
        slept += asleep.unwrap();
        let stands: (i32, Option<i32>) = sqlx::query_as(
            "SELECT s.desired_count, z.awake_count FROM services s JOIN sleepers z ON z.service_id = s.id",
        )
        .fetch_one(db.pool())
        .await
        .unwrap();
        assert_eq!(stands, (2, None));
    }
    let told = messages(&world.lab.service().await);
    let count = |what: &str| told.iter().filter(|text| text.contains(what)).count() as u64;
    assert!(slept >= 10, "{slept}");
    assert_eq!((count("sleeps:"), count("wakes up")), (slept, slept));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_service_sleeps_while_a_proxy_is_cut_off_that_may_see_requests() {
    let world = sleepy().await;
    let db = world.lab.api.db();
    let connect = async || {
        let session = Uuid::new_v4();
        let proxy = ProxySession {
            name: "edge".to_owned(),
            boot: "boot".to_owned(),
            version: "0.1.0".to_owned(),
            metrics_address: None,
            balancers: Vec::new(),
            server: Uuid::new_v4(),
            session,
        };
        proxies::connect(&db, &proxy, world.lab.api.api().clock.now())
            .await
            .unwrap();
        session
    };
    let session = connect().await;
    assert!(proxies::disconnect(&db, session, Parting::CutOff).await.unwrap());
    assert!(
        !proxies::disconnect(&db, session, Parting::CutOff).await.unwrap(),
        "nobody holds it any more"
    );
    world.lab.pass(TimeDelta::minutes(2));
    let now = world.lab.api.api().clock.now();
    assert_eq!(sleepers::fall_asleep(&db, now).await.unwrap(), 0);
    assert_eq!(world.lab.service().await["desiredCount"], 2);
    let session = connect().await;
    assert!(proxies::disconnect(&db, session, Parting::Goodbye).await.unwrap());
    world
        .lab
        .wait("it is to sleep", |service| service["desiredCount"] == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_in_which_no_server_could_hear_of_requests_does_not_count_as_idle() {
    let world = sleepy().await;
    let (db, now) = (world.lab.api.db(), world.lab.api.api().clock.now());
    let began = async |at: chrono::DateTime<chrono::Utc>| {
        sqlx::query("UPDATE servers SET started_at = $1")
            .bind(at)
            .execute(db.pool())
            .await
            .unwrap();
    };
    began(now + TimeDelta::minutes(10)).await;
    world.lab.pass(TimeDelta::minutes(10) + TimeDelta::seconds(59));
    let now = world.lab.api.api().clock.now();
    assert_eq!(sleepers::fall_asleep(&db, now).await.unwrap(), 0);
    assert_eq!(world.lab.service().await["desiredCount"], 2);
    world.lab.pass(TimeDelta::seconds(1));
    world
        .lab
        .wait("it is to sleep", |service| service["desiredCount"] == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_opted_out_wakes_up() {
    let world = sleepy().await;
    let service = asleep(&world).await;
    let arn = &service["serviceArn"];
    let untag = json!({"resourceArn": arn, "tagKeys": ["berth:scale-to-zero-after"]});
    world.lab.api.ok("UntagResource", untag).await;
    world
        .lab
        .wait("it is awake", |service| service["desiredCount"] == 2)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_a_user_sets_wins_over_the_one_before_the_sleep() {
    let world = sleepy().await;
    asleep(&world).await;
    world.lab.update(json!({"desiredCount": 1})).await;
    let now = world.lab.api.api().clock.now();
    sleepers::active(&world.lab.api.db(), &world.groups, now)
        .await
        .unwrap();
    assert_eq!(world.lab.service().await["desiredCount"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_in_tags_are_checked() {
    let world = Balanced::new(1, 1).await;
    for (key, value) in [
        ("berth:scale-to-zero-after", "9"),
        ("berth:scale-to-zero-after", "soon"),
        ("berth:scale-to-zero-after", "+60"),
        ("berth:hold-seconds", ""),
        ("berth:sleep", "1"),
    ] {
        let tags = json!([{"key": key, "value": value}]);
        let body = json!({"serviceName": "web", "taskDefinition": "web:3", "desiredCount": 1, "tags": tags});
        let refusal = world.lab.api.refused("CreateService", body).await;
        assert_eq!(refusal.code, "InvalidParameterException", "{key}={value}");
        assert!(refusal.message.contains(key), "{}", refusal.message);
    }
}
