//! Everything that the scheduler looks at when it plans for one service: one query per table, whatever the number of tasks.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{ContainerInstanceId, DesiredStatus, HealthStatus, InstanceStatus, TaskStatus};
use planning::query::Subject;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use uuid::Uuid;

use super::hooks::PauseRow;
use super::record::{DeploymentRow, ServiceRow};
use super::service_deployments::UnderWay;
use super::targets::{self, TargetFacts};
use super::{deployments, hooks, service_deployments};
use crate::placement::InCluster;
use crate::{Db, Result, clusters};

/// Longer messages name tasks and are never said twice, so nobody has to read them.
const LONGEST_REPEATED: i32 = 600;

/// A service as it was when `service.generation` was read, or later.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub service: ServiceRow,
    pub cluster: InCluster,
    /// Those in `deployments[]`.
    pub deployments: Vec<DeploymentRow>,
    /// Tasks that are not STOPPED, and those that are and have not been accounted for.
    pub tasks: Vec<TaskFacts>,
    /// Targets of those of `tasks` whose deployment has load balancers, by task.
    pub targets: BTreeMap<Uuid, Vec<TargetFacts>>,
    /// REPLICA: the hosts of `tasks`. DAEMON: all hosts of the cluster.
    pub hosts: Vec<HostFacts>,
    /// DAEMON: the task groups of all daemons of the cluster.
    pub daemon_groups: Vec<String>,
    /// What is said of the service since `events_since`, as far as it may be said again.
    pub events: Vec<(DateTime<Utc>, String)>,
    /// The last COMPLETED deployment.
    pub completed: Option<DeploymentRow>,
    /// The service deployment that is under way.
    pub under_way: Option<UnderWay>,
    /// Waits of `deployments` for their lifecycle hooks, in the order in which they began.
    pub pauses: Vec<PauseRow>,
}

/// A task as the scheduler sees it.
#[derive(Debug, Clone, FromRow)]
pub struct TaskFacts {
    pub id: Uuid,
    pub deployment_id: Option<i64>,
    pub instance_id: Option<Uuid>,
    #[sqlx(try_from = "String")]
    pub desired_status: DesiredStatus,
    #[sqlx(try_from = "String")]
    pub last_status: TaskStatus,
    #[sqlx(try_from = "String")]
    pub health: HealthStatus,
    pub stop_code: Option<String>,
    pub stopped_reason: Option<String>,
    pub protected_until: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
}

/// A container instance as the scheduler sees it.
#[derive(Debug, Clone, FromRow)]
pub struct HostFacts {
    pub id: Uuid,
    #[sqlx(try_from = "String")]
    pub status: InstanceStatus,
    pub agent_connected: bool,
    pub agent_version: Option<String>,
    pub ec2_instance_id: Option<String>,
    pub registered_at: DateTime<Utc>,
    pub attributes: Json<BTreeMap<String, Option<String>>>,
    /// Registered less taken.
    pub free_cpu: i64,
    pub free_memory: i64,
    pub task_groups: Json<BTreeMap<String, u32>>,
}

impl HostFacts {
    pub fn container_instance_id(&self) -> ContainerInstanceId {
        ContainerInstanceId(self.id)
    }
}

impl Subject for HostFacts {
    fn agent_connected(&self) -> bool {
        self.agent_connected
    }
    fn agent_version(&self) -> Option<&str> {
        self.agent_version.as_deref()
    }
    fn attribute(&self, name: &str) -> Option<Option<&str>> {
        self.attributes.get(name).map(Option::as_deref)
    }
    fn ec2_instance_id(&self) -> Option<&str> {
        self.ec2_instance_id.as_deref()
    }
    fn registered_at(&self) -> DateTime<Utc> {
        self.registered_at
    }
    fn running_tasks_count(&self) -> i64 {
        self.task_groups.values().copied().map(i64::from).sum()
    }
    fn task_groups(&self) -> impl Iterator<Item = &str> {
        self.task_groups.keys().map(String::as_str)
    }
}

/// The service with all that belongs to it; `None` if it is not there or INACTIVE. The generation is read first: a plan that is
/// made of something newer only fails to commit.
pub async fn load(db: &Db, id: i64, events_since: DateTime<Utc>) -> Result<Option<Loaded>> {
    let mut connection = db.pool().acquire().await?;
    let sql = format!(
        "SELECT {} FROM services WHERE id = $1 AND status <> 'INACTIVE'",
        super::COLUMNS
    );
    let row: Option<ServiceRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(service) = row else { return Ok(None) };
    let cluster = clusters::owned(&mut connection, service.cluster_id).await?;
    let deployments = deployments::listed(&mut connection, id).await?;
    let tasks = tasks(&mut connection, id).await?;
    let (hosts, daemon_groups) = if service.is_daemon() {
        let groups = daemon_groups(&mut connection, service.cluster_id).await?;
        (all_hosts(&mut connection, service.cluster_id).await?, groups)
    } else {
        (hosts_of(&mut connection, &service, &tasks).await?, Vec::new())
    };
    let events = events(&mut connection, id, events_since).await?;
    let completed = deployments::last_completed(&mut connection, id).await?;
    let under_way = service_deployments::under_way(&mut connection, id).await?;
    let pauses = pauses(&mut connection, id, &deployments).await?;
    drop(connection);
    let targets = targets_of(db, &deployments, &tasks).await?;
    Ok(Some(Loaded {
        service,
        cluster,
        deployments,
        tasks,
        targets,
        hosts,
        daemon_groups,
        events,
        completed,
        under_way,
        pauses,
    }))
}

