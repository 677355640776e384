//! Clusters (C-01 to C-08).

use aws_model::ecs::types::{
    CapacityProviderStrategyItem, ClusterConfiguration, ClusterServiceConnectDefaults, ClusterSetting,
};
use chrono::{DateTime, Utc};
use domain::Scope;
use domain::scope::ScopeError;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::placement::InCluster;
use crate::tags::Tag;
use crate::{Db, Result, StoreError, Tx};

/// A row of `clusters`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ClusterRow {
    pub id: i64,
    pub account: String,
    pub region: String,
    pub name: String,
    /// ACTIVE or INACTIVE (C-03).
    pub status: String,
    pub settings: Json<Vec<ClusterSetting>>,
    pub configuration: Option<Json<ClusterConfiguration>>,
    pub service_connect_defaults: Option<Json<ClusterServiceConnectDefaults>>,
    pub capacity_providers: Json<Vec<String>>,
    pub default_capacity_provider_strategy: Json<Vec<CapacityProviderStrategyItem>>,
    pub created_at: DateTime<Utc>,
}

/// What CreateCluster sets.
#[derive(Debug, Clone, Default)]
pub struct NewCluster {
    pub name: String,
    pub settings: Vec<ClusterSetting>,
    pub configuration: Option<ClusterConfiguration>,
    pub service_connect_defaults: Option<ClusterServiceConnectDefaults>,
}

/// What UpdateCluster changes; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct ClusterChange {
    pub settings: Option<Vec<ClusterSetting>>,
    pub configuration: Option<ClusterConfiguration>,
    pub service_connect_defaults: Option<ClusterServiceConnectDefaults>,
}

/// How much is in a cluster, by launch type where the API's statistics ask for it (C-05, C-06).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct ClusterCounts {
    pub registered_instances: i64,
    pub running_ec2: i64,
    pub running_external: i64,
    pub pending_ec2: i64,
    pub pending_external: i64,
    pub active_ec2_services: i64,
    pub active_external_services: i64,
    pub draining_ec2_services: i64,
    pub draining_external_services: i64,
}

/// What keeps a cluster from being deleted (C-04), in the order in which AWS looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupied {
    ContainerInstances,
    Services,
    Tasks,
}

const COLUMNS: &str = "id, account, region, name, status, settings, configuration, service_connect_defaults, \
    capacity_providers, default_capacity_provider_strategy, created_at";

/// The ACTIVE cluster of this name.
pub async fn find_active(db: &Db, scope: &Scope, name: &str) -> Result<Option<ClusterRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM clusters WHERE account = $1 AND region = $2 AND name = $3 AND status <> 'INACTIVE'"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(name)
        .fetch_optional(db.pool())
        .await?)
}

/// The cluster of this row id, whatever its status. Not scoped: the id comes from a row that was.
pub async fn by_id(db: &Db, id: i64) -> Result<Option<ClusterRow>> {
    let sql = format!("SELECT {COLUMNS} FROM clusters WHERE id = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(db.pool())
        .await?)
}

/// The cluster of this row id with whose it is. Not scoped: the id comes from a row that was.
pub(crate) async fn owned(connection: &mut PgConnection, id: i64) -> Result<InCluster> {
    let (name, account, region): (String, String, String) =
        sqlx::query_as("SELECT name, account, region FROM clusters WHERE id = $1")
            .bind(id)
            .fetch_one(connection)
            .await?;
    let inconsistent = |error: ScopeError| StoreError::Inconsistent {
        table: "clusters",
        reason: error.to_string(),
    };
    let account = account.parse().map_err(inconsistent)?;
    let scope = Scope::new(account, region.parse().map_err(inconsistent)?);
    Ok(InCluster { id, name, scope })
}

/// The newest cluster of each of these names, INACTIVE ones included (C-03).
pub async fn find_many(db: &Db, scope: &Scope, names: &[String]) -> Result<Vec<ClusterRow>> {
    let sql = format!(
        "SELECT DISTINCT ON (name) {COLUMNS} FROM clusters WHERE account = $1 AND region = $2 AND name = ANY($3) \
         ORDER BY name, status, id DESC"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(names)
        .fetch_all(db.pool())
        .await?)
}

/// Names of ACTIVE clusters after `after`, in order.
pub async fn list(db: &Db, scope: &Scope, after: &str, limit: i64) -> Result<Vec<String>> {
    let query = sqlx::query_scalar(
        "SELECT name FROM clusters WHERE account = $1 AND region = $2 AND status <> 'INACTIVE' AND name > $3 ORDER BY name LIMIT $4",
    );
    let (account, region) = (scope.account.as_str(), scope.region.as_str());
    Ok(query
        .bind(account)
        .bind(region)
        .bind(after)
        .bind(limit)
        .fetch_all(db.pool())
        .await?)
}

/// Makes the cluster with its tags, or finds the ACTIVE one that is there (C-01). True if it is new.
pub async fn create(
    db: &Db,
    scope: &Scope,
    new: &NewCluster,
    tags: &[Tag],
    now: DateTime<Utc>,
) -> Result<(ClusterRow, bool)> {
    let sql = format!(
        "INSERT INTO clusters (account, region, name, status, settings, configuration, service_connect_defaults, created_at) \
         VALUES ($1, $2, $3, 'ACTIVE', $4, $5, $6, $7) \
         ON CONFLICT (account, region, name) WHERE status <> 'INACTIVE' DO NOTHING RETURNING {COLUMNS}"
    );
    loop {
        let mut tx = db.begin().await?;
        let made: Option<ClusterRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str()))
            .bind(scope.account.as_str())
            .bind(scope.region.as_str())
            .bind(&new.name)
            .bind(Json(&new.settings))
            .bind(new.configuration.as_ref().map(Json))
            .bind(new.service_connect_defaults.as_ref().map(Json))
            .bind(now)
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(row) = made {
            let arn = scope.cluster_arn(&row.name);
            let tags: Vec<(String, Tag)> = tags.iter().map(|tag| (arn.clone(), tag.clone())).collect();
            crate::tags::put(&mut tx, scope, &tags).await?;
            tx.commit().await?;
            return Ok((row, true));
        }
        tx.rollback().await?;
        // Deleted in between: make it again.
        if let Some(row) = find_active(db, scope, &new.name).await? {
            return Ok((row, false));
        }
    }
}

