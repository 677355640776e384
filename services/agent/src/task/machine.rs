//! The life of one task as a pure state machine: what happened goes in by `apply`, what is to be done next comes out of
//! `plan`. It knows no engine, no network and no disk.

use std::time::Duration;

use agent_protocol::task::{HealthCheckType, RestartPolicy};
use chrono::{DateTime, TimeDelta, Utc};

use super::dependencies::{self, Readiness};
use super::failure::{Failure, FailureKind};
use super::record::{ContainerRecord, Desired, Health, Phase, Status, TaskRecord};
use super::steps::{Action, Observation, Outcome, Plan, ReadyImage, Run, Step};

/// Default of restartAttemptPeriod in seconds (TD-36).
const RESTART_ATTEMPT_PERIOD: i64 = 300;
const LONGEST_STOP_RETRY: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Default)]
struct Slot {
    busy: Option<Action>,
    recover: bool,
    look: bool,
    restart: bool,
    failures: u32,
    not_before: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Preparation {
    Due,
    Going,
    Done,
}

/// A task and what is going on with it.
#[derive(Debug)]
pub struct TaskMachine {
    record: TaskRecord,
    slots: Vec<Slot>,
    preparation: Preparation,
    durable: bool,
    revision: u64,
}

impl TaskMachine {
    /// A task that has just come. Nothing is started before [`TaskMachine::persisted`] was called.
    pub fn new(record: TaskRecord) -> Self {
        let slots = vec![Slot::default(); record.containers.len()];
        Self {
            record,
            slots,
            preparation: Preparation::Due,
            durable: false,
            revision: 1,
        }
    }

    /// A task that an earlier process of the agent worked on.
    pub fn recovered(record: TaskRecord) -> Self {
        let slots = vec![
            Slot {
                recover: true,
                ..Slot::default()
            };
            record.containers.len()
        ];
        Self {
            record,
            slots,
            preparation: Preparation::Due,
            durable: true,
            revision: 0,
        }
    }

    pub fn record(&self) -> &TaskRecord {
        &self.record
    }

    /// Rises with each change of the record; 0 is what was found on disk.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The record is on disk: its containers may be started.
    pub fn persisted(&mut self) {
        self.durable = true;
    }

    /// The server wants the task to stop.
    pub fn stop(&mut self) {
        if self.record.desired == Desired::Running {
            self.record.desired = Desired::Stopped;
            self.revision += 1;
        }
    }

    /// The engine said that something happened to container number `index`, or may have said so unheard.
    pub fn look_at(&mut self, index: usize) {
        self.slots[index].look = true;
    }

    pub fn look_at_all(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.look = true);
    }

    /// The server accepted a report.
    pub fn reported(&mut self, update: impl FnOnce(&mut TaskRecord)) {
        update(&mut self.record);
        self.revision += 1;
    }

    /// What is to be done now. Each step is given out once; its outcome must come back through `apply`.
    pub fn plan(&mut self, now: DateTime<Utc>) -> Plan {
        while self.settle(now) {}
        let mut plan = Plan::default();
        let wanted = self.record.desired == Desired::Running;
        let unfinished = self.record.containers.iter().any(|c| c.phase < Phase::Created);
        if wanted && unfinished && self.preparation == Preparation::Due {
            self.preparation = Preparation::Going;
            plan.steps.push(Step::Prepare);
        }
        for index in 0..self.slots.len() {
            if self.slots[index].busy.is_some() {
                continue;
            }
            if let Some(at) = self.slots[index].not_before.filter(|at| *at > now) {
                plan.wake(at);
            } else if let Some(action) = self.next_action(index, now, &mut plan) {
                self.slots[index].busy = Some(action);
                plan.steps.push(Step::Container(index, action));
            }
        }
        plan
    }

    fn next_action(&mut self, index: usize, now: DateTime<Utc>, plan: &mut Plan) -> Option<Action> {
        let (slot, phase) = (&mut self.slots[index], self.record.containers[index].phase);
        if phase == Phase::Stopped {
            return None;
        }
        if slot.recover {
            return Some(Action::Recover);
        }
        if phase == Phase::Running && std::mem::take(&mut slot.look) {
            return Some(Action::Inspect);
        }
        match (phase, self.record.desired) {
            (Phase::Running, Desired::Stopped) => {
                dependencies::may_stop(&self.record, index).then_some(Action::Stop)
            }
            (Phase::Running, Desired::Running) => slot.restart.then_some(Action::Restart),
            (Phase::None, Desired::Running) => Some(Action::Pull),
            (Phase::Pulled, Desired::Running) => self.may_create(index).then_some(Action::Create),
            (Phase::Created, Desired::Running) => match dependencies::readiness(&self.record, index, now) {
                Readiness::Ready => self.durable.then_some(Action::Start),
                Readiness::Waiting { until } => {
                    plan.wake_at = plan.wake_at.into_iter().chain(until).min();
                    None
                }
                Readiness::Hopeless(_) => None,
            },
            (_, Desired::Stopped) | (Phase::Stopped, _) => None,
        }
    }

