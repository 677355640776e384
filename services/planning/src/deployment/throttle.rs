//! Growing pauses between attempts to start tasks that never reach RUNNING (S-40).

use chrono::{DateTime, TimeDelta, Utc};

use super::draft::Draft;
use super::rollout::Memory;

const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(5);
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(15);
/// So many failed attempts in a row are told in an event.
const TELLING: u32 = 3;

/// Pause after so many failed attempts in a row: 5 s, doubled each time, at most 15 min.
pub fn pause(attempts: u32) -> TimeDelta {
    match attempts.checked_sub(1) {
        None => TimeDelta::zero(),
        Some(doublings @ 0..8) => (FIRST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE),
        Some(_) => LONGEST_PAUSE,
    }
}

impl Memory {
    /// Before this instant no task of the deployment is started. None = no attempt has failed.
    pub fn next_start_at(&self) -> Option<DateTime<Utc>> {
        self.last_failure_at.map(|at| at + pause(self.start_failures))
    }

    pub(super) fn is_throttled(&self, now: DateTime<Utc>) -> bool {
        self.next_start_at().is_some_and(|at| now < at)
    }

    /// A task stopped without having reached RUNNING. Tasks that fail during a pause belong to the attempt before it.
    /// True = this has happened so often that users should hear of it.
    pub(super) fn start_failed(&mut self, now: DateTime<Utc>) -> bool {
        if self.is_throttled(now) {
            return false;
        }
        self.start_failures = self.start_failures.saturating_add(1);
        self.last_failure_at = Some(now);
        self.start_failures >= TELLING
    }

    /// A task reached RUNNING: if that was after the last failure, all is well again.
    pub(super) fn reached_running_at(&mut self, at: DateTime<Utc>) {
        self.reached_running = true;
        if self.last_failure_at.is_some_and(|failed| failed < at) {
            self.start_failures = 0;
            self.last_failure_at = None;
        }
    }
}

/// Forgets failed placements of deployments that want no more tasks.
pub(super) fn forget_unplaced(draft: &mut Draft<'_>) {
    for index in 0..draft.deployments.len() {
        let good = draft.tally(index).good;
        let progress = &mut draft.deployments[index].progress;
        if progress.desired_count <= good {
            progress.memory.unplaced = 0;
        }
    }
}
