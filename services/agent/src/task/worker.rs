//! The worker of one task: does what its machine asks for, saves, reports, and clears up at the end.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt, OptionFuture};
use futures::stream::FuturesUnordered;
use kit::Shutdown;

use super::actions::Actions;
use super::cell::TaskCell;
use super::clearing;
use super::record::Desired;
use super::report::{self, Due, Report};
use super::steps::Outcome;
use crate::host::Host;

/// How long news of containers waits for more before it is sent without news of the task.
const GATHER: TimeDelta = TimeDelta::milliseconds(1000);
const SAVE_RETRY: Duration = Duration::from_secs(1);

/// Runs one task from its acceptance to its removal.
pub struct TaskWorker {
    host: Arc<Host>,
    cell: Arc<TaskCell>,
    shutdown: Shutdown,
    actions: Arc<Actions>,
    running: FuturesUnordered<BoxFuture<'static, Outcome>>,
    saving: Option<BoxFuture<'static, Option<u64>>>,
    reporting: Option<BoxFuture<'static, Report>>,
    /// Since when there is something to tell that may wait a moment.
    gathering: Option<DateTime<Utc>>,
}

impl TaskWorker {
    pub fn new(host: Arc<Host>, cell: Arc<TaskCell>, shutdown: Shutdown) -> Self {
        let actions = Arc::new(Actions::new(host.clone(), cell.clone()));
        Self {
            host,
            cell,
            shutdown,
            actions,
            running: FuturesUnordered::new(),
            saving: None,
            reporting: None,
            gathering: None,
        }
    }

    /// Works until the task is over and cleared away (true), or the agent shuts down (false).
    pub async fn run(mut self) -> bool {
        while !self.shutdown.is_requested() {
            let wake_at = self.begin();
            if self.is_over() {
                return self
                    .shutdown
                    .unless_requested(clearing::clear_away(&self.host, &self.cell))
                    .await
                    .is_some();
            }
            self.wait(wake_at).await;
        }
        if let Some(saving) = self.saving.take() {
            saving.await;
        }
        if self.unsaved() {
            self.save().await;
        }
        false
    }

    /// Begins all that can begin now. Gives the time at which to look again although nothing happened.
    fn begin(&mut self) -> Option<DateTime<Utc>> {
        let now = self.host.clock.now();
        let (plan, desired) = {
            let mut machine = self.cell.machine.lock();
            (machine.plan(now), machine.record().desired)
        };
        if desired == Desired::Stopped {
            self.actions.give_up_pulls();
        }
        for step in plan.steps {
            self.running.push(self.actions.clone().perform(step).boxed());
        }
        if self.saving.is_none() && self.unsaved() {
            self.saving = Some(self.save());
        }
        [plan.wake_at, self.report(now)].into_iter().flatten().min()
    }

    fn report(&mut self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.reporting.is_some() {
            return None;
        }
        let due = self
            .cell
            .read(|record| report::due(record, &self.host.config.cluster));
        let report = match due {
            Due::Nothing => {
                self.gathering = None;
                return None;
            }
            Due::Now(report) => report,
            Due::Soon(report) => {
                let until = *self.gathering.get_or_insert(now) + GATHER;
                if now < until {
                    return Some(until);
                }
                report
            }
        };
        self.gathering = None;
        let host = self.host.clone();
        self.reporting = Some(
            async move {
                host.submitter.submit(&report.request).await;
                *report
            }
            .boxed(),
        );
        None
    }

    async fn wait(&mut self, wake_at: Option<DateTime<Utc>>) {
        let pause = wake_at.map(|at| (at - self.host.clock.now()).to_std().unwrap_or_default());
        let outcome = tokio::select! {
            Some(outcome) = self.running.next() => Some(outcome),
            Some(saved) = OptionFuture::from(self.saving.as_mut()) => {
                self.saving = None;
                if let Some(revision) = saved {
                    self.cell.machine.lock().persisted();
                    self.cell.saved.send_replace(revision);
                }
                None
            }
            Some(report) = OptionFuture::from(self.reporting.as_mut()) => {
                self.reporting = None;
                self.cell.machine.lock().reported(|record| report.accepted(record));
                None
            }
            () = self.cell.wake.notified() => None,
            Some(()) = OptionFuture::from(pause.map(tokio::time::sleep)) => None,
            () = self.shutdown.requested() => None,
        };
        if let Some(outcome) = outcome {
            let mut machine = self.cell.machine.lock();
            let before = health_of(machine.record());
            machine.apply(outcome, self.host.clock.now());
            if health_of(machine.record()) != before {
                self.host.health_changed.notify_one();
            }
        }
    }

    fn unsaved(&self) -> bool {
        self.cell.machine.lock().revision() > *self.cell.saved.borrow()
    }

    /// Saves the record as it is now; gives its revision, or nothing when that failed.
    fn save(&self) -> BoxFuture<'static, Option<u64>> {
        let host = self.host.clone();
        let (revision, id, encoded) = {
            let machine = self.cell.machine.lock();
            let record = machine.record();
            (
                machine.revision(),
                record.id().to_owned(),
                host.store.encode(record),
            )
        };
        async move {
            let saved = match encoded {
                Ok(bytes) => host.store.save_task(&id, bytes).await,
                Err(error) => Err(error),
            };
            match saved {
                Ok(()) => Some(revision),
                Err(error) => {
                    tracing::error!(task = id, %error, "the task could not be saved; to be tried again");
                    tokio::time::sleep(SAVE_RETRY).await;
                    None
                }
            }
        }
        .boxed()
    }

    fn is_over(&self) -> bool {
        let quiet = self.running.is_empty() && self.saving.is_none() && self.reporting.is_none();
        quiet && self.cell.read(|record| record.finished())
    }
}

fn health_of(record: &super::record::TaskRecord) -> Vec<agent_protocol::tcs::HealthStatus> {
    record
        .containers
        .iter()
        .map(|container| container.health.status.clone())
        .collect()
}
