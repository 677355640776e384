//! Planning a batch of jobs and committing the plan in one transaction.

use std::collections::{BTreeMap, HashMap};

use domain::{ContainerInstanceId, TaskId};
use kit::Clock;
use planning::placement::{self, Host, Refusal};
use rand::SeedableRng;
use rand::rngs::StdRng;
use sqlx::types::Json;
use uuid::Uuid;

use super::hosts::HostCache;
use super::queue::Waiting;
use super::{Job, Outcome, Place, Placed, Target};
use crate::tags::Tag;
use crate::tasks::NewTask;
use crate::tokens::{self, Use};
use crate::wake::Wake;
use crate::{Db, Result, StoreError, Tx};

/// Conflicts with other servers after which the hosts are locked for the attempt, so that it cannot fail that way again.
const OPTIMISTIC_ATTEMPTS: u32 = 4;

/// Commits batches for one cluster.
pub(super) struct Committer {
    cluster_id: i64,
    hosts: HostCache,
    rng: StdRng,
}

/// A job in the middle of an attempt.
#[derive(Default)]
struct Draft {
    outcome: Outcome,
    /// What was taken in the cached picture.
    placed: Vec<placement::Placed>,
    new: Vec<NewTask>,
    /// Decided without placing anything.
    settled: Option<Placed>,
}

impl Committer {
    pub(super) fn new(cluster_id: i64, hosts: HostCache) -> Self {
        Self {
            cluster_id,
            hosts,
            rng: StdRng::from_os_rng(),
        }
    }

