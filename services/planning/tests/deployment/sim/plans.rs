//! Checking and carrying out plans.

use std::collections::BTreeMap;

use domain::{ContainerInstanceId, DeploymentId, DesiredStatus, TaskStatus};
use planning::deployment::*;

use super::{NAME, World};
use crate::properties::check;

impl World {
    /// Plans, checks the plan, applies it; then there must be nothing left to do.
    pub fn act(&mut self) -> &mut Self {
        let plan = plan(&self.snapshot(), self.now, &mut self.rng);
        check(self, &plan);
        let placed = !self.full && self.hosts.iter().any(|host| host.state == HostState::Active);
        self.apply(&plan);
        if placed {
            let again = planning::deployment::plan(&self.snapshot(), self.now, &mut self.rng);
            assert!(again.is_empty(), "not idempotent: {plan:#?}\nthen {again:#?}");
        }
        self.last_plan = plan;
        self
    }

    fn apply(&mut self, plan: &Plan) {
        self.newly_stopped
            .retain(|task| !plan.accounted.contains(&task.id));
        if let Some(rollback) = &plan.rollback {
            self.adopt(rollback.clone());
        }
        for (id, progress) in &plan.deployments {
            let deployment = self
                .deployments
                .iter_mut()
                .find(|deployment| deployment.id == *id)
                .unwrap();
            deployment.progress = progress.clone();
            if progress.rollout_state == RolloutState::Completed {
                let (deployment, revision) = (*id, deployment.revision.clone());
                self.service.rollback_target = Some(RollbackTarget { deployment, revision });
            }
        }
        for (id, pause) in &plan.pauses {
            self.apply_pause(*id, pause);
        }
        self.deployments
            .retain(|deployment| deployment.progress.status != DeploymentStatus::Inactive);
        self.service.desired_count = plan.desired_count.unwrap_or(self.service.desired_count);
        self.service.status = plan.status.unwrap_or(self.service.status);
        self.service.steady = plan.steady.unwrap_or(self.service.steady);
        if let Some(shift) = plan.shift {
            let letter = self.letter(shift.deployment);
            let test = if shift.test { " and test" } else { "" };
            self.log
                .push(format!("{} of 1000{test} to {letter}", shift.production));
        }
        self.apply_stops(plan);
        for start in &plan.start {
            self.apply_start(*start);
        }
        for event in plan.events.iter().chain(&plan.stop_event) {
            self.say(event.clone());
        }
    }

    fn apply_pause(&mut self, id: DeploymentId, pause: &Pause) {
        let (stage, status) = (pause.stage.as_str(), pause.status.as_str());
        self.log.push(format!("{stage} of {}: {status}", self.letter(id)));
        let deployment = self
            .deployments
            .iter_mut()
            .find(|deployment| deployment.id == id)
            .unwrap();
        match deployment.pauses.iter_mut().find(|known| known.id == pause.id) {
            Some(known) => *known = pause.clone(),
            None => deployment.pauses.push(pause.clone()),
        }
    }

    fn apply_stops(&mut self, plan: &Plan) {
        let mut counts: BTreeMap<(String, &str), u32> = BTreeMap::new();
        for stop in &plan.stop {
            let task = self.tasks.iter_mut().find(|task| task.id == stop.task).unwrap();
            assert_eq!(task.desired, DesiredStatus::Running, "stopped twice");
            task.desired = DesiredStatus::Stopped;
            let deployment = task.deployment;
            if stop.cause == StopCause::FailedHealth {
                self.health_stops.insert(stop.task);
            }
            let why = match stop.cause {
                StopCause::Scaling => "",
                StopCause::FailedHealth => " for health",
                StopCause::ConstraintViolated => " for its host",
            };
            *counts.entry((self.letter(deployment), why)).or_default() += 1;
        }
        for ((letter, why), count) in counts {
            self.log.push(format!("stop {count} of {letter}{why}"));
        }
    }

    fn apply_start(&mut self, start: Start) {
        let deployment = start.deployment();
        let host = match start {
            Start::Daemon { host, .. } => Some(host),
            Start::Replicas { .. } => None,
        };
        let letter = self.letter(deployment);
        let memory = &mut self
            .deployments
            .iter_mut()
            .find(|known| known.id == deployment)
            .unwrap()
            .progress
            .memory;
        let active = || self.hosts.iter().filter(|host| host.state == HostState::Active);
        if self.full || (host.is_none() && active().next().is_none()) {
            memory.unplaced = start.count();
            self.log
                .push(format!("no place for {} of {letter}", start.count()));
            return;
        }
        memory.unplaced = 0;
        self.starts += start.count();
        self.log.push(match host {
            None => format!("start {} of {letter}", start.count()),
            Some(host) => format!("start {letter} on {}", host.0.as_u128()),
        });
        let mut started = vec![];
        for _ in 0..start.count() {
            let on = |host: &ContainerInstanceId| {
                self.tasks
                    .iter()
                    .filter(|task| task.host == Some(*host) && task.last < TaskStatus::Stopped)
                    .count()
            };
            let spread = self
                .hosts
                .iter()
                .filter(|host| host.state == HostState::Active)
                .map(|host| host.id);
            let host = host.or_else(|| spread.min_by_key(on)).unwrap();
            started.push(self.add_task(deployment, host));
        }
        self.say(events::started(NAME, &started));
    }

    fn say(&mut self, message: String) {
        let mut text = message.clone();
        for task in &self.tasks {
            text = text.replace(&task.id.to_string(), &self.letter(task.deployment));
        }
        for id in &self.letters {
            text = text.replace(&id.to_string(), &self.letter(*id));
        }
        self.log.push(text.replace(&format!("(service {NAME}) "), "> "));
        self.events.push(message.clone());
        self.service.recent_events.push(PastEvent {
            at: self.now,
            message,
        });
    }
}
