//! What is killed, and how.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use test_support::{ControlPlane, SimHosts, settles};

use crate::PATIENCE;
use crate::postgres::Postgres;

/// What may happen.
#[derive(Clone, Copy)]
pub struct Faults<'a> {
    pub rounds: u64,
    /// Killed too, if given.
    pub postgres: Option<&'a Postgres>,
    /// Longest time that an agent stays away.
    pub absence: Duration,
    /// Container engines lose answers, break their connections and go away for a moment.
    pub engines: bool,
}

/// What is killed.
pub struct Victims<'a> {
    pub servers: &'a [ControlPlane],
    pub hosts: &'a SimHosts,
    pub faults: Faults<'a>,
    /// How often what was killed.
    pub counts: BTreeMap<&'static str, usize>,
}

impl Victims<'_> {
    /// Kills one thing, brings it back, and lets a little time pass.
    pub async fn strike(&mut self, rng: &mut StdRng) {
        let host = &self.hosts[rng.random_range(0..self.hosts.len())];
        let moment = Duration::from_millis(rng.random_range(0..250));
        let what = match rng.random_range(0..100) {
            0..40 => {
                let server = &self.servers[rng.random_range(0..self.servers.len())];
                assert_eq!(server.failure().await, None, "a loop of the server broke");
                server.kill().await;
                tokio::time::sleep(moment).await;
                start_again(server).await;
                "server"
            }
            40..70 => {
                assert!(host.is_alive(), "the agent of {} ended by itself", host.name());
                host.kill().await;
                tokio::time::sleep(self.faults.absence.mul_f64(rng.random())).await;
                host.start();
                "agent"
            }
            70..80 => {
                host.cut();
                tokio::time::sleep(moment).await;
                host.mend();
                "network"
            }
            80..90 if self.faults.engines => {
                match rng.random_range(0..3) {
                    0 => host.engine().lose_answers(rng.random_range(1..4)),
                    1 => host.engine().restart_engine(),
                    _ => {
                        host.engine().set_reachable(false);
                        tokio::time::sleep(moment).await;
                        host.engine().set_reachable(true);
                    }
                }
                "engine"
            }
            _ => match self.faults.postgres {
                Some(postgres) => {
                    postgres.kill();
                    "postgres"
                }
                None => "nothing",
            },
        };
        *self.counts.entry(what).or_default() += 1;
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..400))).await;
    }
}

/// Starts a server that may find no database at first.
async fn start_again(server: &ControlPlane) {
    settles("the server starts", PATIENCE, async || {
        server.start_again().await.map_err(|error| format!("{error:#}"))
    })
    .await;
}