    /// Carries out the jobs and answers each.
    pub(super) async fn commit(&mut self, db: &Db, clock: &dyn Clock, batch: Vec<Waiting>) {
        let (jobs, answers): (Vec<Job>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.job, waiting.answer))
            .unzip();
        match self.carry_out(db, clock, &jobs).await {
            Ok(placed) => {
                for (answer, placed) in answers.into_iter().zip(placed) {
                    let _ = answer.send(Ok(placed));
                }
            }
            // One job of the batch may be what the database refused: the others must not suffer for it.
            Err(error) if error.is_refusal() => {
                for (job, answer) in jobs.into_iter().zip(answers) {
                    self.hosts.forget();
                    let result = self.carry_out(db, clock, std::slice::from_ref(&job)).await;
                    let _ = answer.send(result.map(|mut placed| placed.pop().unwrap_or(Placed::GuardLost)));
                }
                self.hosts.forget();
            }
            // It may have been committed all the same, so nothing is started a second time here: clients come again with their tokens.
            Err(error) => {
                self.hosts.forget();
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    jobs = jobs.len(),
                    "placements are in doubt"
                );
                for answer in answers {
                    let _ = answer.send(Err(StoreError::InDoubt));
                }
            }
        }
    }

    async fn carry_out(&mut self, db: &Db, clock: &dyn Clock, jobs: &[Job]) -> Result<Vec<Placed>> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            if let Some(placed) = self
                .attempt(db, clock, jobs, attempt > OPTIMISTIC_ATTEMPTS)
                .await?
            {
                return Ok(placed);
            }
        }
    }

    /// One attempt; `None` if another server changed a host in between.
    async fn attempt(
        &mut self,
        db: &Db,
        clock: &dyn Clock,
        jobs: &[Job],
        locking: bool,
    ) -> Result<Option<Vec<Placed>>> {
        let mut tx = db.begin().await?;
        let mut drafts = self.settle(&mut tx, jobs, clock).await?;
        let complete = if locking {
            self.hosts.lock_all(&mut tx, self.cluster_id).await?;
            true
        } else {
            self.hosts.refresh(&mut tx, self.cluster_id).await?
        };
        let mut used = self.plan(jobs, &mut drafts);
        if !complete
            && drafts
                .iter()
                .any(|draft| !draft.outcome.refusals.is_empty() || draft.outcome.no_instances)
        {
            // Nobody is refused on an old picture.
            self.give_back(jobs, &mut drafts);
            self.hosts.forget();
            self.hosts.refresh(&mut tx, self.cluster_id).await?;
            used = self.plan(jobs, &mut drafts);
        }
        if !self.take(&mut tx, &used).await? {
            self.give_back(jobs, &mut drafts);
            tx.rollback().await?;
            return Ok(None);
        }
        let now = clock.now();
        let new: Vec<NewTask> = drafts
            .iter()
            .flat_map(|draft| draft.new.iter().cloned())
            .collect();
        let rows = match new.is_empty() {
            true => Vec::new(),
            false => crate::tasks::insert(&mut tx, &new, now).await?,
        };
        let mut rows: HashMap<Uuid, _> = rows.into_iter().map(|row| (row.id, row)).collect();
        for (job, draft) in jobs.iter().zip(&mut drafts) {
            draft.outcome.tasks = draft
                .new
                .iter()
                .filter_map(|task| rows.remove(&task.id.uuid()))
                .collect();
            draft.outcome.places = draft.new.iter().map(|task| place(&used, task.instance)).collect();
            remember(&mut tx, job, draft).await?;
        }
        let wakes = used.iter().map(|host| Wake::Instance(host.id.uuid()));
        db.commit(tx, wakes).await?;
        for host in &used {
            self.hosts.cluster().set_revision(host.id, host.revision + 1);
        }
        Ok(Some(
            drafts
                .into_iter()
                .map(|draft| draft.settled.unwrap_or(Placed::Done(draft.outcome)))
                .collect(),
        ))
    }

    /// Claims tokens and checks guards; jobs that fail here are settled.
    async fn settle(&mut self, tx: &mut Tx, jobs: &[Job], clock: &dyn Clock) -> Result<Vec<Draft>> {
        let mut drafts: Vec<Draft> = jobs.iter().map(|_| Draft::default()).collect();
        // In the order of the rows' keys, so that two servers with the same calls do not wait for each other.
        let mut claims: Vec<(&tokens::Token, &mut Draft)> = jobs
            .iter()
            .zip(&mut drafts)
            .filter_map(|(job, draft)| Some((job.token.as_ref()?, draft)))
            .collect();
        claims.sort_by_key(|(token, _)| (&token.scope, token.operation, &token.token));
        for (token, draft) in claims {
            draft.settled = match tokens::claim(tx, token, clock.now()).await? {
                Use::First => None,
                used => Some(Placed::Replayed(used)),
            };
        }
        let guards: BTreeMap<i64, i64> = jobs
            .iter()
            .filter_map(|job| job.guard)
            .map(|guard| (guard.service_id, guard.generation))
            .collect();
        if guards.is_empty() {
            return Ok(drafts);
        }
        // In the order of ids, as everywhere.
        let held: Vec<(i64, i64)> = sqlx::query_as(
            "WITH held AS (SELECT s.id FROM services s JOIN unnest($1::bigint[], $2::bigint[]) AS g(id, generation) \
                 ON g.id = s.id AND g.generation = s.generation ORDER BY s.id FOR UPDATE OF s) \
             UPDATE services s SET generation = s.generation + 1 FROM held h WHERE s.id = h.id RETURNING s.id, s.generation",
        )
        .bind(guards.keys().copied().collect::<Vec<_>>())
        .bind(guards.values().copied().collect::<Vec<_>>())
        .fetch_all(&mut **tx)
        .await?;
        let mut held: HashMap<i64, i64> = held.into_iter().collect();
        for (job, draft) in jobs.iter().zip(&mut drafts) {
            let Some(guard) = job.guard else { continue };
            let is_asked = guards.get(&guard.service_id) == Some(&guard.generation);
            // A generation is for one plan: the first of the batch has it.
            match is_asked.then(|| held.remove(&guard.service_id)).flatten() {
                Some(generation) => draft.outcome.generation = Some(generation),
                None => draft.settled = Some(Placed::GuardLost),
            }
        }
        Ok(drafts)
    }

    /// Chooses hosts for all jobs, one after the other (P-05). Gives the hosts that tasks were put on, as they are afterwards.
    fn plan(&mut self, jobs: &[Job], drafts: &mut [Draft]) -> Vec<Host> {
        let cluster = self.hosts.cluster();
        let mut touched = std::collections::BTreeSet::new();
        for (job, draft) in jobs.iter().zip(drafts) {
            if draft.settled.is_some() {
                continue;
            }
            let outcome = match &job.target {
                Target::Anywhere(count) => cluster.place(&job.request, *count, &mut self.rng),
                Target::Instances(ids) => place_on(cluster, job, ids),
            };
            draft.outcome.no_instances = outcome.found_no_instances();
            draft.outcome.closest = outcome.closest().copied();
            draft.outcome.refusals = outcome.refusals;
            for placed in &outcome.placed {
                touched.insert(placed.host);
                draft
                    .new
                    .push(new_task(job, self.cluster_id, placed, &mut self.rng));
            }
            draft.placed = outcome.placed;
        }
        touched
            .into_iter()
            .filter_map(|id| cluster.get(id).cloned())
            .collect()
    }

    /// Undoes [`Self::plan`] in the cached picture.
    fn give_back(&mut self, jobs: &[Job], drafts: &mut [Draft]) {
        let cluster = self.hosts.cluster();
        for (job, draft) in jobs.iter().zip(drafts) {
            draft.new.clear();
            for placed in draft.placed.drain(..) {
                cluster.undo(&job.request, &placed);
            }
        }
    }

    /// Takes the resources, if every host still has the revision that was planned on. False if one has not: those are read again.
    async fn take(&mut self, tx: &mut Tx, used: &[Host]) -> Result<bool> {
        if used.is_empty() {
            return Ok(true);
        }
        let ports = |ports: Vec<u16>| ports.into_iter().map(i32::from).collect::<Vec<_>>();
        let taken: Vec<Uuid> = sqlx::query_scalar(
            "WITH n AS (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::jsonb[], $6::jsonb[], $7::jsonb[], \
                 $8::jsonb[]) AS n(id, revision, used_cpu, used_memory, used_ports, used_ports_udp, used_gpus, task_groups)), \
             held AS (SELECT c.id FROM container_instances c JOIN n ON n.id = c.id WHERE c.revision = n.revision \
                 ORDER BY c.id FOR UPDATE OF c) \
             UPDATE container_instances c SET used_cpu = n.used_cpu, used_memory = n.used_memory, \
                 used_ports = ARRAY(SELECT jsonb_array_elements_text(n.used_ports)::integer), \
                 used_ports_udp = ARRAY(SELECT jsonb_array_elements_text(n.used_ports_udp)::integer), \
                 used_gpus = ARRAY(SELECT jsonb_array_elements_text(n.used_gpus)), \
                 task_groups = n.task_groups, revision = c.revision + 1 \
             FROM n JOIN held h ON h.id = n.id WHERE c.id = n.id AND c.revision = n.revision RETURNING c.id",
        )
        .bind(used.iter().map(|host| host.id.uuid()).collect::<Vec<_>>())
        .bind(used.iter().map(|host| host.revision).collect::<Vec<_>>())
        .bind(used.iter().map(|host| host.used_cpu).collect::<Vec<_>>())
        .bind(used.iter().map(|host| host.used_memory).collect::<Vec<_>>())
        .bind(used.iter().map(|host| Json(ports(host.used_ports.iter().copied().collect()))).collect::<Vec<_>>())
        .bind(used.iter().map(|host| Json(ports(host.used_ports_udp.iter().copied().collect()))).collect::<Vec<_>>())
        .bind(used.iter().map(|host| Json(&host.used_gpus)).collect::<Vec<_>>())
        .bind(used.iter().map(|host| Json(&host.task_groups)).collect::<Vec<_>>())
        .fetch_all(&mut **tx)
        .await?;
        if taken.len() == used.len() {
            return Ok(true);
        }
        for host in used.iter().filter(|host| !taken.contains(&host.id.uuid())) {
            self.hosts.stale(host.id.uuid());
        }
        Ok(false)
    }
}