/// Changes an ACTIVE cluster. `None` if it is gone.
pub async fn update(db: &Db, id: i64, change: &ClusterChange) -> Result<Option<ClusterRow>> {
    let sql = format!(
        "UPDATE clusters SET settings = coalesce($2, settings), configuration = coalesce($3, configuration), \
         service_connect_defaults = coalesce($4, service_connect_defaults) \
         WHERE id = $1 AND status <> 'INACTIVE' RETURNING {COLUMNS}"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .bind(change.settings.as_ref().map(Json))
        .bind(change.configuration.as_ref().map(Json))
        .bind(change.service_connect_defaults.as_ref().map(Json));
    Ok(query.fetch_optional(db.pool()).await?)
}

/// Whether there is an ACTIVE cluster of this name, seen by the open transaction: it has its connection already.
pub async fn is_active(tx: &mut Tx, scope: &Scope, name: &str) -> Result<bool> {
    let row = sqlx::query(
        "SELECT 1 FROM clusters WHERE account = $1 AND region = $2 AND name = $3 AND status <> 'INACTIVE'",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(name);
    Ok(row.fetch_optional(&mut **tx).await?.is_some())
}

/// Locks the cluster against deletion until the transaction ends. False if it is not ACTIVE any more.
pub async fn hold(tx: &mut Tx, id: i64) -> Result<bool> {
    let row =
        sqlx::query("SELECT 1 FROM clusters WHERE id = $1 AND status <> 'INACTIVE' FOR KEY SHARE").bind(id);
    Ok(row.fetch_optional(&mut **tx).await?.is_some())
}

/// Makes an empty cluster INACTIVE, or says what is in it.
pub async fn delete(
    db: &Db,
    scope: &Scope,
    id: i64,
    arn: &str,
    now: DateTime<Utc>,
) -> Result<std::result::Result<(), Occupied>> {
    let mut tx = db.begin().await?;
    sqlx::query("SELECT 1 FROM clusters WHERE id = $1 FOR UPDATE")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    let (instances, services, tasks): (bool, bool, bool) = sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM container_instances WHERE cluster_id = $1 AND status <> 'INACTIVE'), \
                EXISTS (SELECT 1 FROM services WHERE cluster_id = $1 AND status = 'ACTIVE'), \
                EXISTS (SELECT 1 FROM tasks WHERE cluster_id = $1 AND last_status <> 'STOPPED')",
    )
    .bind(id)
    .fetch_one(&mut *tx)
    .await?;
    for (found, what) in [
        (instances, Occupied::ContainerInstances),
        (services, Occupied::Services),
        (tasks, Occupied::Tasks),
    ] {
        if found {
            return Ok(Err(what));
        }
    }
    sqlx::query(
        "UPDATE clusters SET status = 'INACTIVE', deleted_at = $2 WHERE id = $1 AND status <> 'INACTIVE'",
    )
    .bind(id)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    crate::tags::remove_all(&mut tx, scope, &[arn.to_owned()]).await?;
    tx.commit().await?;
    Ok(Ok(()))
}

/// Counts of each cluster, in the order of `ids`.
pub async fn counts(db: &Db, ids: &[i64]) -> Result<Vec<ClusterCounts>> {
    let query = sqlx::query_as(
        "SELECT (SELECT count(*) FROM container_instances i WHERE i.cluster_id = c.id AND i.status IN ('ACTIVE', 'DRAINING')) AS registered_instances, \
                t.*, s.* \
         FROM unnest($1::bigint[]) WITH ORDINALITY AS c(id, ordinal), \
         LATERAL (SELECT count(*) FILTER (WHERE last_status = 'RUNNING' AND launch_type <> 'EXTERNAL') AS running_ec2, \
                         count(*) FILTER (WHERE last_status = 'RUNNING' AND launch_type = 'EXTERNAL') AS running_external, \
                         count(*) FILTER (WHERE last_status IN ('PROVISIONING', 'PENDING', 'ACTIVATING') AND launch_type <> 'EXTERNAL') AS pending_ec2, \
                         count(*) FILTER (WHERE last_status IN ('PROVISIONING', 'PENDING', 'ACTIVATING') AND launch_type = 'EXTERNAL') AS pending_external \
                  FROM tasks WHERE cluster_id = c.id AND last_status <> 'STOPPED') t, \
         LATERAL (SELECT count(*) FILTER (WHERE status = 'ACTIVE' AND coalesce(spec->>'launch_type', '') <> 'EXTERNAL') AS active_ec2_services, \
                         count(*) FILTER (WHERE status = 'ACTIVE' AND spec->>'launch_type' = 'EXTERNAL') AS active_external_services, \
                         count(*) FILTER (WHERE status = 'DRAINING' AND coalesce(spec->>'launch_type', '') <> 'EXTERNAL') AS draining_ec2_services, \
                         count(*) FILTER (WHERE status = 'DRAINING' AND spec->>'launch_type' = 'EXTERNAL') AS draining_external_services \
                  FROM services WHERE cluster_id = c.id AND status <> 'INACTIVE') s \
         ORDER BY c.ordinal",
    );
    Ok(query.bind(ids).fetch_all(db.pool()).await?)
}