    /// Draws conclusions that need no work. True when there may be more.
    fn settle(&mut self, now: DateTime<Utc>) -> bool {
        let running = self.record.desired == Desired::Running;
        for index in 0..self.slots.len() {
            let idle = self.slots[index].busy.is_none() && !self.slots[index].recover;
            let phase = self.record.containers[index].phase;
            if !idle || phase >= Phase::Running {
                continue;
            }
            if !running {
                self.finish(index, now);
                return true;
            }
            if phase >= Phase::Pulled
                && let Readiness::Hopeless(why) = dependencies::readiness(&self.record, index, now)
            {
                let name = &self.record.containers[index].name;
                let text = format!("container {name} cannot start: {why}");
                self.fail(Failure::new(FailureKind::TaskDependency, text));
                return true;
            }
        }
        false
    }

    fn may_create(&self, index: usize) -> bool {
        let exists = |name: &str| match self.record.index_of(name) {
            Some(target) => self.record.containers[target].runtime_id.is_some(),
            None => true,
        };
        self.preparation == Preparation::Done
            && dependencies::create_after(self.record.definition(index)).all(exists)
    }

    /// Takes in what came of a step.
    pub fn apply(&mut self, outcome: Outcome, now: DateTime<Utc>) {
        self.revision += 1;
        match outcome {
            Outcome::Prepared(Ok(())) => self.preparation = Preparation::Done,
            Outcome::Prepared(Err(failure)) => self.fail(failure),
            Outcome::Pulled(index, result) => {
                self.slots[index].busy = None;
                match result {
                    Some(Ok(image)) => self.image_is_ready(index, image),
                    Some(Err(failure)) => self.broke(index, &failure, now),
                    None => {}
                }
            }
            Outcome::Created(index, result) => {
                self.slots[index].busy = None;
                match result {
                    Ok(id) => {
                        let container = &mut self.record.containers[index];
                        container.runtime_id = Some(id);
                        container.created_at.get_or_insert(now);
                        container.phase = Phase::Created;
                    }
                    Err(failure) => self.broke(index, &failure, now),
                }
            }
            Outcome::Started(index, result) => {
                let action = self.slots[index].busy.take();
                self.slots[index].restart = false;
                match result {
                    Ok(seen) => {
                        if action == Some(Action::Restart) {
                            self.record.containers[index].restart_count += 1;
                        }
                        self.seen(index, seen, now);
                    }
                    Err(failure) => self.broke(index, &failure, now),
                }
            }
            Outcome::Seen(index, result) => self.looked(index, result, now),
        }
    }

    fn looked(&mut self, index: usize, result: Result<Option<Observation>, Failure>, now: DateTime<Utc>) {
        let action = self.slots[index].busy.take();
        let slot = &mut self.slots[index];
        match result {
            Err(failure) => {
                tracing::warn!(task = self.record.arn(), container = index, %failure, "to be tried again");
                slot.look |= action == Some(Action::Inspect);
                slot.failures += 1;
                let delay = Duration::from_secs(1 << slot.failures.min(5)).min(LONGEST_STOP_RETRY);
                slot.not_before = Some(now + delay);
                return;
            }
            Ok(_) => (slot.failures, slot.not_before, slot.recover) = (0, None, false),
        }
        match result {
            Ok(Some(seen)) => self.seen(index, seen, now),
            Ok(None) if self.record.containers[index].phase >= Phase::Created => {
                let text = "the container is gone; something other than the agent removed it";
                self.broke(index, &Failure::new(FailureKind::ContainerVanished, text), now);
            }
            Ok(None) | Err(_) => {}
        }
    }

