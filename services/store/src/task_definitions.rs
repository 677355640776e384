//! Task definitions and their families (TD-01 to TD-07).

use aws_model::ecs::types::TaskDefinition;
use chrono::{DateTime, Utc};
use domain::Scope;
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use crate::tags::Tag;
use crate::{Db, Result};

/// A row of `task_definitions`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct TaskDefinitionRow {
    pub id: i64,
    pub account: String,
    pub region: String,
    pub family: String,
    pub revision: i32,
    /// ACTIVE, INACTIVE or DELETE_IN_PROGRESS (TD-03).
    pub status: String,
    /// Without status and times.
    pub document: Json<TaskDefinition>,
    pub registered_at: DateTime<Utc>,
    pub deregistered_at: Option<DateTime<Utc>>,
    pub delete_requested_at: Option<DateTime<Utc>>,
}

impl TaskDefinitionRow {
    pub fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }

    pub fn arn(&self, scope: &Scope) -> String {
        scope.task_definition_arn(&self.family, self.revision)
    }

    /// As the API shows it (TD-10).
    pub fn view(&self, scope: &Scope) -> TaskDefinition {
        TaskDefinition {
            task_definition_arn: Some(self.arn(scope)),
            family: Some(self.family.clone()),
            revision: Some(self.revision),
            status: self.status.parse().ok(),
            registered_at: Some(self.registered_at.into()),
            deregistered_at: self.deregistered_at.map(Into::into),
            delete_requested_at: self.delete_requested_at.map(Into::into),
            ..self.document.0.clone()
        }
    }
}

/// Which revision a reference means (TD-02).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub family: String,
    /// `None`: the latest ACTIVE one.
    pub revision: Option<i32>,
}

const COLUMNS: &str = "id, account, region, family, revision, status, document, registered_at, deregistered_at, delete_requested_at";

/// Revisions that a family may have, deleted ones included (TD-01).
pub const MAX_REVISIONS: i32 = 1_000_000;

