//! A plan in the making: working copies of the deployments, and each task's standing.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use domain::{ContainerInstanceId, DeploymentId, DesiredStatus, Resources, TaskId, TaskStatus};
use rand::RngCore;

use super::arithmetic::Bounds;
use super::events;
use super::health::{self, Standing};
use super::hooks::Pause;
use super::outcome::Plan;
use super::rollout::{DeploymentStatus, Progress, RolloutState};
use super::snapshot::{Deployment, Host, HostState, Revision, SchedulingStrategy, Snapshot, Task};
use super::stop::{self, Stop, StopCause};

pub(super) struct Draft<'a> {
    pub snapshot: &'a Snapshot,
    pub now: DateTime<Utc>,
    pub rng: &'a mut dyn RngCore,
    /// Wanted tasks; for DAEMON the number of eligible hosts.
    pub desired: u32,
    pub bounds: Bounds,
    /// Those of the snapshot, then ones that only tasks know, then a rollback.
    pub deployments: Vec<Deployment>,
    /// Index of the PRIMARY deployment.
    pub primary: usize,
    /// Tasks that are wanted and have not gone past RUNNING, in the order of the snapshot.
    pub tasks: Vec<View<'a>>,
    /// RUNNING and PENDING tasks, wanted or not: what D-01's maximum counts.
    pub occupying: u32,
    /// Tasks on their way down.
    pub going: u32,
    pub plan: Plan,
}

/// A wanted task, judged.
pub(super) struct View<'a> {
    pub task: &'a Task,
    pub host: Option<&'a Host>,
    /// Index into [`Draft::deployments`].
    pub deployment: usize,
    pub standing: Standing,
    pub protected: bool,
    /// The plan stops it.
    pub stopped: bool,
}

impl View<'_> {
    /// It runs where or how it should not, and something else should take its place (S-31, DR-01, PR-02).
    pub fn needs_replacement(&self) -> bool {
        match self.standing {
            Standing::Unhealthy => true,
            Standing::Leaving => !self.protected,
            Standing::Pending | Standing::Unproven | Standing::Healthy => false,
        }
    }
}

/// The wanted tasks of one deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Tasks that may stay.
    pub good: u32,
    /// Those of them that are healthy.
    pub healthy: u32,
    /// Tasks to be replaced.
    pub bad: u32,
}

impl<'a> Draft<'a> {
    pub fn new(snapshot: &'a Snapshot, now: DateTime<Utc>, rng: &'a mut dyn RngCore) -> Self {
        let deployments = with_unknown_ones(snapshot, now);
        let index: HashMap<DeploymentId, usize> = deployments
            .iter()
            .enumerate()
            .map(|(index, deployment)| (deployment.id, index))
            .collect();
        let hosts: HashMap<ContainerInstanceId, &Host> =
            snapshot.hosts.iter().map(|host| (host.id, host)).collect();
        let existing = || {
            snapshot
                .tasks
                .iter()
                .filter(|task| task.last < TaskStatus::Stopped)
        };
        let is_wanted =
            |task: &&Task| task.desired == DesiredStatus::Running && task.last <= TaskStatus::Running;
        let tasks: Vec<View<'a>> = existing()
            .filter(is_wanted)
            .map(|task| {
                let host = task.host.and_then(|id| hosts.get(&id).copied());
                let deployment = index[&task.deployment];
                View {
                    task,
                    host,
                    deployment,
                    standing: health::standing(task, host, &deployments[deployment], &snapshot.service, now),
                    protected: task.protected_until.is_some_and(|until| now < until),
                    stopped: false,
                }
            })
            .collect();
        let desired = match snapshot.service.scheduling_strategy {
            SchedulingStrategy::Replica => snapshot.service.desired_count,
            SchedulingStrategy::Daemon => count(snapshot.hosts.iter().filter(|host| is_open(host))),
        };
        let primary = deployments
            .iter()
            .position(|deployment| deployment.progress.status == DeploymentStatus::Primary);
        let occupying = count(existing().filter(|task| task.last <= TaskStatus::Running));
        let going = count(existing()) - count(&tasks);
        let mut draft = Self {
            snapshot,
            now,
            rng,
            desired,
            bounds: Bounds::new(desired, &snapshot.service.configuration),
            deployments,
            primary: primary.unwrap_or_default(),
            tasks,
            occupying,
            going,
            plan: Plan::default(),
        };
        for index in 0..draft.tasks.len() {
            let View { task, deployment, .. } = draft.tasks[index];
            let deployment = &draft.deployments[deployment];
            let change = health::next_change(task, deployment, &snapshot.service, now);
            change.into_iter().for_each(|at| draft.wake(at));
        }
        draft
    }

