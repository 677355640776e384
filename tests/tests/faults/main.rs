//! Servers, agents, networks and PostgreSQL are killed at random instants while users go on working. In the end everything that was
//! acknowledged has come to be, nothing ran twice, nothing is left over and the books balance.
//!
//! `BERTH_FAULT_ROUNDS` says how often something is killed, `BERTH_FAULT_SEED` repeats a run.
#![allow(clippy::unwrap_used)]

mod postgres;
mod scene;
mod user;
mod victims;

use std::time::Duration;

use berth_tests::CLUSTER;
use chrono::TimeDelta;
use postgres::Postgres;
use rand::Rng;
use scene::Scene;
use serde_json::json;
use test_support::{Settings, TestDb, eventually};
use user::Acknowledged;
use victims::Faults;

const PATIENCE: Duration = Duration::from_secs(60);
const SERVICE: &str = "web";

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn seed() -> u64 {
    let seed = setting("BERTH_FAULT_SEED").unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    println!("BERTH_FAULT_SEED={seed}");
    seed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_of_servers_agents_and_postgres_lose_and_double_nothing() {
    let (seed, rounds) = (seed(), setting("BERTH_FAULT_ROUNDS").unwrap_or(100));
    let postgres = Postgres::start().await;
    let settings = Settings {
        host_loss_after: TimeDelta::seconds(60),
        ..Settings::default()
    };
    let scene = Scene::set(postgres.options.clone(), settings, 2, 4, seed).await;
    let faults = Faults {
        rounds,
        postgres: Some(&postgres),
        absence: Duration::from_millis(400),
        engines: true,
    };
    let told = scene.play(faults, seed).await;
    let pool = postgres.pool().await;
    scene.check(&told, false, &pool).await;
    pool.close().await;
    drop(scene);
    postgres.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_are_given_up_while_servers_die_run_nothing_twice() {
    let seed = seed();
    let db = TestDb::new().await;
    let settings = Settings {
        host_loss_after: TimeDelta::milliseconds(1_200),
        ..Settings::default()
    };
    let scene = Scene::set(db.options(), settings, 2, 4, seed).await;
    let faults = Faults {
        rounds: 18,
        postgres: None,
        absence: Duration::from_secs(3),
        engines: false,
    };
    let told = scene.play(faults, seed).await;
    scene.check(&told, true, db.db().pool()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_killed_comes_back_and_nobody_stops() {
    let postgres = Postgres::start().await;
    let scene = Scene::set(postgres.options.clone(), Settings::default(), 1, 2, 1).await;
    for count in [5, 2, 6] {
        let before = postgres.pid();
        postgres.kill();
        eventually("PostgreSQL runs again", PATIENCE, async || {
            postgres.pid().filter(|pid| Some(*pid) != before)
        })
        .await;
        let input = json!({"cluster": CLUSTER, "service": SERVICE, "desiredCount": count});
        scene.client.insist("UpdateService", input).await;
        eventually("the new count is there", PATIENCE, async || {
            let service = scene.client.service(CLUSTER, SERVICE).await.ok()?;
            (service["runningCount"] == json!(count)).then_some(())
        })
        .await;
        assert_eq!(scene.servers[0].failure().await, None);
    }
    let told = Acknowledged {
        count: 6,
        definition: scene.definitions[0].clone(),
        ..Acknowledged::default()
    };
    let pool = postgres.pool().await;
    scene.check(&told, false, &pool).await;
    pool.close().await;
    drop(scene);
    postgres.end().await;
}
