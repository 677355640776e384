//! Internet gateways, attached to at most one VPC each.

use domain::Scope;
use domain::network::ResourceKind;

use super::{NetworkError, NetworkResult, usage, vpcs};
use crate::tags::Tag;
use crate::{Db, Result, Tx};

/// A row of `internet_gateways`.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct InternetGatewayRow {
    pub id: String,
    /// Attached to it.
    pub vpc_id: Option<String>,
}

/// All internet gateways, by id.
pub async fn list(db: &Db, scope: &Scope) -> Result<Vec<InternetGatewayRow>> {
    super::ensure(db, scope).await?;
    let query = sqlx::query_as(
        "SELECT id, vpc_id FROM internet_gateways WHERE account = $1 AND region = $2 ORDER BY id",
    );
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_all(db.pool())
        .await?)
}

/// Makes a gateway that is not attached.
pub async fn create(db: &Db, scope: &Scope, tags: &[Tag]) -> NetworkResult<InternetGatewayRow> {
    let mut tx = super::begin(db, scope).await?;
    let row = insert(&mut tx, scope, None).await?;
    super::tags::put(&mut tx, scope, ResourceKind::InternetGateway, &row.id, tags).await?;
    db.commit(tx, []).await?;
    Ok(row)
}

/// Attaches a gateway to a VPC.
///
/// # Errors
/// [`NetworkError::AlreadyAttached`], [`NetworkError::HasInternetGateway`].
pub async fn attach(db: &Db, scope: &Scope, id: &str, vpc: &str) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    let gateway = find(&mut tx, scope, id).await?;
    vpcs::find(&mut tx, scope, vpc).await?;
    if let Some(vpc) = gateway.vpc_id {
        return Err(NetworkError::AlreadyAttached {
            gateway: gateway.id,
            vpc,
        });
    }
    let taken = sqlx::query("SELECT 1 FROM internet_gateways WHERE vpc_id = $1").bind(vpc);
    if taken.fetch_optional(&mut *tx).await?.is_some() {
        return Err(NetworkError::HasInternetGateway(vpc.to_owned()));
    }
    set_vpc(&mut tx, id, Some(vpc)).await?;
    db.commit(tx, []).await?;
    Ok(())
}

/// Detaches a gateway from its VPC; routes to it become blackholes.
///
/// # Errors
/// [`NetworkError::NotAttached`]; [`NetworkError::MappedAddresses`] while a load balancer of the VPC faces the internet.
pub async fn detach(db: &Db, scope: &Scope, id: &str, vpc: &str) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    let gateway = find(&mut tx, scope, id).await?;
    vpcs::find(&mut tx, scope, vpc).await?;
    if gateway.vpc_id.as_deref() != Some(vpc) {
        return Err(NetworkError::NotAttached {
            gateway: gateway.id,
            vpc: vpc.to_owned(),
        });
    }
    if usage::has_public_addresses(&mut tx, scope, vpc).await? {
        return Err(NetworkError::MappedAddresses(vpc.to_owned()));
    }
    set_vpc(&mut tx, id, None).await?;
    db.commit(tx, []).await?;
    Ok(())
}

/// Deletes a gateway that is not attached.
///
/// # Errors
/// [`NetworkError::InUse`].
pub async fn delete(db: &Db, scope: &Scope, id: &str) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    if find(&mut tx, scope, id).await?.vpc_id.is_some() {
        return Err(NetworkError::in_use(ResourceKind::InternetGateway, id));
    }
    super::remove(&mut tx, scope, ResourceKind::InternetGateway, id).await?;
    db.commit(tx, []).await?;
    Ok(())
}

pub(super) async fn find(tx: &mut Tx, scope: &Scope, id: &str) -> NetworkResult<InternetGatewayRow> {
    sqlx::query_as("SELECT id, vpc_id FROM internet_gateways WHERE account = $1 AND region = $2 AND id = $3")
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?
        .ok_or_else(|| NetworkError::not_found(ResourceKind::InternetGateway, id))
}

pub(super) async fn insert(tx: &mut Tx, scope: &Scope, vpc: Option<&str>) -> Result<InternetGatewayRow> {
    let query = sqlx::query_as(
        "INSERT INTO internet_gateways (id, account, region, vpc_id) VALUES ($1, $2, $3, $4) RETURNING id, vpc_id",
    );
    Ok(query
        .bind(super::fresh_id(ResourceKind::InternetGateway))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(vpc)
        .fetch_one(&mut **tx)
        .await?)
}

async fn set_vpc(tx: &mut Tx, id: &str, vpc: Option<&str>) -> Result<()> {
    sqlx::query("UPDATE internet_gateways SET vpc_id = $2 WHERE id = $1")
        .bind(id)
        .bind(vpc)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