    pub fn find(&self, id: DeploymentId) -> Option<usize> {
        self.deployments.iter().position(|deployment| deployment.id == id)
    }

    /// Wanted tasks that the plan does not stop.
    pub fn remaining(&self) -> impl Iterator<Item = &View<'a>> {
        self.tasks.iter().filter(|view| !view.stopped)
    }

    /// Indices of the remaining tasks for which `wanted` holds.
    pub fn select(&self, wanted: impl Fn(&View<'a>) -> bool) -> Vec<usize> {
        let all = self.tasks.iter().enumerate();
        all.filter(|(_, view)| !view.stopped && wanted(view))
            .map(|(index, _)| index)
            .collect()
    }

    pub fn tally(&self, deployment: usize) -> Tally {
        let mut tally = Tally::default();
        for view in self.remaining().filter(|view| view.deployment == deployment) {
            if view.needs_replacement() {
                tally.bad += 1;
            } else {
                tally.good += 1;
                tally.healthy += u32::from(view.standing == Standing::Healthy);
            }
        }
        tally
    }

    /// ACTIVE deployments, newest first.
    pub fn olds(&self) -> Vec<usize> {
        let mut olds: Vec<usize> = (0..self.deployments.len())
            .filter(|index| self.deployments[*index].progress.status == DeploymentStatus::Active)
            .collect();
        olds.sort_by_key(|index| std::cmp::Reverse(self.deployments[*index].created_at));
        olds
    }

    /// The deployment has no task, not even one on its way down, and is to get none.
    pub fn is_empty(&self, deployment: usize) -> bool {
        let Deployment { id, progress, .. } = &self.deployments[deployment];
        let mut tasks = self.snapshot.tasks.iter().filter(|task| task.deployment == *id);
        progress.desired_count == 0 && tasks.all(|task| task.last == TaskStatus::Stopped)
    }

    /// A failed deployment gets no new tasks (D-22), unless it is all that there is and has worked before an alarm.
    pub fn is_stalled(&self) -> bool {
        let progress = &self.deployments[self.primary].progress;
        let is_alone = || self.olds().iter().all(|old| self.is_empty(*old));
        progress.has_failed() && !(progress.memory.has_run_healthy && is_alone())
    }

    /// Old tasks are replaced by ones of the same revision (S-32) if that revision is known to work.
    pub fn is_refilled(&self, deployment: usize) -> bool {
        let progress = &self.deployments[deployment].progress;
        if deployment == self.primary {
            !self.is_stalled()
        } else {
            let has_worked =
                progress.memory.has_run_healthy || progress.rollout_state == RolloutState::Completed;
            has_worked && !progress.has_failed()
        }
    }

    /// The deployment's starts are put off (S-40); the plan wakes when they are due.
    pub fn is_throttled(&mut self, deployment: usize) -> bool {
        let memory = &self.deployments[deployment].progress.memory;
        let due = memory.next_start_at().filter(|_| memory.is_throttled(self.now));
        due.into_iter().for_each(|at| self.wake(at));
        due.is_some()
    }

    /// Stops a task. The reason tells of failed health, unless the task goes because its deployment sinks.
    pub fn stop(&mut self, index: usize) {
        let View {
            task,
            deployment,
            standing,
            protected,
            ..
        } = self.tasks[index];
        let wanted_before = self
            .snapshot
            .deployments
            .get(deployment)
            .map(|before| before.progress.desired_count);
        let sinks =
            wanted_before.is_none_or(|before| self.deployments[deployment].progress.desired_count < before);
        let cause = match standing {
            Standing::Unhealthy if !sinks || protected => StopCause::FailedHealth,
            _ => StopCause::Scaling,
        };
        let reason = match cause {
            StopCause::FailedHealth => health::failure_reason(task),
            StopCause::Scaling | StopCause::ConstraintViolated => stop::scaling_reason(task.deployment),
        };
        self.stop_for(index, cause, reason);
    }

    pub fn stop_for(&mut self, index: usize, cause: StopCause, reason: String) {
        self.tasks[index].stopped = true;
        let task = self.tasks[index].task.id;
        self.plan.stop.push(Stop { task, cause, reason });
    }

    /// Says something unless it was said not long ago (S-11).
    pub fn say(&mut self, message: String) {
        if !events::is_repeat(&self.snapshot.service.recent_events, &message, self.now) {
            self.plan.events.push(message);
        }
    }

    /// Asks for a new plan at an instant.
    pub fn wake(&mut self, at: DateTime<Utc>) {
        if at > self.now {
            self.plan.wake_at = Some(self.plan.wake_at.map_or(at, |earlier| earlier.min(at)));
        }
    }

    /// Tells of stopped tasks (S-52).
    pub fn report_stops(&mut self) {
        let running = self
            .tasks
            .iter()
            .filter(|view| view.stopped && view.standing != Standing::Pending);
        let running: Vec<TaskId> = running.map(|view| view.task.id).collect();
        if !running.is_empty() {
            self.plan.stop_event = Some(events::stopped(&self.snapshot.service.name, &running));
        }
    }

    /// The plan, with the deployments that it changes.
    pub fn finish(self) -> Plan {
        let Self {
            snapshot,
            deployments,
            mut plan,
            ..
        } = self;
        let before: BTreeMap<DeploymentId, &Progress> = snapshot
            .deployments
            .iter()
            .map(|deployment| (deployment.id, &deployment.progress))
            .collect();
        let known = snapshot
            .deployments
            .iter()
            .flat_map(|deployment| &deployment.pauses);
        let known: HashMap<&str, &Pause> = known.map(|pause| (pause.id.as_str(), pause)).collect();
        for mut deployment in deployments {
            let pauses = std::mem::take(&mut deployment.pauses).into_iter();
            let changed = pauses.filter(|pause| known.get(pause.id.as_str()) != Some(&pause));
            plan.pauses.extend(changed.map(|pause| (deployment.id, pause)));
            match before.get(&deployment.id) {
                Some(progress) if **progress != deployment.progress => {
                    plan.deployments.push((deployment.id, deployment.progress));
                }
                None if deployment.progress.memory.is_rollback => plan.rollback = Some(deployment),
                _ => {}
            }
        }
        plan
    }
}

/// A host that a daemon task should run on (S-60).
pub(super) fn is_open(host: &Host) -> bool {
    host.eligible && host.state == HostState::Active
}

/// Number of items, as the planner counts tasks.
pub(super) fn count<T>(items: impl IntoIterator<Item = T>) -> u32 {
    u32::try_from(items.into_iter().count()).unwrap_or(u32::MAX)
}

/// The snapshot's deployments, and an old one with nothing to keep for each one that has left the list before its tasks.
fn with_unknown_ones(snapshot: &Snapshot, now: DateTime<Utc>) -> Vec<Deployment> {
    let mut deployments = snapshot.deployments.clone();
    for task in &snapshot.tasks {
        if deployments
            .iter()
            .all(|deployment| deployment.id != task.deployment)
        {
            let mut progress = Progress::begin(task.deployment, 0);
            progress.status = DeploymentStatus::Active;
            deployments.push(Deployment {
                id: task.deployment,
                revision: Revision {
                    id: 0,
                    has_health_check: false,
                    has_test_traffic: false,
                    needs: Resources::default(),
                },
                created_at: now,
                alarm_raised: false,
                stop_requested: None,
                hooks: Vec::new(),
                pauses: Vec::new(),
                progress,
            });
        }
    }
    deployments
}
