//! RegisterContainerInstance: first and later registrations (1.4 and 1.5 of the agent protocol).

use chrono::{DateTime, Utc};
use domain::{ContainerInstanceId, Scope};
use sqlx::types::Json;
use uuid::Uuid;

use super::{Attributes, COLUMNS, InstanceRow};
use crate::tags::{self, Tag};
use crate::{Db, Result, StoreError, Tx, Wake, clusters};

/// What an agent registers.
#[derive(Debug, Clone)]
pub struct Registration {
    pub cluster_id: i64,
    pub cluster_name: String,
    /// From the ARN that the agent remembers, or a fresh one.
    pub id: ContainerInstanceId,
    /// The agent remembers the id: it wants to be this instance again.
    pub again: bool,
    /// A first registration that is repeated with the same token makes no second instance.
    pub client_token: Option<String>,
    pub ec2_instance_id: Option<String>,
    pub attributes: Attributes,
    pub agent_version: Option<String>,
    pub agent_hash: Option<String>,
    pub docker_version: Option<String>,
    pub cpu: i64,
    pub memory: i64,
    pub reserved_ports: Vec<i32>,
    pub reserved_ports_udp: Vec<i32>,
    pub gpus: Vec<String>,
    pub tags: Vec<Tag>,
}

/// Makes the instance, or brings the known one up to date: custom attributes stay unless it was deregistered (I-10),
/// DRAINING stays, INACTIVE becomes ACTIVE.
/// Registered CPU and memory do not fall below what its tasks hold. `None`: the cluster is gone, or the id is another cluster's.
pub async fn register(
    db: &Db,
    scope: &Scope,
    registration: &Registration,
    now: DateTime<Utc>,
) -> Result<Option<InstanceRow>> {
    const ATTEMPTS: u32 = 3;
    for _ in 0..ATTEMPTS {
        match attempt(db, scope, registration, now).await {
            // The same token was registered between our look and our insert.
            Err(error) if error.constraint() == Some("container_instances_token") => {}
            done => return done,
        }
    }
    Err(StoreError::Contended {
        act: "register a container instance",
        attempts: ATTEMPTS,
    })
}

async fn attempt(
    db: &Db,
    scope: &Scope,
    registration: &Registration,
    now: DateTime<Utc>,
) -> Result<Option<InstanceRow>> {
    let mut tx = db.begin().await?;
    if !clusters::hold(&mut tx, registration.cluster_id).await? {
        return Ok(None);
    }
    let id = id_for(&mut tx, registration).await?;
    let Some(row) = upsert(&mut tx, registration, id, now).await? else {
        return Ok(None);
    };
    let arn = scope.container_instance_arn(&registration.cluster_name, row.instance_id());
    let tags: Vec<(String, Tag)> = registration
        .tags
        .iter()
        .map(|tag| (arn.clone(), tag.clone()))
        .collect();
    tags::put(&mut tx, scope, &tags).await?;
    db.commit(tx, [Wake::Host(row.cluster_id, row.id), Wake::Instance(row.id)])
        .await?;
    Ok(Some(row))
}

async fn id_for(tx: &mut Tx, registration: &Registration) -> Result<Uuid> {
    let fresh = registration.id.uuid();
    let Some(token) = registration.client_token.as_ref().filter(|_| !registration.again) else {
        return Ok(fresh);
    };
    let known: Option<Uuid> =
        sqlx::query_scalar("SELECT id FROM container_instances WHERE cluster_id = $1 AND client_token = $2")
            .bind(registration.cluster_id)
            .bind(token)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(known.unwrap_or(fresh))
}

async fn upsert(
    tx: &mut Tx,
    registration: &Registration,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<InstanceRow>> {
    let sql = format!(
        "INSERT INTO container_instances AS i (id, cluster_id, status, ec2_instance_id, attributes, agent_version, agent_hash, \
             docker_version, cpu, memory, reserved_ports, reserved_ports_udp, gpus, used_ports, used_ports_udp, client_token, registered_at) \
         VALUES ($1, $2, 'ACTIVE', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $10, $11, $13, $14) \
         ON CONFLICT (id) DO UPDATE SET \
             cluster_id = excluded.cluster_id, status_reason = NULL, deregistered_at = NULL, \
             status = CASE i.status WHEN 'DRAINING' THEN 'DRAINING' ELSE 'ACTIVE' END, \
             registered_at = CASE i.status WHEN 'INACTIVE' THEN excluded.registered_at ELSE i.registered_at END, \
             ec2_instance_id = coalesce(excluded.ec2_instance_id, i.ec2_instance_id), \
             attributes = coalesce((SELECT jsonb_object_agg(a.key, a.value) FROM jsonb_each(i.attributes) a \
                 WHERE i.status <> 'INACTIVE' AND a.key NOT LIKE 'ecs.%' AND a.key NOT LIKE 'com.amazonaws.ecs.%'), '{{}}') || excluded.attributes, \
             agent_version = coalesce(excluded.agent_version, i.agent_version), \
             agent_hash = coalesce(excluded.agent_hash, i.agent_hash), \
             docker_version = coalesce(excluded.docker_version, i.docker_version), \
             cpu = greatest(excluded.cpu, i.used_cpu), memory = greatest(excluded.memory, i.used_memory), \
             reserved_ports = excluded.reserved_ports, reserved_ports_udp = excluded.reserved_ports_udp, gpus = excluded.gpus, \
             used_ports = ARRAY(SELECT p FROM unnest(i.used_ports) p WHERE p <> ALL(i.reserved_ports) \
                 UNION SELECT unnest(excluded.reserved_ports) ORDER BY 1), \
             used_ports_udp = ARRAY(SELECT p FROM unnest(i.used_ports_udp) p WHERE p <> ALL(i.reserved_ports_udp) \
                 UNION SELECT unnest(excluded.reserved_ports_udp) ORDER BY 1), \
             client_token = coalesce(excluded.client_token, i.client_token), revision = i.revision + 1 \
         WHERE i.cluster_id = excluded.cluster_id OR (i.status = 'INACTIVE' AND EXISTS ( \
             SELECT 1 FROM clusters old, clusters new WHERE old.id = i.cluster_id AND new.id = excluded.cluster_id \
             AND old.account = new.account AND old.region = new.region)) \
         RETURNING {COLUMNS}"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .bind(registration.cluster_id)
        .bind(&registration.ec2_instance_id)
        .bind(Json(&registration.attributes))
        .bind(&registration.agent_version)
        .bind(&registration.agent_hash)
        .bind(&registration.docker_version)
        .bind(registration.cpu)
        .bind(registration.memory)
        .bind(&registration.reserved_ports)
        .bind(&registration.reserved_ports_udp)
        .bind(&registration.gpus)
        .bind(&registration.client_token)
        .bind(now);
    Ok(query.fetch_optional(&mut **tx).await?)
}
