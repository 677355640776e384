//! Hosts whose agents went away: their tasks are given up, so that services start others elsewhere (S-34).
//!
//! Silence is only believed if it is the agent's: as long as this server did not reach the database itself, or has just begun to,
//! nobody could have told it that agents are there.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ContainerInstanceId;
use kit::Clock;
use parking_lot::Mutex;
use planning::deployment::StopCode;
use store::{Db, Result, Wake, instances, leases, task_reports};
use tokio::time::Instant;
use tracing::{error, warn};

use crate::driver::{Concern, Looked, Reconciler, Sweep};
use crate::{ReconcilerConfig, Surroundings};

/// Marks sessions of dead servers as gone, and stops the tasks of lost hosts.
pub struct HostWatcher {
    db: Db,
    clock: Arc<dyn Clock>,
    config: Arc<ReconcilerConfig>,
    sight: Mutex<Sight>,
}

impl HostWatcher {
    pub fn new(surroundings: &Surroundings) -> Self {
        Self {
            db: surroundings.db.clone(),
            clock: surroundings.clock.clone(),
            config: surroundings.config.clone(),
            sight: Mutex::default(),
        }
    }

    async fn stop_tasks_of_lost_hosts(&self, now: DateTime<Utc>) -> Result<(u64, u64)> {
        let silent_since = now - self.config.host_loss_after;
        let (mut hosts, mut tasks) = (0, 0);
        for (host, ec2_instance_id) in instances::lost(&self.db, silent_since).await? {
            let reason = reason(ContainerInstanceId(host), ec2_instance_id);
            let code = StopCode::TerminationNotice.as_str();
            let stopping =
                task_reports::stop_all_on_lost_host(&self.db, host, silent_since, code, &reason, now);
            let stopped = match stopping.await {
                Ok(stopped) => stopped,
                // The others must not be kept waiting; the next look comes to this one again.
                Err(error) => {
                    let host = ContainerInstanceId(host);
                    error!(%host, error = &error as &dyn std::error::Error, "the tasks of a lost host could not be given up");
                    continue;
                }
            };
            if stopped > 0 {
                warn!(host = %ContainerInstanceId(host), tasks = stopped, "host lost: its tasks are given up");
                hosts += 1;
                tasks += stopped as u64;
            }
        }
        Ok((hosts, tasks))
    }
}

/// `stoppedReason` (section 5). Hosts that are no EC2 instances are named by their container instance's id.
fn reason(host: ContainerInstanceId, ec2_instance_id: Option<String>) -> String {
    let name = ec2_instance_id.unwrap_or_else(|| host.to_string());
    format!("Host EC2 (instance {name}) terminated.")
}

impl Reconciler for HostWatcher {
    type Key = ();
    const NAME: &'static str = "host_watcher";
    const CONCURRENCY: usize = 1;

    fn period(&self) -> Duration {
        self.config.host_period
    }

    fn concern(&self, _: Wake) -> Concern<()> {
        Concern::Nothing
    }

    async fn sweep(&self, _: Sweep) -> Result<Vec<()>> {
        Ok(vec![()])
    }

    async fn reconcile(&self, (): ()) -> Result<Looked> {
        self.db.ping().await?;
        let clear_for = self.sight.lock().seen(Instant::now(), self.config.host_period);
        let now = self.clock.now();
        let mut looked = Looked::default();
        if clear_for >= leases::LIFE {
            let freed = leases::expire(&self.db, now).await?;
            looked.did.push(("sessions_of_dead_servers", freed as u64));
        }
        if TimeDelta::from_std(clear_for).is_ok_and(|clear| clear >= self.config.host_loss_after) {
            let (hosts, tasks) = self.stop_tasks_of_lost_hosts(now).await?;
            looked
                .did
                .extend([("hosts_lost", hosts), ("tasks_stopped", tasks)]);
        }
        Ok(looked)
    }
}

/// For how long this server has seen the database without a gap.
#[derive(Debug, Default)]
struct Sight {
    clear_since: Option<Instant>,
    last: Option<Instant>,
}

impl Sight {
    /// How many periods may pass between two looks of an unbroken sight.
    const PATIENCE: u32 = 4;

    /// The database answered now; gives how long it has done so.
    fn seen(&mut self, now: Instant, period: Duration) -> Duration {
        let gap = self.last.is_none_or(|last| now - last > period * Self::PATIENCE);
        if gap {
            self.clear_since = Some(now);
        }
        self.last = Some(now);
        self.clear_since.map_or(Duration::ZERO, |since| now - since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_in_the_sight_of_the_database_makes_the_watcher_start_over() {
        let (second, start) = (Duration::from_secs(1), Instant::now());
        let mut sight = Sight::default();
        let seen: Vec<u64> = [0, 1, 2, 6, 12, 13]
            .map(|at| sight.seen(start + second * at, second).as_secs())
            .into();
        assert_eq!(seen, [0, 1, 2, 6, 0, 1]);
    }
}
