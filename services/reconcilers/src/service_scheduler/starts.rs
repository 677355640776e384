//! Placing what a plan wants started, and telling what came of it (S-20, S-21, S-42, S-52).

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::{ContainerInstanceId, DeploymentId, TaskId};
use planning::deployment::{Memory, Plan, Snapshot, Start, events};
use store::launch::{self, Launch};
use store::placement::{Guard, Job, Outcome, Placed, Target};
use store::services::apply::{self, Placement};
use store::services::load::Loaded;
use store::services::{DeploymentRow, tags};
use store::{Result, StoreError};

use super::ServiceScheduler;

/// Failures to place are told at most this often, even if another host comes closest each time.
const BETWEEN_COMPLAINTS: TimeDelta = TimeDelta::minutes(1);

/// What came of a plan's starts.
#[derive(Debug, Default)]
pub struct Started {
    pub tasks: u64,
    pub unplaced: u64,
    /// The plan is no longer the right one: somebody changed the service, or the planner should make room.
    pub look_again: bool,
}

/// The starts of one deployment.
#[derive(Debug, Default)]
struct Wanted {
    replicas: u32,
    hosts: Vec<ContainerInstanceId>,
}

impl ServiceScheduler {
    /// Starts what the plan wants, deployment by deployment; each commits only against the generation that the one before left.
    pub(super) async fn start(
        &self,
        loaded: &Loaded,
        snapshot: &Snapshot,
        plan: &Plan,
        mut generation: i64,
    ) -> Result<Started> {
        let (mut started, mut placement) = (Started::default(), Placement::default());
        let (mut tasks, mut complaint): (Vec<TaskId>, Option<String>) = (Vec::new(), None);
        for (deployment, wanted) in wanted(plan) {
            let asked = wanted.replicas as usize + wanted.hosts.len();
            let job = self.job(loaded, deployment, wanted, generation).await?;
            let Placed::Done(outcome) = self.placer.place(job).await? else {
                started.look_again = true;
                break;
            };
            generation = outcome.generation.unwrap_or(generation);
            tasks.extend(outcome.tasks.iter().map(|task| TaskId(task.id)));
            let unplaced = asked.saturating_sub(outcome.tasks.len());
            started.unplaced += unplaced as u64;
            if unplaced > 0 && complaint.is_none() {
                complaint = Some(complain(&loaded.service.name, &outcome));
            }
            let unplaced = u32::try_from(unplaced).unwrap_or(u32::MAX);
            placement
                .memories
                .extend(memory(snapshot, plan, deployment, unplaced).map(|memory| (deployment.0, memory)));
        }
        started.tasks = tasks.len() as u64;
        if !tasks.is_empty() {
            placement
                .events
                .push(events::started(&loaded.service.name, &tasks));
        }
        placement
            .events
            .extend(complaint.filter(|text| self.is_news(loaded, snapshot, text)));
        if placement == Placement::default() {
            return Ok(started);
        }
        started.look_again |= !placement.memories.is_empty();
        let noted = apply::apply_placement(
            &self.db,
            loaded.service.id,
            generation,
            &placement,
            self.clock.now(),
        )
        .await?;
        started.look_again |= noted.is_none();
        Ok(started)
    }

    /// A failure to place that was not told lately (S-11).
    fn is_news(&self, loaded: &Loaded, snapshot: &Snapshot, text: &str) -> bool {
        let now = self.clock.now();
        let alike = events::unable_to_place(&loaded.service.name, None);
        let alike = alike.split(" because ").next().unwrap_or_default();
        let mut recent = snapshot.service.recent_events.iter();
        !events::is_repeat(&snapshot.service.recent_events, text, now)
            && !recent.any(|event| event.message.starts_with(alike) && now - event.at < BETWEEN_COMPLAINTS)
    }

    async fn job(
        &self,
        loaded: &Loaded,
        deployment: DeploymentId,
        wanted: Wanted,
        generation: i64,
    ) -> Result<Job> {
        let service = &loaded.service;
        let row = deployment_row(loaded, deployment)?;
        let definition = self.definitions.one(row.task_definition_id).await?;
        let spec = &service.spec.0;
        let launch = Launch {
            constraints: &spec.placement_constraints,
            strategies: &spec.placement_strategy,
            group: service.task_group(),
            started_by: Some(deployment.to_string()),
            launch_type: row.spec.launch_type.as_str().to_owned(),
            service: Some((service.id, service.name.clone(), deployment.0)),
            ..Launch::default()
        };
        let (request, template) =
            launch::prepare(&definition.row, &launch).map_err(|error| StoreError::Inconsistent {
                table: "services",
                reason: error.to_string(),
            })?;
        let target = match wanted.hosts.is_empty() {
            true => Target::Anywhere(wanted.replicas as usize),
            false => Target::Instances(wanted.hosts),
        };
        let tags = tags::of_tasks(&self.db, &loaded.cluster, service, &definition.row).await?;
        let guard = Some(Guard {
            service_id: service.id,
            generation,
        });
        Ok(Job {
            cluster: loaded.cluster.clone(),
            target,
            request,
            template,
            token: None,
            guard,
            tags,
        })
    }
}

fn wanted(plan: &Plan) -> BTreeMap<DeploymentId, Wanted> {
    let mut wanted: BTreeMap<DeploymentId, Wanted> = BTreeMap::new();
    for start in &plan.start {
        let of = wanted.entry(start.deployment()).or_default();
        match start {
            Start::Replicas { count, .. } => of.replicas += count,
            Start::Daemon { host, .. } => of.hosts.push(*host),
        }
    }
    wanted
}

/// The row that the deployment's tasks are made of; of a rollback that of the deployment that it goes back to.
fn deployment_row(loaded: &Loaded, id: DeploymentId) -> Result<&DeploymentRow> {
    let listed = loaded.deployments.iter().find(|row| row.id == id.0);
    let row = listed.or(loaded.completed.as_ref());
    row.ok_or_else(|| StoreError::Inconsistent {
        table: "deployments",
        reason: format!("{id} is gone"),
    })
}

/// The deployment's memory if the number of tasks without a host is another one than the planner knows.
fn memory(snapshot: &Snapshot, plan: &Plan, id: DeploymentId, unplaced: u32) -> Option<Memory> {
    let planned = plan
        .deployments
        .iter()
        .find(|(planned, _)| *planned == id)
        .map(|(_, progress)| progress);
    let begun = plan
        .rollback
        .iter()
        .find(|rollback| rollback.id == id)
        .map(|rollback| &rollback.progress);
    let known = snapshot
        .deployments
        .iter()
        .find(|known| known.id == id)
        .map(|known| &known.progress);
    let memory = &planned.or(begun).or(known)?.memory;
    (memory.unplaced != unplaced).then(|| Memory {
        unplaced,
        ..memory.clone()
    })
}

/// The event about tasks that found no host (S-42).
fn complain(service: &str, outcome: &Outcome) -> String {
    if outcome.no_instances {
        return events::no_container_instances(service);
    }
    events::unable_to_place(service, outcome.closest.as_ref())
}
