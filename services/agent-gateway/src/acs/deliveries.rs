//! What a session has sent and what its agent has taken. Pure.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::DesiredStatus;
use store::instances::Unsettled;
use tokio::time::Instant;
use uuid::Uuid;

/// A message that is not acknowledged is sent again after this long.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// A stop that was taken but has come to nothing is said again after this long: agents ignore what they know.
const REMINDER: Duration = Duration::from_secs(60);

/// Payloads of one session, by task.
#[derive(Default)]
pub(super) struct Deliveries {
    sent: HashMap<Uuid, Sent>,
    by_message: HashMap<String, Uuid>,
}

struct Sent {
    wanted: DesiredStatus,
    message: String,
    at: Instant,
    taken: bool,
}

impl Deliveries {
    /// Which of the tasks have to be told to the agent now. Forgets those that are not on their way up or down any more.
    pub fn due<'a>(&mut self, tasks: &'a [Unsettled], now: Instant) -> Vec<&'a Unsettled> {
        let current: HashSet<Uuid> = tasks.iter().map(|task| task.assignment.id).collect();
        self.sent.retain(|task, _| current.contains(task));
        self.by_message.retain(|_, task| current.contains(task));
        tasks.iter().filter(|task| self.is_due(task, now)).collect()
    }

    fn is_due(&self, task: &Unsettled, now: Instant) -> bool {
        let Some(sent) = self.sent.get(&task.assignment.id) else {
            return true;
        };
        let age = now.saturating_duration_since(sent.at);
        match (sent.wanted, task.desired_status) {
            (DesiredStatus::Running, DesiredStatus::Stopped) => true,
            // What was read is older than what was said.
            (DesiredStatus::Stopped, DesiredStatus::Running) => false,
            (_, DesiredStatus::Running) => !sent.taken && age >= PATIENCE,
            (_, DesiredStatus::Stopped) => age >= if sent.taken { REMINDER } else { PATIENCE },
        }
    }

    pub fn sent(&mut self, task: &Unsettled, message: String, now: Instant) {
        let id = task.assignment.id;
        let sent = Sent {
            wanted: task.desired_status,
            message: message.clone(),
            at: now,
            taken: false,
        };
        if let Some(before) = self.sent.insert(id, sent) {
            self.by_message.remove(&before.message);
        }
        self.by_message.insert(message, id);
    }

    /// The agent has taken a message: the task that it was about, and what was wanted of it.
    pub fn taken(&mut self, message: &str) -> Option<(Uuid, DesiredStatus)> {
        let task = self.by_message.remove(message)?;
        let sent = self.sent.get_mut(&task)?;
        sent.taken = true;
        Some((task, sent.wanted))
    }

    /// Something was not acknowledged in time: it is worth a look whether it is still to be said.
    pub fn overdue(&self, now: Instant) -> bool {
        let late = |sent: &Sent| !sent.taken && now.saturating_duration_since(sent.at) >= PATIENCE;
        self.sent.values().any(late)
    }
}

#[cfg(test)]
mod tests {
    use domain::TaskStatus;
    use store::instances::Assignment;

    use super::*;

    fn task(id: u128, desired_status: DesiredStatus) -> Unsettled {
        let assignment = Assignment {
            id: Uuid::from_u128(id),
            task_definition_id: 1,
            task_group: "family:x".to_owned(),
            launch_type: "EC2".to_owned(),
            gpu_ids: Vec::new(),
            spec: Default::default(),
            containers: Default::default(),
            image_digests: Default::default(),
        };
        Unsettled {
            desired_status,
            last_status: TaskStatus::Pending,
            assignment,
        }
    }

    #[test]
    fn a_task_is_said_once_until_it_is_taken_or_patience_ends() {
        let (start, mut deliveries) = (Instant::now(), Deliveries::default());
        let up = [task(1, DesiredStatus::Running)];
        assert_eq!(deliveries.due(&up, start).len(), 1);
        deliveries.sent(&up[0], "m1".to_owned(), start);
        assert!(deliveries.due(&up, start + PATIENCE / 2).is_empty());
        assert!(!deliveries.overdue(start + PATIENCE / 2) && deliveries.overdue(start + PATIENCE));
        assert_eq!(deliveries.due(&up, start + PATIENCE).len(), 1);
        deliveries.sent(&up[0], "m2".to_owned(), start + PATIENCE);
        // The first message does not count any more.
        assert_eq!(deliveries.taken("m1"), None);
        assert_eq!(
            deliveries.taken("m2"),
            Some((Uuid::from_u128(1), DesiredStatus::Running))
        );
        assert_eq!(deliveries.taken("m2"), None);
        assert!(deliveries.due(&up, start + PATIENCE * 100).is_empty());
    }

    #[test]
    fn a_stop_follows_a_start_at_once_and_is_repeated_until_the_task_is_gone() {
        let (start, mut deliveries) = (Instant::now(), Deliveries::default());
        let (up, down) = (
            [task(1, DesiredStatus::Running)],
            [task(1, DesiredStatus::Stopped)],
        );
        deliveries.sent(&up[0], "m1".to_owned(), start);
        assert_eq!(deliveries.due(&down, start).len(), 1);
        deliveries.sent(&down[0], "m2".to_owned(), start);
        assert_eq!(
            deliveries.taken("m2"),
            Some((Uuid::from_u128(1), DesiredStatus::Stopped))
        );
        assert!(deliveries.due(&down, start + REMINDER / 2).is_empty());
        assert_eq!(deliveries.due(&down, start + REMINDER).len(), 1);
    }

    #[test]
    fn running_is_never_said_after_stopped() {
        let (start, mut deliveries) = (Instant::now(), Deliveries::default());
        deliveries.sent(&task(1, DesiredStatus::Stopped), "m1".to_owned(), start);
        assert!(
            deliveries
                .due(&[task(1, DesiredStatus::Running)], start + REMINDER)
                .is_empty()
        );
    }

    #[test]
    fn tasks_that_have_settled_are_forgotten() {
        let (start, mut deliveries) = (Instant::now(), Deliveries::default());
        deliveries.sent(&task(1, DesiredStatus::Running), "m1".to_owned(), start);
        assert!(deliveries.due(&[], start).is_empty());
        assert_eq!(deliveries.taken("m1"), None);
        assert!(!deliveries.overdue(start + PATIENCE));
    }
}
