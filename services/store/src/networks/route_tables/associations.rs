//! Which route table a subnet uses; subnets without an association use their VPC's main one.

use domain::Scope;
use domain::network::ResourceKind;

use super::find;
use crate::networks::{self, NetworkError, NetworkResult};
use crate::{Db, Result, Tx};

/// A row of `route_table_associations`.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AssociationRow {
    pub id: String,
    pub route_table_id: String,
    pub vpc_id: String,
    /// `None`: this makes the table the VPC's main one.
    pub subnet_id: Option<String>,
}

/// Makes a subnet use a route table; gives the association's id. Asked again, it gives the one that is there.
///
/// # Errors
/// [`NetworkError::AlreadyAssociated`] with another table, [`NetworkError::SubnetElsewhere`].
pub async fn associate(db: &Db, scope: &Scope, table: &str, subnet: &str) -> NetworkResult<String> {
    let mut tx = networks::begin(db, scope).await?;
    let table = find(&mut tx, scope, table).await?;
    networks::lock(&mut tx, scope, ResourceKind::Subnet, subnet).await?;
    let vpc: String = sqlx::query_scalar("SELECT vpc_id FROM subnets WHERE id = $1")
        .bind(subnet)
        .fetch_one(&mut *tx)
        .await?;
    if vpc != table.vpc_id {
        return Err(NetworkError::SubnetElsewhere {
            table: table.id,
            subnet: subnet.to_owned(),
        });
    }
    let there: Option<AssociationRow> =
        sqlx::query_as("SELECT * FROM route_table_associations WHERE subnet_id = $1")
            .bind(subnet)
            .fetch_optional(&mut *tx)
            .await?;
    match there {
        Some(there) if there.route_table_id == table.id => return Ok(there.id),
        Some(_) => return Err(NetworkError::AlreadyAssociated(table.id)),
        None => {}
    }
    let id = insert(&mut tx, scope, &table.id, &vpc, Some(subnet)).await?;
    db.commit(tx, []).await?;
    Ok(id)
}

/// Makes a subnet use its VPC's main route table again.
///
/// # Errors
/// [`NetworkError::MainAssociation`].
pub async fn disassociate(db: &Db, scope: &Scope, id: &str) -> NetworkResult<()> {
    let mut tx = networks::begin(db, scope).await?;
    if find_association(&mut tx, scope, id).await?.subnet_id.is_none() {
        return Err(NetworkError::MainAssociation(id.to_owned()));
    }
    networks::remove(&mut tx, scope, ResourceKind::RouteTableAssociation, id).await?;
    db.commit(tx, []).await?;
    Ok(())
}

/// Makes a subnet use another route table, or another table the VPC's main one; gives the new association's id.
///
/// # Errors
/// [`NetworkError::SubnetElsewhere`], [`NetworkError::TablesOfDifferentNetworks`].
pub async fn replace_association(db: &Db, scope: &Scope, id: &str, table: &str) -> NetworkResult<String> {
    let mut tx = networks::begin(db, scope).await?;
    let old = find_association(&mut tx, scope, id).await?;
    let table = find(&mut tx, scope, table).await?;
    if old.vpc_id != table.vpc_id {
        return Err(match old.subnet_id {
            Some(subnet) => NetworkError::SubnetElsewhere {
                table: table.id,
                subnet,
            },
            None => NetworkError::TablesOfDifferentNetworks(old.route_table_id, table.id),
        });
    }
    networks::remove(&mut tx, scope, ResourceKind::RouteTableAssociation, id).await?;
    let id = insert(&mut tx, scope, &table.id, &old.vpc_id, old.subnet_id.as_deref()).await?;
    db.commit(tx, []).await?;
    Ok(id)
}

pub(super) async fn list(db: &Db, scope: &Scope) -> Result<Vec<AssociationRow>> {
    let query = sqlx::query_as(
        "SELECT * FROM route_table_associations WHERE account = $1 AND region = $2 ORDER BY id",
    );
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_all(db.pool())
        .await?)
}

pub(super) async fn insert(
    tx: &mut Tx,
    scope: &Scope,
    table: &str,
    vpc: &str,
    subnet: Option<&str>,
) -> Result<String> {
    let id = networks::fresh_id(ResourceKind::RouteTableAssociation);
    sqlx::query(
        "INSERT INTO route_table_associations (id, account, region, route_table_id, vpc_id, subnet_id) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&id)
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(table)
    .bind(vpc)
    .bind(subnet)
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

async fn find_association(tx: &mut Tx, scope: &Scope, id: &str) -> NetworkResult<AssociationRow> {
    sqlx::query_as("SELECT * FROM route_table_associations WHERE account = $1 AND region = $2 AND id = $3")
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?
        .ok_or_else(|| NetworkError::not_found(ResourceKind::RouteTableAssociation, id))
}
