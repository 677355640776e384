//! Tags of networks and their parts.

use std::collections::BTreeMap;

use domain::Scope;
use domain::network::ResourceKind;

use super::{NetworkError, NetworkResult};
use crate::tags::Tag;
use crate::{Db, Result, Tx};

/// Most tags that one resource has.
pub const LIMIT: usize = 50;

/// A tag to take away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untag {
    pub key: String,
    /// Only while the tag has this value.
    pub value: Option<String>,
}

/// Tags by the id of what has them, sorted by key.
pub type ById = BTreeMap<String, Vec<Tag>>;

/// Tags of these things of one kind.
pub async fn of(db: &Db, scope: &Scope, kind: ResourceKind, ids: &[&str]) -> Result<ById> {
    let arns: Vec<String> = ids.iter().map(|id| scope.ec2_arn(kind, id)).collect();
    let by_arn = crate::tags::of(db, scope, &arns).await?;
    let id = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(by_arn.into_iter().map(|(arn, tags)| (id(&arn), tags)).collect())
}

/// All tags of everything of EC2 in the account and region.
pub async fn all(db: &Db, scope: &Scope) -> Result<ById> {
    let mut by_id = ById::new();
    for kind in ResourceKind::ALL {
        let (Some(table), Some(_)) = (super::table(kind), kind.resource_type()) else {
            continue;
        };
        let sql = format!("SELECT id FROM {table} WHERE account = $1 AND region = $2");
        let ids: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(scope.account.as_str())
            .bind(scope.region.as_str())
            .fetch_all(db.pool())
            .await?;
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        by_id.extend(of(db, scope, kind, &ids).await?);
    }
    Ok(by_id)
}

/// Sets tags of several resources, of all or of none; existing keys are overwritten.
///
/// # Errors
/// [`NetworkError::NotFound`], [`NetworkError::TooManyTags`].
pub async fn add(
    db: &Db,
    scope: &Scope,
    resources: &[(ResourceKind, String)],
    tags: &[Tag],
) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    for (kind, id) in resources {
        super::lock(&mut tx, scope, *kind, id).await?;
        let mut keys = crate::tags::keys_locked(&mut tx, scope, &scope.ec2_arn(*kind, id)).await?;
        keys.extend(tags.iter().map(|tag| tag.key.clone()));
        keys.sort();
        keys.dedup();
        if keys.len() > LIMIT {
            return Err(NetworkError::TooManyTags(LIMIT));
        }
        put(&mut tx, scope, *kind, id, tags).await?;
    }
    db.commit(tx, []).await?;
    Ok(())
}

/// Takes tags away from several resources; `None` takes all. Tags that are not there are not missed.
///
/// # Errors
/// [`NetworkError::NotFound`].
pub async fn remove(
    db: &Db,
    scope: &Scope,
    resources: &[(ResourceKind, String)],
    tags: Option<&[Untag]>,
) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    for (kind, id) in resources {
        super::lock(&mut tx, scope, *kind, id).await?;
        let arn = scope.ec2_arn(*kind, id);
        let Some(tags) = tags else {
            crate::tags::remove_all(&mut tx, scope, &[arn]).await?;
            continue;
        };
        for tag in tags {
            sqlx::query(
                "DELETE FROM tags WHERE account = $1 AND region = $2 AND arn = $3 AND key = $4 AND value = coalesce($5, value)",
            )
            .bind(scope.account.as_str())
            .bind(scope.region.as_str())
            .bind(&arn)
            .bind(&tag.key)
            .bind(&tag.value)
            .execute(&mut *tx)
            .await?;
        }
    }
    db.commit(tx, []).await?;
    Ok(())
}

/// Tags of something new.
pub(super) async fn put(
    tx: &mut Tx,
    scope: &Scope,
    kind: ResourceKind,
    id: &str,
    tags: &[Tag],
) -> Result<()> {
    crate::tags::set(tx, scope, &scope.ec2_arn(kind, id), tags).await
}
