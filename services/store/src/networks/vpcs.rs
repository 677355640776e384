//! VPCs, each with the parts that it comes with.

use domain::Scope;
use domain::network::{Ipv4Cidr, ResourceKind};

use super::{NetworkError, NetworkResult, usage};
use crate::tags::Tag;
use crate::{Db, Result, Tx};

/// A row of `vpcs`.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct VpcRow {
    pub id: String,
    pub cidr_block: String,
    pub cidr_association_id: String,
    pub is_default: bool,
    /// `default` or `dedicated`.
    pub instance_tenancy: String,
    pub enable_dns_support: bool,
    pub enable_dns_hostnames: bool,
    pub network_address_usage_metrics: bool,
}

/// What CreateVpc sets.
#[derive(Debug, Clone)]
pub struct NewVpc {
    pub cidr_block: Ipv4Cidr,
    pub instance_tenancy: String,
    pub is_default: bool,
}

/// What ModifyVpcAttribute sets; `None` leaves it.
#[derive(Debug, Clone, Copy, Default)]
pub struct VpcChange {
    pub enable_dns_support: Option<bool>,
    pub enable_dns_hostnames: Option<bool>,
    pub network_address_usage_metrics: Option<bool>,
}

/// All VPCs, by id.
pub async fn list(db: &Db, scope: &Scope) -> Result<Vec<VpcRow>> {
    super::ensure(db, scope).await?;
    Ok(
        sqlx::query_as("SELECT * FROM vpcs WHERE account = $1 AND region = $2 ORDER BY id")
            .bind(scope.account.as_str())
            .bind(scope.region.as_str())
            .fetch_all(db.pool())
            .await?,
    )
}

/// Makes a VPC with its main route table, network ACL and security group `default`.
pub async fn create(db: &Db, scope: &Scope, new: &NewVpc, tags: &[Tag]) -> NetworkResult<VpcRow> {
    let mut tx = super::begin(db, scope).await?;
    let row = insert(&mut tx, scope, new).await?;
    super::tags::put(&mut tx, scope, ResourceKind::Vpc, &row.id, tags).await?;
    db.commit(tx, []).await?;
    Ok(row)
}

/// Sets attributes.
pub async fn change(db: &Db, scope: &Scope, id: &str, change: VpcChange) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    super::lock(&mut tx, scope, ResourceKind::Vpc, id).await?;
    sqlx::query(
        "UPDATE vpcs SET enable_dns_support = coalesce($2, enable_dns_support), \
         enable_dns_hostnames = coalesce($3, enable_dns_hostnames), \
         network_address_usage_metrics = coalesce($4, network_address_usage_metrics) WHERE id = $1",
    )
    .bind(id)
    .bind(change.enable_dns_support)
    .bind(change.enable_dns_hostnames)
    .bind(change.network_address_usage_metrics)
    .execute(&mut *tx)
    .await?;
    db.commit(tx, []).await?;
    Ok(())
}

/// Deletes a VPC that holds nothing but what it came with.
///
/// # Errors
/// [`NetworkError::InUse`] while it has subnets, an internet gateway, or groups and route tables that were added.
pub async fn delete(db: &Db, scope: &Scope, id: &str) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    super::lock(&mut tx, scope, ResourceKind::Vpc, id).await?;
    if usage::vpc_in_use(&mut tx, id).await? {
        return Err(NetworkError::in_use(ResourceKind::Vpc, id));
    }
    remove_own_parts(&mut tx, scope, id).await?;
    super::remove(&mut tx, scope, ResourceKind::Vpc, id).await?;
    db.commit(tx, []).await?;
    Ok(())
}

/// The VPC, seen by a transaction of [`super::begin`].
pub(super) async fn find(tx: &mut Tx, scope: &Scope, id: &str) -> NetworkResult<VpcRow> {
    sqlx::query_as("SELECT * FROM vpcs WHERE account = $1 AND region = $2 AND id = $3")
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?
        .ok_or_else(|| NetworkError::not_found(ResourceKind::Vpc, id))
}

pub(super) async fn insert(tx: &mut Tx, scope: &Scope, new: &NewVpc) -> Result<VpcRow> {
    let id = super::fresh_id(ResourceKind::Vpc);
    let row = sqlx::query_as(
        "INSERT INTO vpcs (id, account, region, cidr_block, cidr_association_id, is_default, instance_tenancy, enable_dns_hostnames) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $6) RETURNING *",
    )
    .bind(&id)
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(new.cidr_block.to_string())
    .bind(super::fresh_id(ResourceKind::VpcCidrAssociation))
    .bind(new.is_default)
    .bind(&new.instance_tenancy)
    .fetch_one(&mut **tx)
    .await?;
    super::route_tables::insert_main(tx, scope, &id).await?;
    super::network_acls::insert_default(tx, scope, &id).await?;
    super::security_groups::insert_default(tx, scope, &id).await?;
    Ok(row)
}

/// Route table, network ACL and group `default`, which go with the VPC, and the tags of them all.
async fn remove_own_parts(tx: &mut Tx, scope: &Scope, vpc: &str) -> NetworkResult<()> {
    sqlx::query("DELETE FROM route_table_associations WHERE vpc_id = $1")
        .bind(vpc)
        .execute(&mut **tx)
        .await?;
    let rules: Vec<String> = sqlx::query_scalar(
        "SELECT r.id FROM security_group_rules r JOIN security_groups g ON g.id = r.group_id WHERE g.vpc_id = $1",
    )
    .bind(vpc)
    .fetch_all(&mut **tx)
    .await?;
    for id in rules {
        super::remove(tx, scope, ResourceKind::SecurityGroupRule, &id).await?;
    }
    let parts: [(ResourceKind, &'static str); 3] = [
        (
            ResourceKind::RouteTable,
            "SELECT id FROM route_tables WHERE vpc_id = $1",
        ),
        (
            ResourceKind::NetworkAcl,
            "SELECT id FROM network_acls WHERE vpc_id = $1",
        ),
        (
            ResourceKind::SecurityGroup,
            "SELECT id FROM security_groups WHERE vpc_id = $1",
        ),
    ];
    for (kind, of_vpc) in parts {
        let ids: Vec<String> = sqlx::query_scalar(of_vpc).bind(vpc).fetch_all(&mut **tx).await?;
        for id in ids {
            super::remove(tx, scope, kind, &id).await?;
        }
    }
    Ok(())
}