/// `used` is in the order of its ids.
fn place(used: &[Host], instance: ContainerInstanceId) -> Place {
    let Ok(at) = used.binary_search_by_key(&instance, |host| host.id) else {
        return Place::default();
    };
    let attribute = |name: &str| used[at].attributes.get(name).cloned().flatten();
    Place {
        availability_zone: attribute("ecs.availability-zone"),
        cpu_architecture: attribute("ecs.cpu-architecture"),
    }
}

/// One task on each named instance.
fn place_on(cluster: &mut placement::Cluster, job: &Job, ids: &[ContainerInstanceId]) -> placement::Outcome {
    let mut outcome = placement::Outcome::default();
    for id in ids {
        match cluster.place_on(&job.request, *id) {
            Ok(placed) => outcome.placed.push(placed),
            Err(reason) => outcome.refusals.push(Refusal {
                host: *id,
                reason,
                unmet: 1,
            }),
        }
    }
    outcome
}

fn new_task(job: &Job, cluster_id: i64, placed: &placement::Placed, rng: &mut StdRng) -> NewTask {
    let template = &job.template;
    let mut unassigned = placed.gpus.iter().cloned();
    let containers = template
        .containers
        .iter()
        .zip(&template.gpu_counts)
        .map(|(container, count)| {
            let mut container = container.clone();
            container.id = TaskId::random(rng).uuid();
            container.gpu_ids = unassigned.by_ref().take(*count).collect();
            container
        });
    let containers = containers.collect();
    NewTask {
        id: TaskId::random(rng),
        cluster_id,
        instance: placed.host,
        task_definition_id: template.task_definition_id,
        service: template.service,
        group: template.group.clone(),
        started_by: template.started_by.clone(),
        launch_type: template.launch_type.clone(),
        resources: template.resources.clone(),
        gpu_ids: placed.gpus.clone(),
        spec: template.spec.clone(),
        containers,
    }
}

/// Stores what goes with the tasks of a job: tags, and the token's effect.
async fn remember(tx: &mut Tx, job: &Job, draft: &Draft) -> Result<()> {
    let scope = &job.cluster.scope;
    let arns: Vec<String> = draft
        .new
        .iter()
        .map(|task| scope.task_arn(&job.cluster.name, task.id))
        .collect();
    let tagged: Vec<(String, Tag)> = arns
        .iter()
        .flat_map(|arn| job.tags.iter().map(|tag| (arn.clone(), tag.clone())))
        .collect();
    crate::tags::put(tx, scope, &tagged).await?;
    match &job.token {
        Some(token) if draft.settled.is_none() => match arns.is_empty() {
            // A call without effect may be tried again with its token.
            true => tokens::unclaim(tx, token).await,
            false => tokens::fulfil(tx, token, &arns).await,
        },
        _ => Ok(()),
    }
}
