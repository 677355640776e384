//! Services, their deployments and events (sections 11 and 12 of the behaviour rules).
//!
//! Requests own what is wanted (`spec`, `desired_count`, new deployments); the scheduler owns what came of it (`scheduler`,
//! `settled`, rollout states). Both raise `generation`, so that a plan never meets a service that changed meanwhile.

pub mod apply;
pub mod changes;
pub mod deployments;
pub mod events;
pub mod hooks;
pub mod load;
pub mod record;
pub mod service_deployments;
mod shifts;
mod strategy;
pub mod sweep;
pub mod tags;
pub mod targets;

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use crate::{Db, Result};

pub use strategy::Strategy;

pub use record::{
    CircuitBreaker, DeploymentCounts, DeploymentRow, DeploymentSpec, EventRow, Rolling, ServiceRow,
    ServiceSpec,
};

pub(crate) const COLUMNS: &str = "id, cluster_id, name, status, scheduling_strategy, desired_count, spec, scheduler, settled, \
    generation, create_digest, created_at, created_by";

/// The service of this name that is not INACTIVE.
pub async fn find(db: &Db, cluster_id: i64, name: &str) -> Result<Option<ServiceRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM services WHERE cluster_id = $1 AND name = $2 AND status <> 'INACTIVE'"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(cluster_id)
        .bind(name)
        .fetch_optional(db.pool())
        .await?)
}

/// The newest service of each of these names, INACTIVE ones included (S-10).
pub async fn find_many(db: &Db, cluster_id: i64, names: &[String]) -> Result<Vec<ServiceRow>> {
    let sql = format!(
        "SELECT DISTINCT ON (name) {COLUMNS} FROM services WHERE cluster_id = $1 AND name = ANY($2) ORDER BY name, id DESC"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(cluster_id)
        .bind(names)
        .fetch_all(db.pool())
        .await?)
}

/// The service of this row id. Not scoped: the id comes from a row that was, or from a wake.
pub async fn by_id(db: &Db, id: i64) -> Result<Option<ServiceRow>> {
    let sql = format!("SELECT {COLUMNS} FROM services WHERE id = $1");
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(db.pool())
        .await?)
}

/// Which services ListServices shows.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    pub launch_type: Option<&'static str>,
    pub scheduling_strategy: Option<&'static str>,
}

/// One page of names of ACTIVE services after `after`, in order (S-10: DRAINING ones are not listed).
pub async fn list(
    db: &Db,
    cluster_id: i64,
    filter: &ListFilter,
    after: &str,
    limit: i64,
) -> Result<Vec<String>> {
    let query = sqlx::query_scalar(
        "SELECT name FROM services WHERE cluster_id = $1 AND status = 'ACTIVE' AND name COLLATE \"C\" > $2 \
         AND ($3::text IS NULL OR spec->>'launch_type' = $3) AND ($4::text IS NULL OR scheduling_strategy = $4) \
         ORDER BY name COLLATE \"C\" LIMIT $5",
    );
    let query = query
        .bind(cluster_id)
        .bind(after)
        .bind(filter.launch_type)
        .bind(filter.scheduling_strategy)
        .bind(limit);
    Ok(query.fetch_all(db.pool()).await?)
}

/// What DescribeServices shows of a service besides its row.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// Newest first; INACTIVE ones are left out (D-12).
    pub deployments: Vec<DeploymentRow>,
    /// Tasks of each deployment, by its id.
    pub counts: HashMap<i64, DeploymentCounts>,
    /// Newest first (S-11).
    pub events: Vec<EventRow>,
    /// Id of the newest service deployment (SD-07).
    pub service_deployment: Option<String>,
}

/// Deployments, task counts and events of these services, by service id: one query per table.
pub async fn details(db: &Db, ids: &[i64]) -> Result<HashMap<i64, Details>> {
    let (deployments, counts, events, current) = tokio::try_join!(
        deployments::shown(db, ids),
        deployments::counts(db, ids),
        events::latest(db, ids),
        service_deployments::current(db, ids)
    )?;
    let mut details: HashMap<i64, Details> = HashMap::with_capacity(ids.len());
    for row in deployments {
        details.entry(row.service_id).or_default().deployments.push(row);
    }
    for counts in counts {
        details
            .entry(counts.service_id)
            .or_default()
            .counts
            .insert(counts.deployment_id, counts);
    }
    for event in events {
        details.entry(event.service_id).or_default().events.push(event);
    }
    for (service, id) in current {
        details.entry(service).or_default().service_deployment = Some(id);
    }
    Ok(details)
}
