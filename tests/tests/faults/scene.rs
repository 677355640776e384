//! Servers, hosts and a service; users and kills upon them; and the checks at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use berth_tests::{CLUSTER, define, steady, text};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use test_support::sim_hosts::Delays;
use test_support::{Client, ControlPlane, Settings, SimHosts, books, settles};

use crate::user::{Acknowledged, User};
use crate::victims::{Faults, Victims};
use crate::{PATIENCE, SERVICE};

pub struct Scene {
    pub servers: Vec<ControlPlane>,
    pub hosts: SimHosts,
    pub definitions: [String; 2],
    pub client: Client,
}

impl Scene {
    /// Starts everything and waits until the service is steady.
    pub async fn set(
        database: PgConnectOptions,
        settings: Settings,
        servers: usize,
        hosts: usize,
        seed: u64,
    ) -> Self {
        let mut all = Vec::new();
        for _ in 0..servers {
            all.push(ControlPlane::start(database.clone(), settings.clone()).await);
        }
        let client = all[0].client();
        client.ok("CreateCluster", json!({"clusterName": CLUSTER})).await;
        let references: Vec<&ControlPlane> = all.iter().collect();
        let hosts = SimHosts::of(&references)
            .with_wires()
            .seed(seed)
            .connected(hosts)
            .await;
        // Kills fall between the steps, too.
        let step = Duration::from_millis(15);
        let delays = Delays {
            pull: step,
            create: step,
            start: step,
            stop: step,
        };
        hosts.iter().for_each(|host| host.engine().set_delays(delays));
        let definitions = [
            define(&client, "web", "fake/start-slow:30ms").await,
            define(&client, "web", "fake/graceful:50ms").await,
        ];
        let input = json!({"cluster": CLUSTER, "serviceName": SERVICE, "taskDefinition": definitions[0], "desiredCount": 4});
        client.ok("CreateService", input).await;
        steady(&client, SERVICE).await;
        Self {
            servers: all,
            hosts,
            definitions,
            client,
        }
    }

    /// Lets users work while things are killed. Gives what they were told.
    pub async fn play(&self, faults: Faults<'_>, seed: u64) -> Acknowledged {
        let done = Arc::new(AtomicBool::new(false));
        let user = |salt: u64| User {
            clients: self.servers.iter().map(ControlPlane::client).collect(),
            rng: StdRng::seed_from_u64(seed ^ salt),
            done: done.clone(),
            calls: 0,
        };
        let first = Acknowledged {
            count: 4,
            definition: self.definitions[0].clone(),
            ..Acknowledged::default()
        };
        let deploying = user(1).deploy(self.definitions.clone(), first);
        let running = user(2).run_and_stop(self.definitions[1].clone());
        let (begun, mut rng) = (Instant::now(), StdRng::seed_from_u64(seed));
        let mut victims = Victims {
            servers: &self.servers,
            hosts: &self.hosts,
            faults,
            counts: BTreeMap::new(),
        };
        let killing = async {
            for _ in 0..faults.rounds {
                victims.strike(&mut rng).await;
            }
            done.store(true, Ordering::SeqCst);
        };
        let ((deployed, updates), (ran, calls), ()) = tokio::join!(deploying, running, killing);
        println!(
            "killed {:?} in {:?}; {updates} updates, {calls} calls about tasks, {} tasks",
            victims.counts,
            begun.elapsed(),
            ran.tasks.values().map(Vec::len).sum::<usize>()
        );
        Acknowledged {
            tasks: ran.tasks,
            stopped: ran.stopped,
            ..deployed
        }
    }

    /// All that was acknowledged has come to be. `lost` says whether a task may have ended with its host.
    pub async fn check(&self, told: &Acknowledged, hosts_were_lost: bool, pool: &PgPool) {
        self.hosts.are_connected().await;
        let service = steady(&self.client, SERVICE).await;
        assert_eq!(
            (&service["desiredCount"], &service["taskDefinition"]),
            (&json!(told.count), &json!(told.definition))
        );
        for (call, arns) in &told.tasks {
            self.replay(call, arns).await;
            for arn in arns {
                self.came_to_be(arn, told.stopped.contains(arn), hosts_were_lost)
                    .await;
            }
        }
        self.hosts.no_container_left_over().await;
        self.hosts.nothing_ran_twice();
        books::balance(pool).await;
        self.nothing_beyond(told, pool).await;
        for server in &self.servers {
            assert_eq!(server.failure().await, None);
        }
    }

    /// the same token gives the same tasks.
    async fn replay(&self, call: &str, arns: &[String]) {
        let call: Value = serde_json::from_str(call).unwrap();
        let input = json!({"cluster": CLUSTER, "taskDefinition": self.definitions[1], "clientToken": call[0], "count": call[1]});
        if !arns.is_empty() {
            let reply = self.client.ok("RunTask", input).await;
            let again: BTreeSet<String> = reply["tasks"]
                .as_array()
                .unwrap()
                .iter()
                .map(|task| text(task, "taskArn"))
                .collect();
            assert_eq!(again, arns.iter().cloned().collect());
        }
    }

    async fn came_to_be(&self, arn: &str, was_stopped: bool, hosts_were_lost: bool) {
        settles(arn, PATIENCE, async || {
            let shown = self
                .client
                .ok("DescribeTasks", json!({"cluster": CLUSTER, "tasks": [arn]}))
                .await;
            let task = &shown["tasks"][0];
            let is_right = match task["lastStatus"].as_str() {
                Some("RUNNING") => !was_stopped,
                Some("STOPPED") => {
                    was_stopped || (hosts_were_lost && task["stopCode"] == "TerminationNotice")
                }
                _ => false,
            };
            if is_right {
                Ok(())
            } else {
                Err(format!("stopped by the user: {was_stopped}; {task}"))
            }
        })
        .await;
    }

    /// No task came to be of which nobody knows.
    async fn nothing_beyond(&self, told: &Acknowledged, pool: &PgPool) {
        let known: BTreeSet<&str> = told
            .tasks
            .values()
            .flatten()
            .filter_map(|arn| arn.rsplit('/').next())
            .collect();
        let made: Vec<String> =
            sqlx::query_scalar("SELECT replace(id::text, '-', '') FROM tasks WHERE service_id IS NULL")
                .fetch_all(pool)
                .await
                .unwrap();
        let unknown: Vec<&String> = made.iter().filter(|id| !known.contains(id.as_str())).collect();
        assert!(unknown.is_empty(), "tasks that nobody was told of: {unknown:?}");
    }
}
