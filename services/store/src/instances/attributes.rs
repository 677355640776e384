//! PutAttributes and DeleteAttributes (I-10).

use std::collections::BTreeMap;

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
        let Some(Json(mut attributes)) = known.remove(id) else { return Ok(AttributesChange::NoTarget(*id)) };
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
    db.commit(tx, ids.into_iter().map(|id| Wake::Host(cluster_id, id))).await?;
    Ok(AttributesChange::Done)
}
