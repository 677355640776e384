//! A server's picture of a cluster's hosts. It may be stale; commits find out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{ContainerInstanceId, InstanceStatus};
use parking_lot::Mutex;
use planning::placement::{Cluster, Host};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::Result;

/// Which cached hosts have changed since they were read.
#[derive(Default)]
pub(super) struct Dirty(Mutex<Changed>);

#[derive(Default)]
struct Changed {
    all: bool,
    some: BTreeSet<Uuid>,
}

impl Dirty {
    pub(super) fn note(&self, instance: Uuid) {
        self.0.lock().some.insert(instance);
    }

    pub(super) fn note_all(&self) {
        self.0.lock().all = true;
    }

    fn take(&self) -> Changed {
        std::mem::take(&mut *self.0.lock())
    }
}

/// The cached hosts of one cluster.
pub(super) struct HostCache {
    dirty: Arc<Dirty>,
    cluster: Option<Cluster>,
}

impl HostCache {
    pub(super) fn new(dirty: Arc<Dirty>) -> Self {
        Self { dirty, cluster: None }
    }

    /// Hosts must be read again, all of them.
    pub(super) fn forget(&mut self) {
        self.cluster = None;
    }

    /// This host must be read again.
    pub(super) fn stale(&self, instance: Uuid) {
        self.dirty.note(instance);
    }

    /// Brings the picture up to date. True if all of it was read just now.
    pub(super) async fn refresh(&mut self, connection: &mut PgConnection, cluster_id: i64) -> Result<bool> {
        let changed = self.dirty.take();
        let done = self.read(connection, cluster_id, &changed).await;
        if done.is_err() {
            self.cluster = None;
        }
        done
    }

    async fn read(
        &mut self,
        connection: &mut PgConnection,
        cluster_id: i64,
        changed: &Changed,
    ) -> Result<bool> {
        let Some(cluster) = self.cluster.as_mut().filter(|_| !changed.all) else {
            self.cluster = Some(Cluster::new(load(connection, cluster_id, None, "").await?));
            return Ok(true);
        };
        if changed.some.is_empty() {
            return Ok(false);
        }
        let ids: Vec<Uuid> = changed.some.iter().copied().collect();
        let mut gone = changed.some.clone();
        for host in load(connection, cluster_id, Some(&ids), "").await? {
            gone.remove(&host.id.uuid());
            cluster.insert(host);
        }
        for id in gone {
            cluster.remove(ContainerInstanceId(id));
        }
        Ok(false)
    }

    /// Reads all hosts and locks their rows until the transaction ends: nobody can get in between any more.
    pub(super) async fn lock_all(&mut self, connection: &mut PgConnection, cluster_id: i64) -> Result<()> {
        self.dirty.take();
        self.cluster = Some(Cluster::new(
            load(connection, cluster_id, None, "FOR UPDATE").await?,
        ));
        Ok(())
    }

    pub(super) fn cluster(&mut self) -> &mut Cluster {
        self.cluster.get_or_insert_with(|| Cluster::new(Vec::new()))
    }
}

#[derive(sqlx::FromRow)]
struct HostRow {
    id: Uuid,
    #[sqlx(try_from = "String")]
    status: InstanceStatus,
    agent_connected: bool,
    agent_version: Option<String>,
    ec2_instance_id: Option<String>,
    registered_at: DateTime<Utc>,
    attributes: Json<BTreeMap<String, Option<String>>>,
    cpu: i64,
    memory: i64,
    used_cpu: i64,
    used_memory: i64,
    used_ports: Vec<i32>,
    used_ports_udp: Vec<i32>,
    gpus: Vec<String>,
    used_gpus: Vec<String>,
    task_groups: Json<BTreeMap<String, u32>>,
    revision: i64,
}

async fn load(
    connection: &mut PgConnection,
    cluster_id: i64,
    only: Option<&[Uuid]>,
    lock: &str,
) -> Result<Vec<Host>> {
    let sql = format!(
        "SELECT id, status, agent_connected, agent_version, ec2_instance_id, registered_at, attributes, cpu, memory, used_cpu, \
             used_memory, used_ports, used_ports_udp, gpus, used_gpus, task_groups, revision \
         FROM container_instances WHERE cluster_id = $1 AND status <> 'INACTIVE' AND ($2::uuid[] IS NULL OR id = ANY($2)) \
         ORDER BY id {lock}"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(cluster_id)
        .bind(only);
    let rows: Vec<HostRow> = query.fetch_all(connection).await?;
    Ok(rows.into_iter().map(host).collect())
}

fn host(row: HostRow) -> Host {
    let ports = |ports: Vec<i32>| {
        ports
            .into_iter()
            .filter_map(|port| u16::try_from(port).ok())
            .collect()
    };
    Host {
        id: ContainerInstanceId(row.id),
        status: row.status,
        agent_connected: row.agent_connected,
        agent_version: row.agent_version,
        ec2_instance_id: row.ec2_instance_id,
        registered_at: row.registered_at,
        attributes: Arc::new(row.attributes.0),
        cpu: row.cpu,
        memory: row.memory,
        used_cpu: row.used_cpu,
        used_memory: row.used_memory,
        used_ports: ports(row.used_ports),
        used_ports_udp: ports(row.used_ports_udp),
        gpus: row.gpus.into(),
        used_gpus: row.used_gpus.into_iter().collect(),
        running_tasks: row.task_groups.values().sum(),
        task_groups: row.task_groups.0,
        revision: row.revision,
    }
}
