//! Subnets.

use domain::Scope;
use domain::network::{Ipv4Cidr, ResourceKind};

use super::{NetworkError, NetworkResult, usage, vpcs};
use crate::tags::Tag;
use crate::{Db, Result, StoreError, Tx};

/// Addresses of a subnet that EC2 keeps for itself: the first four and the last.
const RESERVED_ADDRESSES: u64 = 5;

/// A row of `subnets`.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SubnetRow {
    pub id: String,
    pub vpc_id: String,
    pub availability_zone: String,
    pub cidr_block: String,
    pub default_for_az: bool,
    pub map_public_ip_on_launch: bool,
    /// `ip-name` or `resource-name`.
    pub hostname_type: String,
    pub resource_name_dns_a_record: bool,
    pub network_acl_id: String,
    pub network_acl_association_id: String,
    /// Network interfaces in it.
    pub interfaces: i64,
}

impl SubnetRow {
    /// Addresses that nobody has yet.
    pub fn available_addresses(&self) -> u64 {
        let size = self.cidr_block.parse::<Ipv4Cidr>().map_or(0, Ipv4Cidr::size);
        size.saturating_sub(RESERVED_ADDRESSES + self.interfaces.unsigned_abs())
    }
}

/// What CreateSubnet sets.
#[derive(Debug, Clone)]
pub struct NewSubnet {
    pub vpc_id: String,
    pub availability_zone: String,
    pub cidr_block: Ipv4Cidr,
    /// The zone's default subnet, whose instances get public addresses.
    pub is_default: bool,
}

/// What ModifySubnetAttribute sets; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct SubnetChange {
    pub map_public_ip_on_launch: Option<bool>,
    pub hostname_type: Option<String>,
    pub resource_name_dns_a_record: Option<bool>,
}

/// All subnets, by id.
pub async fn list(db: &Db, scope: &Scope) -> Result<Vec<SubnetRow>> {
    super::ensure(db, scope).await?;
    let query = sqlx::query_as(
        "SELECT s.*, (SELECT count(*) FROM network_interfaces i WHERE i.subnet_id = s.id) AS interfaces \
         FROM subnets s WHERE account = $1 AND region = $2 ORDER BY id",
    );
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_all(db.pool())
        .await?)
}

/// Makes a subnet. Its zone is one of the region's.
///
/// # Errors
/// [`NetworkError::SubnetRange`] and [`NetworkError::SubnetConflict`]: the block is not within the VPC's, or meets another subnet's.
pub async fn create(db: &Db, scope: &Scope, new: &NewSubnet, tags: &[Tag]) -> NetworkResult<SubnetRow> {
    let mut tx = super::begin(db, scope).await?;
    let vpc = vpcs::find(&mut tx, scope, &new.vpc_id).await?;
    let block = block("vpcs", &vpc.cidr_block)?;
    if !block.contains(new.cidr_block) {
        return Err(NetworkError::SubnetRange(new.cidr_block.to_string()));
    }
    for other in of_vpc(&mut tx, &vpc.id).await? {
        if self::block("subnets", &other.cidr_block)?.overlaps(new.cidr_block) {
            return Err(NetworkError::SubnetConflict(new.cidr_block.to_string()));
        }
    }
    let row = insert(&mut tx, scope, new).await?;
    super::tags::put(&mut tx, scope, ResourceKind::Subnet, &row.id, tags).await?;
    db.commit(tx, []).await?;
    Ok(row)
}

/// Sets attributes.
pub async fn change(db: &Db, scope: &Scope, id: &str, change: &SubnetChange) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    super::lock(&mut tx, scope, ResourceKind::Subnet, id).await?;
    sqlx::query(
        "UPDATE subnets SET map_public_ip_on_launch = coalesce($2, map_public_ip_on_launch), \
         hostname_type = coalesce($3, hostname_type), \
         resource_name_dns_a_record = coalesce($4, resource_name_dns_a_record) WHERE id = $1",
    )
    .bind(id)
    .bind(change.map_public_ip_on_launch)
    .bind(&change.hostname_type)
    .bind(change.resource_name_dns_a_record)
    .execute(&mut *tx)
    .await?;
    db.commit(tx, []).await?;
    Ok(())
}

/// Deletes a subnet; its association with a route table goes with it.
///
/// # Errors
/// [`NetworkError::InUse`] while a network interface or a load balancer is in it.
pub async fn delete(db: &Db, scope: &Scope, id: &str) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    super::lock(&mut tx, scope, ResourceKind::Subnet, id).await?;
    if usage::subnet_in_use(&mut tx, scope, id).await? {
        return Err(NetworkError::in_use(ResourceKind::Subnet, id));
    }
    super::remove(&mut tx, scope, ResourceKind::Subnet, id).await?;
    db.commit(tx, []).await?;
    Ok(())
}

/// The VPC's subnets, seen by a transaction of [`super::begin`].
pub(super) async fn of_vpc(tx: &mut Tx, vpc: &str) -> Result<Vec<SubnetRow>> {
    Ok(
        sqlx::query_as("SELECT *, 0::bigint AS interfaces FROM subnets WHERE vpc_id = $1")
            .bind(vpc)
            .fetch_all(&mut **tx)
            .await?,
    )
}

pub(super) async fn insert(tx: &mut Tx, scope: &Scope, new: &NewSubnet) -> Result<SubnetRow> {
    let query = sqlx::query_as(
        "INSERT INTO subnets (id, account, region, vpc_id, availability_zone, cidr_block, default_for_az, map_public_ip_on_launch, \
         network_acl_id, network_acl_association_id) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $7, a.id, $8 FROM network_acls a WHERE a.vpc_id = $4 AND a.is_default \
         RETURNING *, 0::bigint AS interfaces",
    );
    Ok(query
        .bind(super::fresh_id(ResourceKind::Subnet))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(&new.vpc_id)
        .bind(&new.availability_zone)
        .bind(new.cidr_block.to_string())
        .bind(new.is_default)
        .bind(super::fresh_id(ResourceKind::NetworkAclAssociation))
        .fetch_one(&mut **tx)
        .await?)
}

fn block(table: &'static str, text: &str) -> Result<Ipv4Cidr> {
    text.parse()
        .map_err(|error: domain::network::CidrError| StoreError::Inconsistent {
            table,
            reason: error.to_string(),
        })
}
