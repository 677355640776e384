//! One task as the rest of the agent sees it: read it, tell it to stop, tell it that the engine said something.

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::machine::TaskMachine;
use super::record::TaskRecord;

/// A task, shared between its worker and those who look at it.
pub struct TaskCell {
    pub(super) machine: Mutex<TaskMachine>,
    pub(super) wake: Notify,
    /// Revision of the record that is on disk; 0 at first, which a new record is beyond.
    pub(super) saved: watch::Sender<u64>,
}

impl TaskCell {
    pub fn new(machine: TaskMachine) -> Self {
        Self {
            machine: Mutex::new(machine),
            wake: Notify::new(),
            saved: watch::Sender::new(0),
        }
    }

    /// Looks at the record. `look` must be quick: the task waits meanwhile.
    pub fn read<T>(&self, look: impl FnOnce(&TaskRecord) -> T) -> T {
        look(self.machine.lock().record())
    }

    /// The server wants the task to stop.
    pub fn stop(&self) {
        self.machine.lock().stop();
        self.wake.notify_one();
    }

    /// The engine said that something happened to a container of this task.
    pub fn container_changed(&self, name: &str) {
        let mut machine = self.machine.lock();
        if let Some(index) = machine.record().index_of(name) {
            machine.look_at(index);
            self.wake.notify_one();
        }
    }

    /// The engine may have said something unheard.
    pub fn look_again(&self) {
        self.machine.lock().look_at_all();
        self.wake.notify_one();
    }

    /// Returns when all that is known of the task now is on disk.
    pub async fn persisted(&self) {
        let revision = self.machine.lock().revision();
        // The sender lives in self: this cannot end without the value.
        let _ = self.saved.subscribe().wait_for(|saved| *saved >= revision).await;
    }
}