/// Nothing waits while the only deployment is over, as that of most services is.
async fn pauses(
    connection: &mut PgConnection,
    service: i64,
    deployments: &[DeploymentRow],
) -> Result<Vec<PauseRow>> {
    match deployments {
        [only] if only.rollout_state == "COMPLETED" => Ok(Vec::new()),
        several => {
            let ids: Vec<i64> = several.iter().map(|row| row.id).collect();
            hooks::of_deployments(connection, service, &ids).await
        }
    }
}

async fn tasks(connection: &mut PgConnection, service: i64) -> Result<Vec<TaskFacts>> {
    let query = sqlx::query_as(
        "SELECT id, deployment_id, instance_id, desired_status, last_status, health, stop_code, stopped_reason, protected_until, \
                created_at, started_at \
         FROM tasks WHERE service_id = $1 AND service_id IS NOT NULL AND (last_status <> 'STOPPED' OR NOT accounted)",
    );
    Ok(query.bind(service).fetch_all(connection).await?)
}

async fn targets_of(
    db: &Db,
    deployments: &[DeploymentRow],
    tasks: &[TaskFacts],
) -> Result<BTreeMap<Uuid, Vec<TargetFacts>>> {
    let balanced = |row: &&DeploymentRow| !row.spec.load_balancers.is_empty();
    let balanced: Vec<i64> = deployments.iter().filter(balanced).map(|row| row.id).collect();
    let of_them = tasks.iter().filter(|task| {
        let deployment = task.deployment_id;
        task.last_status != TaskStatus::Stopped && deployment.is_some_and(|id| balanced.contains(&id))
    });
    let ids: Vec<Uuid> = of_them.map(|task| task.id).collect();
    match ids.is_empty() {
        true => Ok(BTreeMap::new()),
        false => targets::of_tasks(db, &ids).await,
    }
}

const HOST: &str = "id, status, agent_connected, agent_version, ec2_instance_id, registered_at, cpu - used_cpu AS free_cpu, \
    memory - used_memory AS free_memory, task_groups";

/// Hosts of the tasks, with the attributes that the choice of victims may go by (S-50).
async fn hosts_of(
    connection: &mut PgConnection,
    service: &ServiceRow,
    tasks: &[TaskFacts],
) -> Result<Vec<HostFacts>> {
    let mut ids: Vec<Uuid> = tasks.iter().filter_map(|task| task.instance_id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut names = vec!["ecs.availability-zone".to_owned()];
    let fields = service
        .spec
        .placement_strategy
        .iter()
        .filter_map(|strategy| strategy.field.as_deref());
    names.extend(fields.map(|field| field.strip_prefix("attribute:").unwrap_or(field).to_owned()));
    let sql = format!(
        "SELECT {HOST}, (SELECT coalesce(jsonb_object_agg(name, attributes -> name), '{{}}') FROM unnest($2::text[]) AS name \
             WHERE attributes ? name) AS attributes FROM container_instances WHERE id = ANY($1)"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(ids)
        .bind(names)
        .fetch_all(connection)
        .await?)
}

async fn all_hosts(connection: &mut PgConnection, cluster: i64) -> Result<Vec<HostFacts>> {
    let sql = format!(
        "SELECT {HOST}, attributes FROM container_instances WHERE cluster_id = $1 AND status <> 'INACTIVE'"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(cluster)
        .fetch_all(connection)
        .await?)
}

async fn daemon_groups(connection: &mut PgConnection, cluster: i64) -> Result<Vec<String>> {
    let query = sqlx::query_scalar(
        "SELECT 'service:' || name FROM services WHERE cluster_id = $1 AND status <> 'INACTIVE' AND scheduling_strategy = 'DAEMON'",
    );
    Ok(query.bind(cluster).fetch_all(connection).await?)
}

async fn events(
    connection: &mut PgConnection,
    service: i64,
    since: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, String)>> {
    let query = sqlx::query_as(
        "SELECT created_at, message FROM service_events WHERE service_id = $1 AND created_at > $2 AND octet_length(message) <= $3",
    );
    Ok(query
        .bind(service)
        .bind(since)
        .bind(LONGEST_REPEATED)
        .fetch_all(connection)
        .await?)
}
