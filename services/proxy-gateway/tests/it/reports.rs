//! What proxies report.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use routing::message::{FromProxy, MetricsMinute, MetricsRow, Statistics, TargetReport, ToProxy};
use routing::{Health, HealthReason, HealthState};
use store::Wake;

use crate::rows::{balancer_arn, group_arn};
use crate::world::{PATIENCE, Proxy, World, eventually};

/// Of the target as it is registered now.
async fn report(world: &World, health: Health, since: DateTime<Utc>) -> FromProxy {
    FromProxy::Health {
        target_group: group_arn("web"),
        targets: vec![TargetReport {
            id: "10.0.0.1".to_owned(),
            port: 80,
            registered_at: world.registered_at("web").await,
            health,
            since,
        }],
    }
}

async fn one_target() -> (World, Proxy) {
    let world = World::new().await;
    world.group("web").await;
    world.target("web", "10.0.0.1").await;
    world.balancer("front", &["web"]).await;
    let mut proxy = world.proxy("edge").await;
    proxy.checking(&[&group_arn("web")]).await;
    (world, proxy)
}

async fn becomes(world: &World, state: &str) -> Option<DateTime<Utc>> {
    eventually(async || world.health("web").await, |health| health.0 == state)
        .await
        .2
}

#[tokio::test]
async fn lb17_health_is_agreed_from_the_checkers_reports_and_older_ones_change_nothing() {
    let (world, mut proxy) = one_target().await;
    let start = Utc::now().trunc_subsecs(3);
    proxy.send(&report(&world, Health::healthy(), start).await).await;
    assert_eq!(becomes(&world, "healthy").await, Some(start));
    let unhealthy = Health::because(HealthState::Unhealthy, HealthReason::Timeout);
    // Before what is known; then the same again; then one who has just begun to check.
    proxy
        .send(&report(&world, unhealthy.clone(), start - TimeDelta::seconds(1)).await)
        .await;
    proxy.send(&report(&world, Health::healthy(), start).await).await;
    let beginning = Health::because(HealthState::Initial, HealthReason::InitialHealthChecking);
    proxy.send(&report(&world, beginning, Utc::now()).await).await;
    proxy.taken_in(1).await;
    let again: i64 = sqlx::query_scalar("SELECT count(*) FROM targets WHERE health_state <> 'healthy'")
        .fetch_one(world.db.pool())
        .await
        .unwrap();
    assert_eq!(again, 0);
    let later = start + TimeDelta::milliseconds(1);
    proxy.send(&report(&world, unhealthy, later).await).await;
    assert_eq!(becomes(&world, "unhealthy").await, None);
    let group = proxy
        .until(|message| match message {
            ToProxy::TargetGroup { target_group } => {
                let target = &target_group.targets[0];
                (target.health.state == HealthState::Unhealthy).then(|| target.clone())
            }
            _ => None,
        })
        .await;
    assert_eq!(group.health.reason, Some(HealthReason::Timeout));
    assert_eq!(group.healthy_since, None);
}

#[tokio::test]
async fn a_report_of_a_proxy_that_does_not_check_the_group_counts_for_nothing() {
    let (world, mut checker) = one_target().await;
    let mut other = world.server.proxy("other", &["another-balancer"]).await;
    other.synced().await;
    other
        .send(&report(&world, Health::healthy(), Utc::now()).await)
        .await;
    other.taken_in(1).await;
    assert_eq!(world.health("web").await.0, "initial");
    checker
        .send(&report(&world, Health::healthy(), Utc::now()).await)
        .await;
    becomes(&world, "healthy").await;
}

#[tokio::test]
async fn a_clock_that_is_ahead_or_behind_keeps_no_health_of_a_target_from_being_agreed() {
    for skew in [TimeDelta::hours(-1), TimeDelta::seconds(-20), TimeDelta::hours(1)] {
        let (world, mut proxy) = one_target().await;
        let start = Utc::now() + skew;
        proxy.send(&report(&world, Health::healthy(), start).await).await;
        let since = becomes(&world, "healthy")
            .await
            .expect("a healthy target has been so since");
        assert!((Utc::now() - since).abs() < TimeDelta::seconds(15), "{since}");
        let unhealthy = Health::because(HealthState::Unhealthy, HealthReason::Timeout);
        proxy
            .send(&report(&world, unhealthy, start + TimeDelta::milliseconds(300)).await)
            .await;
        becomes(&world, "unhealthy").await;
    }
}

#[tokio::test]
async fn lb19_a_word_on_an_earlier_registration_at_the_same_address_counts_for_nothing() {
    let (world, mut proxy) = one_target().await;
    let late = report(&world, Health::healthy(), Utc::now()).await;
    world.run("DELETE FROM targets").await;
    world.target("web", "10.0.0.1").await;
    proxy.send(&late).await;
    proxy.taken_in(1).await;
    assert_eq!(world.health("web").await.0, "initial");
    proxy
        .send(&report(&world, Health::healthy(), Utc::now()).await)
        .await;
    becomes(&world, "healthy").await;
}

