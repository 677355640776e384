//! What a service's targets lack, read for the loop that mends it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use aws_model::ecs::types::LoadBalancer;
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::tasks::ContainerRecord;
use crate::{Db, Result};

/// How a service stands with the target groups of its deployments.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Tasks that should be registered, and are not everywhere or elsewhere than their host is.
    pub candidates: Vec<Candidate>,
    /// Groups of the service's load balancers that are there, by ARN.
    pub groups: BTreeMap<String, Group>,
    /// Tasks that have ended, or end by themselves, and are registered still.
    pub ended: Vec<Uuid>,
    /// Hosts of tasks that are to stop when their targets are drained, and when that is.
    pub drains: Vec<(Option<Uuid>, DateTime<Utc>)>,
}

/// A target group as far as registering goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// `instance` or `ip`.
    pub target_type: String,
    pub protocol: Option<String>,
}

/// A task that is not registered as it should be.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub task: Uuid,
    /// Of its deployment.
    pub load_balancers: Vec<LoadBalancer>,
    pub containers: Vec<ContainerRecord>,
    pub instance: Uuid,
    pub ec2_instance_id: Option<String>,
    pub availability_zone: Option<String>,
    pub address: Option<IpAddr>,
}

/// How the service stands; `None` if it has no load balancer and never had one. Nothing is locked.
pub async fn standing(db: &Db, service: i64) -> Result<Option<Standing>> {
    let mut connection = db.pool().acquire().await?;
    let named: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT b->>'targetGroupArn' FROM deployments d, jsonb_array_elements(d.spec->'load_balancers') b WHERE d.service_id = $1",
    )
    .bind(service)
    .fetch_all(&mut *connection)
    .await?;
    if named.is_empty() {
        return Ok(None);
    }
    let groups: Vec<(String, String, Option<String>)> =
        sqlx::query_as("SELECT arn, target_type, protocol FROM target_groups WHERE arn = ANY($1)")
            .bind(&named)
            .fetch_all(&mut *connection)
            .await?;
    let groups = groups.into_iter().map(|(arn, target_type, protocol)| {
        (
            arn,
            Group {
                target_type,
                protocol,
            },
        )
    });
    Ok(Some(Standing {
        candidates: candidates(&mut connection, service).await?,
        groups: groups.collect(),
        ended: ended(&mut connection, service, &named).await?,
        drains: drains(&mut connection, service).await?,
    }))
}

async fn candidates(connection: &mut PgConnection, service: i64) -> Result<Vec<Candidate>> {
    let rows = sqlx::query(
        "SELECT t.id, t.containers, d.spec->'load_balancers' AS load_balancers, i.id AS instance, i.ec2_instance_id, \
             host(i.address) AS address, i.attributes->>'ecs.availability-zone' AS zone \
         FROM tasks t JOIN deployments d ON d.id = t.deployment_id JOIN container_instances i ON i.id = t.instance_id \
         WHERE t.service_id = $1 AND t.last_status IN ('PENDING', 'ACTIVATING', 'RUNNING') AND t.desired_status = 'RUNNING' \
           AND jsonb_array_length(d.spec->'load_balancers') > 0 \
           AND ((SELECT count(*) FROM targets g WHERE g.task_id = t.id) < jsonb_array_length(d.spec->'load_balancers') \
                OR EXISTS (SELECT 1 FROM targets g JOIN target_groups tg ON tg.arn = g.target_group_arn \
                           WHERE g.task_id = t.id AND tg.target_type = 'instance' AND g.draining_until IS NULL AND g.address IS DISTINCT FROM i.address)) \
         ORDER BY t.created_at, t.id",
    )
    .bind(service)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let address: Option<&str> = row.try_get("address")?;
            Ok(Candidate {
                task: row.try_get("id")?,
                load_balancers: row.try_get::<Json<_>, _>("load_balancers")?.0,
                containers: row.try_get::<Json<_>, _>("containers")?.0,
                instance: row.try_get("instance")?,
                ec2_instance_id: row.try_get("ec2_instance_id")?,
                availability_zone: row.try_get("zone")?,
                address: address.and_then(|address| address.parse().ok()),
            })
        })
        .collect()
}

async fn ended(connection: &mut PgConnection, service: i64, groups: &[String]) -> Result<Vec<Uuid>> {
    let query = sqlx::query_scalar(
        "SELECT DISTINCT t.id FROM targets g JOIN tasks t ON t.id = g.task_id WHERE g.target_group_arn = ANY($2) \
         AND g.draining_until IS NULL AND t.service_id = $1 AND t.desired_status = 'STOPPED'",
    );
    Ok(query.bind(service).bind(groups).fetch_all(connection).await?)
}

async fn drains(connection: &mut PgConnection, service: i64) -> Result<Vec<(Option<Uuid>, DateTime<Utc>)>> {
    let query = sqlx::query_as(
        "SELECT instance_id, draining_until FROM tasks WHERE service_id = $1 AND service_id IS NOT NULL AND last_status = 'DEACTIVATING' \
         AND draining_until IS NOT NULL",
    );
    Ok(query.bind(service).fetch_all(connection).await?)
}

/// All services with a load balancer that may have tasks. Of all accounts.
pub async fn services_with_load_balancers(db: &Db) -> Result<Vec<i64>> {
    let query = sqlx::query_scalar(
        "SELECT s.id FROM services s WHERE s.status <> 'INACTIVE' AND EXISTS (SELECT 1 FROM deployments d \
             WHERE d.service_id = s.id AND jsonb_array_length(d.spec->'load_balancers') > 0) \
         UNION SELECT t.service_id FROM targets g JOIN tasks t ON t.id = g.task_id \
             WHERE g.draining_until IS NULL AND t.desired_status = 'STOPPED' AND t.service_id IS NOT NULL",
    );
    Ok(query.fetch_all(db.pool()).await?)
}

/// Services where targets may be missing, or stand for tasks that have ended, or tasks wait for their targets to drain. Of all accounts.
pub async fn services_to_mend(db: &Db) -> Result<Vec<i64>> {
    let query = sqlx::query_scalar(
        "SELECT s.id FROM services s WHERE s.status <> 'INACTIVE' AND NOT s.settled AND EXISTS (SELECT 1 FROM deployments d \
             WHERE d.service_id = s.id AND jsonb_array_length(d.spec->'load_balancers') > 0) \
         UNION SELECT t.service_id FROM targets g JOIN tasks t ON t.id = g.task_id \
             WHERE g.draining_until IS NULL AND t.desired_status = 'STOPPED' AND t.service_id IS NOT NULL",
    );
    Ok(query.fetch_all(db.pool()).await?)
}