/// Stores the next revision of a family (TD-01). `document` must not hold revision, ARN or times. `None` when the family has had
/// [`MAX_REVISIONS`].
pub async fn register(
    db: &Db,
    scope: &Scope,
    family: &str,
    document: &TaskDefinition,
    tags: &[Tag],
    now: DateTime<Utc>,
) -> Result<Option<TaskDefinitionRow>> {
    let mut tx = db.begin().await?;
    let revision: Option<i32> = sqlx::query_scalar(
        "INSERT INTO task_definition_families (account, region, family, last_revision) VALUES ($1, $2, $3, 1) \
         ON CONFLICT (account, region, family) DO UPDATE SET last_revision = task_definition_families.last_revision + 1 \
         WHERE task_definition_families.last_revision < $4 RETURNING last_revision",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(family)
    .bind(MAX_REVISIONS)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(revision) = revision else { return Ok(None) };
    let sql = format!(
        "INSERT INTO task_definitions (account, region, family, revision, status, document, registered_at) \
         VALUES ($1, $2, $3, $4, 'ACTIVE', $5, $6) RETURNING {COLUMNS}"
    );
    let row: TaskDefinitionRow = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(family)
        .bind(revision)
        .bind(Json(document))
        .bind(now)
        .fetch_one(&mut *tx)
        .await?;
    let arn = row.arn(scope);
    let tags: Vec<(String, Tag)> = tags.iter().map(|tag| (arn.clone(), tag.clone())).collect();
    crate::tags::put(&mut tx, scope, &tags).await?;
    tx.commit().await?;
    Ok(Some(row))
}

/// The revision that a reference means: the given one in any status, or the latest ACTIVE one (TD-02).
pub async fn find(db: &Db, scope: &Scope, reference: &Reference) -> Result<Option<TaskDefinitionRow>> {
    let which = match reference.revision {
        Some(_) => "revision = $4",
        None => "status = 'ACTIVE' AND $4::integer IS NULL ORDER BY revision DESC LIMIT 1",
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM task_definitions WHERE account = $1 AND region = $2 AND family = $3 AND {which}"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(&reference.family)
        .bind(reference.revision);
    Ok(query.fetch_optional(db.pool()).await?)
}

/// Rows by id; those that cannot be read are left out, so that they hold up no others. Not scoped: ids come from rows that were.
pub async fn by_ids(db: &Db, ids: &[i64]) -> Result<Vec<TaskDefinitionRow>> {
    let sql = format!("SELECT {COLUMNS} FROM task_definitions WHERE id = ANY($1)");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(ids)
        .fetch_all(db.pool())
        .await?;
    let read = |row: &PgRow| {
        let definition = TaskDefinitionRow::from_row(row);
        if let Err(error) = &definition {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "a task definition cannot be read"
            );
        }
        definition.ok()
    };
    Ok(rows.iter().filter_map(read).collect())
}

/// ACTIVE → INACTIVE; an INACTIVE one stays as it is (TD-03). `None` if there is no such revision.
pub async fn deregister(
    db: &Db,
    scope: &Scope,
    family: &str,
    revision: i32,
    now: DateTime<Utc>,
) -> Result<Option<TaskDefinitionRow>> {
    let sql = format!(
        "UPDATE task_definitions SET status = CASE status WHEN 'ACTIVE' THEN 'INACTIVE' ELSE status END, \
         deregistered_at = coalesce(deregistered_at, $5) \
         WHERE account = $1 AND region = $2 AND family = $3 AND revision = $4 RETURNING {COLUMNS}"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(family)
        .bind(revision)
        .bind(now);
    Ok(query.fetch_optional(db.pool()).await?)
}

/// INACTIVE → DELETE_IN_PROGRESS (TD-03, TD-04). `None` if it is not INACTIVE or already on its way.
pub async fn request_delete(db: &Db, id: i64, now: DateTime<Utc>) -> Result<Option<TaskDefinitionRow>> {
    let sql = format!(
        "UPDATE task_definitions SET status = 'DELETE_IN_PROGRESS', delete_requested_at = coalesce(delete_requested_at, $2) \
         WHERE id = $1 AND status <> 'ACTIVE' RETURNING {COLUMNS}"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .bind(now)
        .fetch_optional(db.pool())
        .await?)
}

/// Removes DELETE_IN_PROGRESS definitions that no task, service or deployment refers to (TD-04), of all accounts. Gives how many.
pub async fn purge(db: &Db, limit: i64) -> Result<u64> {
    let mut tx = db.begin().await?;
    let gone: Vec<(i64, String, String, String, i32)> = sqlx::query_as(
        "DELETE FROM task_definitions WHERE id IN ( \
             SELECT d.id FROM task_definitions d WHERE d.status = 'DELETE_IN_PROGRESS' \
             AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.task_definition_id = d.id) \
             AND NOT EXISTS (SELECT 1 FROM deployments p WHERE p.task_definition_id = d.id) LIMIT $1) \
         RETURNING id, account, region, family, revision",
    )
    .bind(limit)
    .fetch_all(&mut *tx)
    .await?;
    for (_, account, region, family, revision) in &gone {
        let (Ok(account), Ok(region)) = (account.parse(), region.parse()) else {
            continue;
        };
        let scope = Scope::new(account, region);
        crate::tags::remove_all(&mut tx, &scope, &[scope.task_definition_arn(family, *revision)]).await?;
    }
    tx.commit().await?;
    Ok(gone.len() as u64)
}

/// One page of (family, revision) in the API's order (TD-06). `family` is exact; `after` is the last of the page before.
pub async fn list(
    db: &Db,
    scope: &Scope,
    family: Option<&str>,
    status: &str,
    descending: bool,
    after: Option<(&str, i32)>,
    limit: i64,
) -> Result<Vec<(String, i32)>> {
    let (order, beyond) = if descending { ("DESC", "<") } else { ("ASC", ">") };
    let sql = format!(
        "SELECT family, revision FROM task_definitions \
         WHERE account = $1 AND region = $2 AND status = $3 AND ($4::text IS NULL OR family = $4) \
         AND ($5::text IS NULL OR (family COLLATE \"C\", revision) {beyond} ($5, $6)) \
         ORDER BY family COLLATE \"C\" {order}, revision {order} LIMIT $7"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(status)
        .bind(family)
        .bind(after.map(|(family, _)| family))
        .bind(after.map(|(_, revision)| revision))
        .bind(limit);
    Ok(query.fetch_all(db.pool()).await?)
}

/// Which families ListTaskDefinitionFamilies shows: those with an ACTIVE revision, those without, or both (TD-06).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FamilyFilter {
    Active,
    Inactive,
    All,
}

/// One page of families that begin with `prefix`, after `after`.
pub async fn list_families(
    db: &Db,
    scope: &Scope,
    prefix: &str,
    filter: FamilyFilter,
    after: &str,
    limit: i64,
) -> Result<Vec<String>> {
    let having = match filter {
        FamilyFilter::Active => "HAVING bool_or(status = 'ACTIVE')",
        FamilyFilter::Inactive => "HAVING NOT bool_or(status = 'ACTIVE')",
        FamilyFilter::All => "",
    };
    let sql = format!(
        "SELECT family FROM task_definitions \
         WHERE account = $1 AND region = $2 AND starts_with(family, $3) AND family COLLATE \"C\" > $4 AND status <> 'DELETE_IN_PROGRESS' \
         GROUP BY family {having} ORDER BY family COLLATE \"C\" LIMIT $5"
    );
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(prefix)
        .bind(after)
        .bind(limit);
    Ok(query.fetch_all(db.pool()).await?)
}
