//! Network ACLs: each VPC has its default one, which lets everything pass.

use domain::Scope;
use domain::network::ResourceKind;

use crate::{Db, Result, Tx};

/// A row of `network_acls`.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct NetworkAclRow {
    pub id: String,
    pub vpc_id: String,
}

/// All network ACLs, by id.
pub async fn list(db: &Db, scope: &Scope) -> Result<Vec<NetworkAclRow>> {
    super::ensure(db, scope).await?;
    let query =
        sqlx::query_as("SELECT id, vpc_id FROM network_acls WHERE account = $1 AND region = $2 ORDER BY id");
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_all(db.pool())
        .await?)
}

pub(super) async fn insert(tx: &mut Tx, scope: &Scope, vpc: &str) -> Result<()> {
    sqlx::query("INSERT INTO network_acls (id, account, region, vpc_id) VALUES ($1, $2, $3, $4)")
        .bind(super::fresh_id(ResourceKind::NetworkAcl))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(vpc)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
