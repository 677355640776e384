//! What every account and region has from the first look on: a default VPC with a subnet in each zone and a way to the internet.

use domain::Scope;
use domain::network::{Ipv4Cidr, Zone, zones};

use super::subnets::NewSubnet;
use super::vpcs::NewVpc;
use super::{NetworkError, NetworkResult, SubnetRow, VpcRow, internet_gateways, route_tables, subnets, vpcs};
use crate::{Db, Result, Tx};

const VPC_BLOCK: &str = "172.31.0.0/16";
const SUBNET_PREFIX: u8 = 20;

/// The default VPC again, after it was deleted.
///
/// # Errors
/// [`NetworkError::DefaultVpcExists`].
pub async fn create_default_vpc(db: &Db, scope: &Scope) -> NetworkResult<VpcRow> {
    let mut tx = super::begin(db, scope).await?;
    if default_vpc(&mut tx, scope).await?.is_some() {
        return Err(NetworkError::DefaultVpcExists);
    }
    let vpc = make_default_vpc(&mut tx, scope).await?;
    db.commit(tx, []).await?;
    Ok(vpc)
}

/// A zone's default subnet again, after it was deleted, at the first free place of the default VPC.
///
/// # Errors
/// [`NetworkError::NoDefaultVpc`], [`NetworkError::DefaultSubnetExists`], and [`NetworkError::SubnetConflict`] when there is no free
/// place.
pub async fn create_default_subnet(db: &Db, scope: &Scope, zone: &Zone) -> NetworkResult<SubnetRow> {
    let mut tx = super::begin(db, scope).await?;
    let vpc = default_vpc(&mut tx, scope)
        .await?
        .ok_or(NetworkError::NoDefaultVpc)?;
    let there = subnets::of_vpc(&mut tx, &vpc.id).await?;
    if let Some(subnet) = there
        .iter()
        .find(|subnet| subnet.default_for_az && subnet.availability_zone == zone.name)
    {
        return Err(NetworkError::DefaultSubnetExists {
            subnet: subnet.id.clone(),
            zone: zone.name.clone(),
        });
    }
    let taken: Vec<Ipv4Cidr> = there
        .iter()
        .filter_map(|subnet| subnet.cidr_block.parse().ok())
        .collect();
    let block = vpc_block()
        .parts(SUBNET_PREFIX)
        .find(|block| !taken.iter().any(|other| block.overlaps(*other)))
        .ok_or_else(|| NetworkError::SubnetConflict(vpc.cidr_block.clone()))?;
    let subnet = subnets::insert(&mut tx, scope, &default_subnet(&vpc, zone, block)).await?;
    db.commit(tx, []).await?;
    Ok(subnet)
}

/// The default VPC with a subnet in each zone, an internet gateway and the route to it.
pub(super) async fn make_default_vpc(tx: &mut Tx, scope: &Scope) -> Result<VpcRow> {
    let new = NewVpc {
        cidr_block: vpc_block(),
        instance_tenancy: "default".to_owned(),
        is_default: true,
    };
    let vpc = vpcs::insert(tx, scope, &new).await?;
    let gateway = internet_gateways::insert(tx, scope, Some(&vpc.id)).await?;
    route_tables::insert_default_route(tx, &vpc.id, &gateway.id).await?;
    for (zone, block) in zones(&scope.region).iter().zip(vpc_block().parts(SUBNET_PREFIX)) {
        subnets::insert(tx, scope, &default_subnet(&vpc, zone, block)).await?;
    }
    Ok(vpc)
}

pub(super) async fn default_vpc(tx: &mut Tx, scope: &Scope) -> Result<Option<VpcRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM vpcs WHERE account = $1 AND region = $2 AND is_default")
            .bind(scope.account.as_str())
            .bind(scope.region.as_str())
            .fetch_optional(&mut **tx)
            .await?,
    )
}

fn default_subnet(vpc: &VpcRow, zone: &Zone, cidr_block: Ipv4Cidr) -> NewSubnet {
    NewSubnet {
        vpc_id: vpc.id.clone(),
        availability_zone: zone.name.clone(),
        cidr_block,
        is_default: true,
    }
}

fn vpc_block() -> Ipv4Cidr {
    VPC_BLOCK.parse().expect("the default VPC's block is one")
}
