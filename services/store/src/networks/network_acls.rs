//! Network ACLs: numbered entries that let pass or deny, for the subnets that use them.

mod entries;

use std::collections::BTreeMap;

use domain::Scope;
use domain::network::ResourceKind;

use super::{NetworkError, NetworkResult, NewPart, parts, subnets};
use crate::{Db, Result, Tx};

pub use entries::{AclEntry, create_entry, delete_entry, replace_entry};

/// A network ACL with its entries, less the last one of each direction, and the subnets that use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkAcl {
    pub id: String,
    pub vpc_id: String,
    /// The one that the VPC came with, which new subnets use.
    pub is_default: bool,
    pub entries: Vec<AclEntry>,
    /// Association id and subnet id.
    pub associations: Vec<(String, String)>,
}

#[derive(sqlx::FromRow)]
struct AclRow {
    id: String,
    vpc_id: String,
    is_default: bool,
}

const INSERT: &str =
    "INSERT INTO network_acls (id, account, region, vpc_id, is_default) VALUES ($1, $2, $3, $4, false)";
const INSERT_DEFAULT: &str =
    "INSERT INTO network_acls (id, account, region, vpc_id, is_default) VALUES ($1, $2, $3, $4, true)";

/// All network ACLs, by id.
pub async fn list(db: &Db, scope: &Scope) -> Result<Vec<NetworkAcl>> {
    super::ensure(db, scope).await?;
    let query = sqlx::query_as(
        "SELECT id, vpc_id, is_default FROM network_acls WHERE account = $1 AND region = $2 ORDER BY id",
    );
    let rows: Vec<AclRow> = query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_all(db.pool())
        .await?;
    let mut entries: BTreeMap<String, Vec<AclEntry>> = BTreeMap::new();
    for (acl, entry) in entries::list(db, scope).await? {
        entries.entry(acl).or_default().push(entry);
    }
    let mut associations: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for subnet in subnets::list(db, scope).await? {
        let of_acl = associations.entry(subnet.network_acl_id).or_default();
        of_acl.push((subnet.network_acl_association_id, subnet.id));
    }
    Ok(rows
        .into_iter()
        .map(|row| NetworkAcl {
            entries: entries.remove(&row.id).unwrap_or_default(),
            associations: associations.remove(&row.id).unwrap_or_default(),
            id: row.id,
            vpc_id: row.vpc_id,
            is_default: row.is_default,
        })
        .collect())
}

/// Makes a network ACL that lets nothing pass; gives its id. A repeated client token gives the id that it made.
///
/// # Errors
/// [`NetworkError::TokenMismatch`].
pub async fn create(db: &Db, scope: &Scope, new: &NewPart<'_>) -> NetworkResult<String> {
    parts::create(db, scope, ResourceKind::NetworkAcl, INSERT, new).await
}

/// Deletes a network ACL that no subnet uses.
///
/// # Errors
/// [`NetworkError::DefaultAcl`], [`NetworkError::InUse`].
pub async fn delete(db: &Db, scope: &Scope, id: &str) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    if find(&mut tx, scope, id).await?.is_default {
        return Err(NetworkError::DefaultAcl(id.to_owned()));
    }
    let used = sqlx::query("SELECT 1 FROM subnets WHERE network_acl_id = $1").bind(id);
    if used.fetch_optional(&mut *tx).await?.is_some() {
        return Err(NetworkError::in_use(ResourceKind::NetworkAcl, id));
    }
    super::remove(&mut tx, scope, ResourceKind::NetworkAcl, id).await?;
    db.commit(tx, []).await?;
    Ok(())
}

/// Makes a subnet use another network ACL; gives the new association's id.
///
/// # Errors
/// [`NetworkError::AclElsewhere`].
pub async fn replace_association(db: &Db, scope: &Scope, id: &str, acl: &str) -> NetworkResult<String> {
    let mut tx = super::begin(db, scope).await?;
    let subnet: Option<(String, String)> = sqlx::query_as(
        "SELECT id, vpc_id FROM subnets WHERE account = $1 AND region = $2 AND network_acl_association_id = $3",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(id)
    .fetch_optional(&mut *tx)
    .await?;
    let not_found = || NetworkError::not_found(ResourceKind::NetworkAclAssociation, id);
    let (subnet, vpc) = subnet.ok_or_else(not_found)?;
    let acl = find(&mut tx, scope, acl).await?;
    if acl.vpc_id != vpc {
        return Err(NetworkError::AclElsewhere { acl: acl.id, subnet });
    }
    let association = super::fresh_id(ResourceKind::NetworkAclAssociation);
    sqlx::query("UPDATE subnets SET network_acl_id = $2, network_acl_association_id = $3 WHERE id = $1")
        .bind(&subnet)
        .bind(&acl.id)
        .bind(&association)
        .execute(&mut *tx)
        .await?;
    db.commit(tx, []).await?;
    Ok(association)
}

/// The network ACL of a new VPC, which lets everything pass.
pub(super) async fn insert_default(tx: &mut Tx, scope: &Scope, vpc: &str) -> Result<()> {
    let id = parts::insert(tx, scope, ResourceKind::NetworkAcl, INSERT_DEFAULT, vpc).await?;
    for egress in [false, true] {
        entries::insert(tx, &id, &AclEntry::everything(egress)).await?;
    }
    Ok(())
}

/// The network ACL, seen by a transaction of [`super::begin`].
async fn find(tx: &mut Tx, scope: &Scope, id: &str) -> NetworkResult<AclRow> {
    sqlx::query_as(
        "SELECT id, vpc_id, is_default FROM network_acls WHERE account = $1 AND region = $2 AND id = $3",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?
    .ok_or_else(|| NetworkError::not_found(ResourceKind::NetworkAcl, id))
}