    /// Takes in what the engine says about an existing container.
    fn seen(&mut self, index: usize, seen: Observation, now: DateTime<Utc>) {
        let health_counts = self.record.definition(index).health_check_type == Some(HealthCheckType::Docker);
        let container = &mut self.record.containers[index];
        if container.phase == Phase::Stopped {
            return;
        }
        container.runtime_id = Some(seen.runtime_id.clone());
        container.created_at = seen.created_at.or(container.created_at);
        if seen.run == Run::Created {
            container.phase = container.phase.max(Phase::Created);
            return;
        }
        container.phase = Phase::Running;
        container.started_at = seen.started_at.or(container.started_at).or(Some(now));
        if !seen.network_bindings.is_empty() {
            container.network_bindings.clone_from(&seen.network_bindings);
        }
        if health_counts {
            container.health = seen.health.clone();
        }
        // After a crash the end of one container may be seen before the start of another.
        let all_ran = self.record.containers.iter().all(ContainerRecord::ran);
        if all_ran || self.is_up() {
            self.record.was_running = true;
        }
        if seen.run == Run::Exited {
            self.ended(index, &seen, now);
        }
    }

    fn ended(&mut self, index: usize, seen: &Observation, now: DateTime<Utc>) {
        let container = &mut self.record.containers[index];
        // Docker may date the end of a very short run before its start (T-03).
        let finished = seen
            .finished_at
            .unwrap_or(now)
            .max(container.started_at.unwrap_or(now));
        container.exit_code = seen.exit_code;
        container.finished_at = Some(finished);
        let ran_for = finished - container.started_at.unwrap_or(finished);
        let policy = self.record.payload.containers[index].restart_policy.as_ref();
        let wanted = self.record.desired == Desired::Running;
        if wanted && policy.is_some_and(|policy| restarts(policy, seen.exit_code, ran_for)) {
            self.slots[index].restart = true;
            return;
        }
        if seen.oom_killed {
            container.reason = Some(Failure::out_of_memory().to_string());
        }
        self.finish(index, finished);
    }

    /// A container could not be brought up, or is gone.
    fn broke(&mut self, index: usize, failure: &Failure, now: DateTime<Utc>) {
        tracing::info!(task = self.record.arn(), container = %self.record.containers[index].name, %failure, "stopped");
        self.record.containers[index].reason = Some(failure.to_string());
        self.finish(index, now);
    }

    /// A container is over for good; an essential one takes the task with it (K-01).
    fn finish(&mut self, index: usize, at: DateTime<Utc>) {
        let container = &mut self.record.containers[index];
        container.phase = Phase::Stopped;
        container.health = Health::default();
        let ran = container.ran();
        if self.record.payload.containers[index].essential {
            self.record.desired = Desired::Stopped;
            if ran {
                self.record.execution_stopped_at.get_or_insert(at);
            }
        }
        self.record.was_running |= self.is_up();
        if self.record.known() == Status::Stopped {
            self.record.desired = Desired::Stopped;
            self.record.stopped_at.get_or_insert(at);
        }
        self.revision += 1;
    }

    /// Whether every container came up, or ended without ending the task (T-06).
    fn is_up(&self) -> bool {
        let record = &self.record;
        record.desired == Desired::Running && record.containers.iter().all(|c| c.phase >= Phase::Running)
    }

    /// The task as a whole cannot go on.
    fn fail(&mut self, failure: Failure) {
        tracing::info!(task = self.record.arn(), %failure, "stopping");
        self.record.reason.get_or_insert_with(|| failure.to_string());
        self.record.desired = Desired::Stopped;
        self.revision += 1;
    }

    fn image_is_ready(&mut self, index: usize, image: ReadyImage) {
        let container = &mut self.record.containers[index];
        container.phase = container.phase.max(Phase::Pulled);
        container.image_id = Some(image.id);
        container.image_digest = image.digest;
        if let Some((started, stopped)) = image.pulled {
            self.record.pulled = true;
            let first = self.record.pull_started_at.get_or_insert(started);
            *first = started.min(*first);
            let last = self.record.pull_stopped_at.get_or_insert(stopped);
            *last = stopped.max(*last);
        }
    }
}

/// Whether a container that ended after `ran_for` is started again in place (K-05).
fn restarts(policy: &RestartPolicy, exit_code: Option<i64>, ran_for: TimeDelta) -> bool {
    let period = policy.restart_attempt_period.unwrap_or(RESTART_ATTEMPT_PERIOD);
    let ignored = exit_code.is_some_and(|code| policy.ignored_exit_codes.contains(&code));
    policy.enabled && !ignored && ran_for >= TimeDelta::seconds(period)
}

#[cfg(test)]
mod tests;
