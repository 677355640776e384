//! Leases of servers, and what their agents are granted when no server was there.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use domain::{ContainerInstanceId, Scope};
use store::clusters::NewCluster;
use store::instances::{Registration, Session};
use store::{Db, leases};
use test_support::TestDb;
use uuid::Uuid;

struct World {
    _test_db: TestDb,
    db: Db,
    now: DateTime<Utc>,
    /// The server that was there before.
    old: Uuid,
}

impl World {
    async fn new() -> Self {
        let test_db = TestDb::new().await;
        let db = test_db.db();
        let world = Self {
            _test_db: test_db,
            db,
            now: Utc::now().trunc_subsecs(3),
            old: Uuid::new_v4(),
        };
        assert_eq!(leases::begin(&world.db, world.old, world.now).await.unwrap(), 0);
        world
    }

    /// A host whose agent is connected.
    async fn host(&self) -> Session {
        let scope = Scope::new("000000000000".parse().unwrap(), "us-east-1".parse().unwrap());
        let new = NewCluster {
            name: "default".to_owned(),
            ..NewCluster::default()
        };
        let (cluster, _) = store::clusters::create(&self.db, &scope, &new, &[], self.now)
            .await
            .unwrap();
        let id = ContainerInstanceId(Uuid::new_v4());
        let registration = Registration {
            cluster_id: cluster.id,
            cluster_name: cluster.name,
            id,
            again: false,
            client_token: None,
            ec2_instance_id: None,
            attributes: BTreeMap::new(),
            agent_version: None,
            agent_hash: None,
            docker_version: None,
            cpu: 1024,
            memory: 1024,
            reserved_ports: Vec::new(),
            reserved_ports_udp: Vec::new(),
            gpus: Vec::new(),
            tags: Vec::new(),
        };
        store::instances::register(&self.db, &scope, &registration, self.now)
            .await
            .unwrap()
            .unwrap();
        let session = Session {
            cluster_id: cluster.id,
            instance: id.uuid(),
            server: self.old,
            session: Uuid::new_v4(),
            address: None,
            agent_version: String::new(),
            agent_hash: String::new(),
            docker_version: String::new(),
        };
        store::instances::connect(&self.db, &session, self.now)
            .await
            .unwrap()
            .unwrap();
        session
    }

    /// The old server was killed `seconds` ago.
    async fn kill_server(&self, seconds: i32) {
        sqlx::query("UPDATE servers SET seen_at = now() - make_interval(secs => $1) WHERE id = $2")
            .bind(f64::from(seconds))
            .bind(self.old)
            .execute(self.db.pool())
            .await
            .unwrap();
    }

    /// A server starts; gives how many agents it awaits.
    async fn restart(&self, at: DateTime<Utc>) -> u64 {
        leases::begin(&self.db, Uuid::new_v4(), at).await.unwrap()
    }

    /// How many seconds from now on the host counts as silent; `None` while its agent is connected.
    async fn silent_in(&self, host: &Session) -> Option<i64> {
        let since: Option<DateTime<Utc>> = sqlx::query_scalar(
            "SELECT disconnected_at FROM container_instances WHERE id = $1 AND NOT agent_connected",
        )
        .bind(host.instance)
        .fetch_optional(self.db.pool())
        .await
        .unwrap();
        since.map(|since| (since - self.now).as_seconds_f64().round() as i64)
    }
}

fn seconds(number: i64) -> TimeDelta {
    TimeDelta::seconds(number)
}

#[tokio::test]
async fn s34_agents_have_time_to_come_back_after_the_last_server_was_killed() {
    let world = World::new().await;
    let host = world.host().await;
    world.kill_server(60).await;
    assert_eq!(world.restart(world.now).await, 1);
    assert_eq!(world.silent_in(&host).await, Some(42));
    // A second server that starts right after finds the first.
    assert_eq!(world.restart(world.now).await, 0);
}

#[tokio::test]
async fn s34_agents_have_time_to_come_back_after_the_last_server_left() {
    let world = World::new().await;
    let (lost, host) = (world.host().await, world.host().await);
    let left = world.now - seconds(100);
    store::instances::disconnect(&world.db, &lost, left - seconds(30))
        .await
        .unwrap();
    leases::leave(&world.db, world.old, left).await.unwrap();
    assert_eq!(world.restart(world.now).await, 1);
    assert_eq!(world.silent_in(&host).await, Some(70));
    // It was gone before the server was.
    assert_eq!(world.silent_in(&lost).await, Some(-130));
}

#[tokio::test]
async fn s34_a_long_absence_of_servers_gives_agents_no_longer_than_their_longest_pause() {
    let world = World::new().await;
    let host = world.host().await;
    leases::leave(&world.db, world.old, world.now - seconds(3600))
        .await
        .unwrap();
    assert_eq!(world.restart(world.now).await, 1);
    assert_eq!(world.silent_in(&host).await, Some(150));
}

#[tokio::test]
async fn a_quick_restart_grants_nothing_and_takes_no_session_away() {
    let world = World::new().await;
    let host = world.host().await;
    world.kill_server(3).await;
    assert_eq!(world.restart(world.now).await, 0);
    assert_eq!(world.silent_in(&host).await, None);
}