#[tokio::test]
async fn a_held_request_gives_a_sleeping_service_its_count_back_and_requests_keep_it_awake() {
    let (world, mut proxy) = one_target().await;
    let service = world.service("web").await;
    world
        .run(&format!(
            "UPDATE services SET desired_count = 0; \
             INSERT INTO sleepers VALUES ({service}, 60, 100, 60, now() - interval '1 hour', 3)"
        ))
        .await;
    let wake = FromProxy::Wake {
        target_group: group_arn("web"),
    };
    for group in ["other", "web"] {
        let asked = FromProxy::Wake {
            target_group: group_arn(group),
        };
        proxy.send(&asked).await;
    }
    let stands = async || -> (i32, Option<i32>, bool) {
        let query = "SELECT s.desired_count, z.awake_count, z.active_at > now() - interval '1 minute' \
            FROM services s JOIN sleepers z ON z.service_id = s.id";
        sqlx::query_as(query).fetch_one(world.db.pool()).await.unwrap()
    };
    eventually(stands, |stands| *stands == (3, None, true)).await;
    world
        .run("UPDATE sleepers SET active_at = now() - interval '1 hour'")
        .await;
    proxy.send(&wake).await;
    eventually(stands, |stands| *stands == (3, None, true)).await;
}

#[tokio::test]
async fn lb03_the_service_of_a_target_is_woken_by_its_health() {
    let (world, mut proxy) = one_target().await;
    let service = world.service("web").await;
    let mut wakes = world.db.wakes().listen();
    proxy
        .send(&report(&world, Health::healthy(), Utc::now()).await)
        .await;
    let woken = async { while wakes.next().await != Wake::Service(service) {} };
    tokio::time::timeout(PATIENCE, woken)
        .await
        .expect("the service is woken");
}

#[tokio::test]
async fn a_service_that_cannot_be_read_keeps_no_other_from_waking_and_no_health_from_being_agreed() {
    let (world, mut proxy) = one_target().await;
    world.service("web").await;
    // Of another version.
    world
        .run(
            "INSERT INTO services (cluster_id, name, status, scheduling_strategy, desired_count, spec, create_digest, created_at, created_by) \
                 SELECT id, 'odd', 'ACTIVE', 'REPLICA', 0, '{}', '', now(), 'me' FROM clusters; \
             INSERT INTO deployments (id, service_id, status, task_definition_id, desired_count, spec, rollout_state, rollout_state_reason, \
                 created_at, updated_at) SELECT 2, o.id, d.status, d.task_definition_id, 0, d.spec, '', '', now(), now() \
                 FROM deployments d, services o WHERE o.name = 'odd'; \
             UPDATE services SET desired_count = 0; \
             INSERT INTO sleepers SELECT id, 60, 100, 60, now(), 3 FROM services",
        )
        .await;
    let target_group = group_arn("web");
    proxy.send(&FromProxy::Wake { target_group }).await;
    proxy
        .send(&report(&world, Health::healthy(), Utc::now()).await)
        .await;
    becomes(&world, "healthy").await;
    let awake = async || -> i32 {
        let query = "SELECT desired_count FROM services WHERE name = 'web'";
        sqlx::query_scalar(query)
            .fetch_one(world.db.pool())
            .await
            .unwrap()
    };
    eventually(awake, |count| *count == 3).await;
}

fn minutes(count: u64, seconds: f64) -> Vec<MetricsMinute> {
    let statistics = Statistics {
        samples: count,
        sum: seconds,
        minimum: 0.1,
        maximum: seconds,
    };
    vec![MetricsMinute {
        minute: DateTime::from_timestamp(1_767_225_600, 0).unwrap(),
        rows: vec![MetricsRow {
            balancer: balancer_arn("front"),
            target_group: Some(group_arn("web")),
            metrics: vec![
                ("TargetResponseTime".to_owned(), statistics),
                ("RequestCount".to_owned(), statistics),
            ],
        }],
    }]
}

#[tokio::test]
async fn lb40_a_metrics_report_counts_once_and_is_acknowledged_each_time() {
    let world = World::new().await;
    for connection in 0..2 {
        // The same boot, connected again: it does not know what arrived.
        let mut proxy = world.proxy("edge").await;
        for sequence in [1, 2] {
            let minutes = minutes(3, 1.5);
            proxy.send(&FromProxy::Metrics { sequence, minutes }).await;
            proxy
                .until(|message| (*message == ToProxy::Acknowledged { sequence }).then_some(()))
                .await;
        }
        let counted: (i64, f64, f64, f64) = sqlx::query_as(
            "SELECT samples, sum, minimum, maximum FROM balancer_metrics WHERE metric = 'TargetResponseTime'",
        )
        .fetch_one(world.db.pool())
        .await
        .unwrap();
        assert_eq!(counted, (6, 3.0, 0.1, 1.5), "connection {connection}");
    }
    let mut another = world.proxy("edge-2").await;
    another
        .send(&FromProxy::Metrics {
            sequence: 1,
            minutes: minutes(1, 0.5),
        })
        .await;
    another
        .until(|message| matches!(message, ToProxy::Acknowledged { .. }).then_some(()))
        .await;
    let samples: i64 =
        sqlx::query_scalar("SELECT samples FROM balancer_metrics WHERE metric = 'RequestCount'")
            .fetch_one(world.db.pool())
            .await
            .unwrap();
    assert_eq!(samples, 7);
}
