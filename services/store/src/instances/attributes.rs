//! PutAttributes and DeleteAttributes (I-10).

use std::collections::BTreeMap;

use domain::ContainerInstanceId;
use sqlx::types::Json;
use uuid::Uuid;

use super::Attributes;
use crate::{Db, Result, Wake};

/// What happens to one instance's attributes.
#[derive(Debug, Clone, Default)]
pub struct AttributeTarget {
    pub put: Attributes,
    pub delete: Vec<String>,
}

/// What came of a change: all of it was done, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributesChange {
    Done,
    /// This instance is not in the cluster, or INACTIVE.
    NoTarget(Uuid),
    /// This instance would have more custom attributes than the limit.
    TooMany(Uuid),
}

/// Changes attributes of instances of one cluster, all or none. `is_custom` says which names count to `limit`.
pub async fn change_attributes(
    db: &Db,
    cluster_id: i64,
    targets: &BTreeMap<Uuid, AttributeTarget>,
    limit: usize,
    is_custom: impl Fn(&str) -> bool,
) -> Result<AttributesChange> {
    let ids: Vec<Uuid> = targets.keys().copied().collect();
    let mut tx = db.begin().await?;
    let mut known: BTreeMap<Uuid, Json<Attributes>> = sqlx::query_as(
        "SELECT id, attributes FROM container_instances WHERE cluster_id = $1 AND id = ANY($2) AND status <> 'INACTIVE' \
         ORDER BY id FOR UPDATE",
    )
    .bind(cluster_id)
    .bind(&ids)
    .fetch_all(&mut *tx)
    .await?
    .into_iter()
    .collect();
    for (id, target) in targets {
        let Some(Json(mut attributes)) = known.remove(id) else {
            return Ok(AttributesChange::NoTarget(*id));
        };
        attributes.retain(|name, _| !target.delete.contains(name));
        attributes.extend(target.put.clone());
        if !target.put.is_empty() && attributes.keys().filter(|name| is_custom(name)).count() > limit {
            return Ok(AttributesChange::TooMany(*id));
        }
        sqlx::query("UPDATE container_instances SET attributes = $2, revision = revision + 1 WHERE id = $1")
            .bind(id)
            .bind(Json(attributes))
            .execute(&mut *tx)
            .await?;
    }
    db.commit(tx, ids.into_iter().map(|id| Wake::Host(cluster_id, id)))
        .await?;
    Ok(AttributesChange::Done)
}

/// Which attributes ListAttributes shows.
#[derive(Debug, Clone, Default)]
pub struct AttributeFilter {
    pub name: Option<String>,
    pub value: Option<String>,
}

/// Attributes of the cluster's instances after `after`, in the order of instance and name.
pub async fn list_attributes(
    db: &Db,
    cluster_id: i64,
    filter: &AttributeFilter,
    after: Option<(ContainerInstanceId, String)>,
    limit: i64,
) -> Result<Vec<(ContainerInstanceId, String, Option<String>)>> {
    let (after_id, after_name) = after.map_or((None, None), |(id, name)| (Some(id.uuid()), Some(name)));
    let rows: Vec<(Uuid, String, Option<String>)> = sqlx::query_as(
        "SELECT i.id, a.key, a.value FROM container_instances i, jsonb_each_text(i.attributes) a \
         WHERE i.cluster_id = $1 AND i.status <> 'INACTIVE' AND ($2::text IS NULL OR a.key = $2) AND ($3::text IS NULL OR a.value = $3) \
           AND ($4::uuid IS NULL OR i.id > $4 OR (i.id = $4 AND a.key > $5)) \
         ORDER BY i.id, a.key LIMIT $6",
    )
    .bind(cluster_id)
    .bind(&filter.name)
    .bind(&filter.value)
    .bind(after_id)
    .bind(after_name)
    .bind(limit)
    .fetch_all(db.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|(id, name, value)| (ContainerInstanceId(id), name, value))
        .collect())
}
