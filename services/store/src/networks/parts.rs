//! What is made within a VPC once for each client token.

use chrono::{DateTime, Utc};
use domain::Scope;
use domain::network::ResourceKind;

use super::{NetworkError, NetworkResult, vpcs};
use crate::tags::Tag;
use crate::tokens::{self, Token, Use};
use crate::{Db, Tx};

/// What CreateRouteTable and CreateNetworkAcl say.
#[derive(Debug, Clone, Copy)]
pub struct NewPart<'a> {
    pub vpc: &'a str,
    pub tags: &'a [Tag],
    pub token: Option<&'a Token>,
    pub now: DateTime<Utc>,
}

/// Makes a part of a VPC with its tags; gives its id. A repeated client token gives the id that it made. The `insert` statement takes
/// id, account, region and VPC.
///
/// # Errors
/// [`NetworkError::TokenMismatch`]; [`NetworkError::NotFound`] for the VPC, or for what the token made when it was deleted since.
pub(super) async fn create(
    db: &Db,
    scope: &Scope,
    kind: ResourceKind,
    insert: &'static str,
    new: &NewPart<'_>,
) -> NetworkResult<String> {
    let mut tx = super::begin(db, scope).await?;
    vpcs::find(&mut tx, scope, new.vpc).await?;
    if let Some(id) = made_before(&mut tx, scope, kind, new.token, new.now).await? {
        return Ok(id);
    }
    let id = self::insert(&mut tx, scope, kind, insert, new.vpc).await?;
    super::tags::put(&mut tx, scope, kind, &id, new.tags).await?;
    if let Some(token) = new.token {
        tokens::fulfil(&mut tx, token, std::slice::from_ref(&id)).await?;
    }
    db.commit(tx, []).await?;
    Ok(id)
}

/// Inserts a part under a new id, which it gives.
pub(super) async fn insert(
    tx: &mut Tx,
    scope: &Scope,
    kind: ResourceKind,
    statement: &'static str,
    vpc: &str,
) -> crate::Result<String> {
    let id = super::fresh_id(kind);
    sqlx::query(statement)
        .bind(&id)
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(vpc)
        .execute(&mut **tx)
        .await?;
    Ok(id)
}

/// What a client token made before, which is locked then; a token that is new is claimed.
///
/// # Errors
/// [`NetworkError::TokenMismatch`]; [`NetworkError::NotFound`] when it was deleted since.
async fn made_before(
    tx: &mut Tx,
    scope: &Scope,
    kind: ResourceKind,
    token: Option<&Token>,
    now: DateTime<Utc>,
) -> NetworkResult<Option<String>> {
    let Some(token) = token else {
        return Ok(None);
    };
    match tokens::claim(tx, token, now).await? {
        Use::First => Ok(None),
        Use::Same(made) => {
            let id = made.into_iter().next().unwrap_or_default();
            super::lock(tx, scope, kind, &id).await?;
            Ok(Some(id))
        }
        Use::Different(_) => Err(NetworkError::TokenMismatch(token.token.clone())),
    }
}
