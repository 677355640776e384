//! Networks as records: VPCs, subnets, security groups, route tables, internet gateways and network interfaces.
//!
//! Every account and region has a default VPC from the first look on. Whoever changes networks holds the row of `network_scopes`
//! ([`begin`]), so that checks and changes of one account and region do not interleave; whoever refers to subnets and security
//! groups ([`hold`]) keeps those rows from being deleted.

mod defaults;
pub mod error;
pub mod internet_gateways;
pub mod network_acls;
pub mod network_interfaces;
mod parts;
pub mod route_tables;
pub mod security_group_rules;
pub mod security_groups;
pub mod subnets;
pub mod tags;
mod usage;
pub mod vpcs;

use domain::Scope;
use domain::network::ResourceKind;
use sqlx::AssertSqlSafe;

use crate::{Db, Result, Tx};

pub use defaults::{create_default_subnet, create_default_vpc};
pub use error::{NetworkError, NetworkResult};
pub use network_acls::NetworkAcl;
pub use network_interfaces::NetworkInterfaceRow;
pub use parts::NewPart;
pub use security_groups::SecurityGroupRow;
pub use subnets::SubnetRow;
pub use usage::hold;
pub use vpcs::VpcRow;

/// These subnets of the account and region, in the order of `ids`; those that do not exist are left out.
pub async fn subnets(db: &Db, scope: &Scope, ids: &[String]) -> Result<Vec<SubnetRow>> {
    let rows = subnets::list(db, scope).await?;
    Ok(ids
        .iter()
        .filter_map(|id| rows.iter().find(|row| row.id == *id).cloned())
        .collect())
}

/// These security groups of the account and region, in the order of `ids`; those that do not exist are left out.
pub async fn security_groups(db: &Db, scope: &Scope, ids: &[String]) -> Result<Vec<SecurityGroupRow>> {
    let rows = security_groups::list(db, scope).await?;
    Ok(ids
        .iter()
        .filter_map(|id| rows.iter().find(|row| row.id == *id).cloned())
        .collect())
}

/// The default VPC, unless it was deleted.
pub async fn default_vpc(db: &Db, scope: &Scope) -> Result<Option<VpcRow>> {
    Ok(vpcs::list(db, scope)
        .await?
        .into_iter()
        .find(|vpc| vpc.is_default))
}

/// The security group `default` of a VPC: what is used where none is named.
pub async fn default_security_group(db: &Db, scope: &Scope, vpc: &str) -> Result<Option<SecurityGroupRow>> {
    let rows = security_groups::list(db, scope).await?;
    Ok(rows
        .into_iter()
        .find(|group| group.vpc_id == vpc && group.is_default()))
}

/// Makes the default VPC of the account and region if nobody has looked there before. Everyone who asks at the same time waits for the
/// one who makes it.
pub async fn ensure(db: &Db, scope: &Scope) -> Result<()> {
    let known = sqlx::query("SELECT 1 FROM network_scopes WHERE account = $1 AND region = $2")
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_optional(db.pool())
        .await?;
    if known.is_some() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    let first =
        sqlx::query("INSERT INTO network_scopes (account, region) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(scope.account.as_str())
            .bind(scope.region.as_str())
            .execute(&mut *tx)
            .await?;
    if first.rows_affected() == 1 {
        defaults::make_default_vpc(&mut tx, scope).await?;
    }
    db.commit(tx, []).await
}

/// A transaction in which nobody else changes networks of the account and region.
async fn begin(db: &Db, scope: &Scope) -> Result<Tx> {
    loop {
        ensure(db, scope).await?;
        let mut tx = db.begin().await?;
        let held = sqlx::query("SELECT 1 FROM network_scopes WHERE account = $1 AND region = $2 FOR UPDATE")
            .bind(scope.account.as_str())
            .bind(scope.region.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        // A reset may have come in between.
        if held.is_some() {
            return Ok(tx);
        }
    }
}

/// Removes all networks of all accounts and regions; the next look makes default VPCs again. Tags are not removed. Waits for those who
/// are changing networks, and they wait for it.
pub async fn remove_everything(tx: &mut Tx) -> Result<()> {
    let tables = [
        "network_interface_groups",
        "network_interfaces",
        "route_table_associations",
        "routes",
        "route_tables",
        "internet_gateways",
        "security_group_rules",
        "security_groups",
        "subnets",
        "network_acls",
        "vpcs",
        "network_scopes",
    ];
    sqlx::query("LOCK TABLE network_scopes IN EXCLUSIVE MODE")
        .execute(&mut **tx)
        .await?;
    for table in tables {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}")))
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// The table that has the rows of a kind. `None` for parts of other rows.
fn table(kind: ResourceKind) -> Option<&'static str> {
    match kind {
        ResourceKind::Vpc => Some("vpcs"),
        ResourceKind::Subnet => Some("subnets"),
        ResourceKind::SecurityGroup => Some("security_groups"),
        ResourceKind::SecurityGroupRule => Some("security_group_rules"),
        ResourceKind::InternetGateway => Some("internet_gateways"),
        ResourceKind::RouteTable => Some("route_tables"),
        ResourceKind::RouteTableAssociation => Some("route_table_associations"),
        ResourceKind::NetworkAcl => Some("network_acls"),
        ResourceKind::NetworkInterface => Some("network_interfaces"),
        ResourceKind::NetworkAclAssociation | ResourceKind::VpcCidrAssociation => None,
    }
}

/// Locks something of the account and region until the transaction ends: nobody refers to it anew meanwhile.
///
/// # Errors
/// [`NetworkError::NotFound`].
async fn lock(tx: &mut Tx, scope: &Scope, kind: ResourceKind, id: &str) -> NetworkResult<()> {
    let not_found = || NetworkError::not_found(kind, id);
    let table = table(kind).ok_or_else(not_found)?;
    let sql = format!("SELECT 1 FROM {table} WHERE account = $1 AND region = $2 AND id = $3 FOR UPDATE");
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?;
    found.map(|_| ()).ok_or_else(not_found)
}

/// Deletes a row that is locked, with its tags.
async fn remove(tx: &mut Tx, scope: &Scope, kind: ResourceKind, id: &str) -> NetworkResult<()> {
    let table = table(kind).ok_or_else(|| NetworkError::not_found(kind, id))?;
    sqlx::query(AssertSqlSafe(format!("DELETE FROM {table} WHERE id = $1")))
        .bind(id)
        .execute(&mut **tx)
        .await?;
    crate::tags::remove_all(tx, scope, &[scope.ec2_arn(kind, id)]).await?;
    Ok(())
}

/// An id for something new.
fn fresh_id(kind: ResourceKind) -> String {
    kind.new_id(&mut rand::rng())
}
