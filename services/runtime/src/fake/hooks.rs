//! What a test may do to a simulated host, and see of it.

use super::container::Container;
use super::{Delays, FakeRuntime, Script};
use crate::container::{ContainerId, ContainerSummary, HealthState, LogLine, LogStream};
use crate::error::Result;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// One start of one container. A container that is started again leaves another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The container.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Started {
    pub(super) fn of(container: &Container, at: DateTime<Utc>) -> Self {
        Self {
            id: ContainerId::from(container.id.as_str()),
            name: container.spec.name.clone(),
            image: container.spec.image().to_owned(),
            labels: container.labels(),
            at,
        }
    }
}

impl FakeRuntime {
    /// Ends a container's process, as if it had exited by itself. Does nothing if it does not run.
    ///
    /// # Errors
    /// `NotFound`, for this and all other hooks that name a container (by id or name).
    pub fn exit(&self, id: &str, exit_code: i64) -> Result<()> {
        self.happen(id, |state, id, now| state.end(id, exit_code, false, now))
    }

    /// Kills a container behind the agent's back, as `docker kill` does.
    pub fn kill(&self, id: &str) -> Result<()> {
        self.exit(id, 137)
    }

    /// Lets the kernel kill a container for memory.
    pub fn oom(&self, id: &str) -> Result<()> {
        self.happen(id, |state, id, now| state.end(id, 137, true, now))
    }

    /// Sets the verdict of a container's health check, if it has one.
    pub fn set_health(&self, id: &str, health: HealthState) -> Result<()> {
        self.happen(id, |state, id, now| state.set_health(id, health, now))
    }

    /// Removes a container behind the agent's back, as `docker rm -f` does.
    pub fn vanish(&self, id: &str) -> Result<()> {
        let removal = crate::container::Removal {
            force: true,
            volumes: true,
        };
        self.happen(id, |state, id, now| drop(state.remove(id, removal, now)))
    }

    /// Lets a container write a line.
    pub fn write_log(&self, id: &str, text: &str) -> Result<()> {
        let line = LogLine {
            stream: LogStream::Stdout,
            text: text.to_owned(),
        };
        self.happen(id, |state, id, _| {
            if let Ok(container) = state.find_mut(id) {
                container.logs.push(line);
            }
        })
    }

    fn happen(&self, id: &str, what: impl FnOnce(&mut super::State, &str, DateTime<Utc>)) -> Result<()> {
        let mut state = self.shared.state.lock();
        let key = state.find(id)?.id.clone();
        what(&mut state, &key, self.now());
        drop(state);
        self.tick();
        Ok(())
    }

    /// Gives an image (by the reference that containers name) a script of its own.
    pub fn script_image(&self, reference: impl Into<String>, script: Script) {
        self.shared.state.lock().scripts.insert(reference.into(), script);
    }

    /// Puts an image on the host without a pull.
    pub fn add_image(&self, reference: &str) {
        let mut state = self.shared.state.lock();
        let stop_signal = state.script_of_image(reference).stop_signal;
        state.add_image(reference, stop_signal, self.now());
    }

    /// Makes all calls of a kind slow.
    pub fn set_delays(&self, delays: Delays) {
        self.shared.state.lock().delays = delays;
    }

    /// Switches the engine's socket off and on. Containers run on; subscriptions break, and after the return the
    /// engine still knows the events.
    pub fn set_reachable(&self, reachable: bool) {
        let mut state = self.shared.state.lock();
        if state.is_reachable && !reachable {
            state.log.epoch += 1;
        }
        state.is_reachable = reachable;
        drop(state);
        self.tick();
    }

    /// Restarts the engine with its containers running on: subscriptions break and old events are forgotten.
    pub fn restart_engine(&self) {
        let mut state = self.shared.state.lock();
        state.log.epoch += 1;
        state.log.forget();
        drop(state);
        self.tick();
    }

    /// The next `count` changing calls take effect, but their callers get `ConnectionLost`.
    pub fn lose_answers(&self, count: u32) {
        self.shared.state.lock().answers_to_lose = count;
    }

    /// Every start there ever was, in order: nothing may be in here twice that should run once.
    pub fn started(&self) -> Vec<Started> {
        self.shared.state.lock().started.clone()
    }

    /// References that were pulled, in order, failed pulls included.
    pub fn pulls(&self) -> Vec<String> {
        self.shared.state.lock().pulls.clone()
    }

    /// What runs now.
    pub fn running(&self) -> Vec<ContainerSummary> {
        self.shared.state.lock().list(&[], false)
    }

    /// All containers, whether they run or not.
    pub fn containers(&self) -> Vec<ContainerSummary> {
        self.shared.state.lock().list(&[], true)
    }

    /// Waits until `condition` holds for the host, looking again at every change.
    pub async fn wait_for(&self, condition: impl Fn(&Self) -> bool) {
        let mut changed = self.shared.changed.subscribe();
        while !condition(self) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }
}
