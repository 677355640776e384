//! Routes to internet gateways. The local route of the VPC's block is in every table and has no row.

use domain::Scope;
use domain::network::Cidr;

use super::{TableRow, find};
use crate::networks::{self, NetworkError, NetworkResult, internet_gateways};
use crate::{Db, Result, Tx};

/// A row of `routes`.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RouteRow {
    pub route_table_id: String,
    /// IPv4 or IPv6.
    pub destination: String,
    pub gateway_id: String,
    /// The gateway is attached to the table's VPC; otherwise the route is a blackhole.
    pub active: bool,
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteTarget {
    InternetGateway(String),
    /// The VPC itself, for the local route only.
    Local,
}

/// A route as CreateRoute and ReplaceRoute name it.
#[derive(Debug, Clone)]
pub struct RouteChange {
    pub table: String,
    pub destination: Cidr,
    pub target: RouteTarget,
}

/// Adds a route.
///
/// # Errors
/// [`NetworkError::RouteExists`], [`NetworkError::MoreSpecificThanLocal`], [`NetworkError::GatewayElsewhere`].
pub async fn create_route(db: &Db, scope: &Scope, new: &RouteChange) -> NetworkResult<()> {
    let mut tx = networks::begin(db, scope).await?;
    let table = find(&mut tx, scope, &new.table).await?;
    let destination = new.destination.to_string();
    let there = sqlx::query("SELECT 1 FROM routes WHERE route_table_id = $1 AND destination = $2")
        .bind(&table.id)
        .bind(&destination);
    if destination == table.vpc_cidr_block || there.fetch_optional(&mut *tx).await?.is_some() {
        return Err(NetworkError::RouteExists(destination));
    }
    let gateway = checked_target(&mut tx, scope, &table, new).await?;
    sqlx::query("INSERT INTO routes (route_table_id, destination, gateway_id) VALUES ($1, $2, $3)")
        .bind(&table.id)
        .bind(&destination)
        .bind(gateway)
        .execute(&mut *tx)
        .await?;
    db.commit(tx, []).await?;
    Ok(())
}

/// Leads a route elsewhere.
///
/// # Errors
/// [`NetworkError::NothingToReplace`], [`NetworkError::GatewayElsewhere`].
pub async fn replace_route(db: &Db, scope: &Scope, new: &RouteChange) -> NetworkResult<()> {
    let mut tx = networks::begin(db, scope).await?;
    let table = find(&mut tx, scope, &new.table).await?;
    let destination = new.destination.to_string();
    // The local route stays what it is.
    if destination == table.vpc_cidr_block && new.target == RouteTarget::Local {
        return Ok(());
    }
    let gateway = checked_target(&mut tx, scope, &table, new).await?;
    let replaced =
        sqlx::query("UPDATE routes SET gateway_id = $3 WHERE route_table_id = $1 AND destination = $2")
            .bind(&table.id)
            .bind(&destination)
            .bind(gateway)
            .execute(&mut *tx)
            .await?;
    if replaced.rows_affected() == 0 {
        return Err(NetworkError::NothingToReplace(destination));
    }
    db.commit(tx, []).await?;
    Ok(())
}

/// Removes a route.
///
/// # Errors
/// [`NetworkError::RouteNotFound`], [`NetworkError::LocalRoute`].
pub async fn delete_route(db: &Db, scope: &Scope, table: &str, destination: Cidr) -> NetworkResult<()> {
    let mut tx = networks::begin(db, scope).await?;
    let row = find(&mut tx, scope, table).await?;
    let (destination, table) = (destination.to_string(), row.id);
    if destination == row.vpc_cidr_block {
        return Err(NetworkError::LocalRoute { destination, table });
    }
    let deleted = sqlx::query("DELETE FROM routes WHERE route_table_id = $1 AND destination = $2")
        .bind(&table)
        .bind(&destination)
        .execute(&mut *tx)
        .await?;
    if deleted.rows_affected() == 0 {
        return Err(NetworkError::RouteNotFound { destination, table });
    }
    db.commit(tx, []).await?;
    Ok(())
}

pub(super) async fn list(db: &Db, scope: &Scope) -> Result<Vec<RouteRow>> {
    let query = sqlx::query_as(
        "SELECT r.route_table_id, r.destination, r.gateway_id, g.id IS NOT NULL AS active \
         FROM routes r JOIN route_tables t ON t.id = r.route_table_id \
         LEFT JOIN internet_gateways g ON g.id = r.gateway_id AND g.vpc_id = t.vpc_id \
         WHERE t.account = $1 AND t.region = $2 ORDER BY r.route_table_id, r.destination",
    );
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_all(db.pool())
        .await?)
}

/// The default VPC's way to the internet, in its main route table.
pub(in crate::networks) async fn insert_default_route(tx: &mut Tx, vpc: &str, gateway: &str) -> Result<()> {
    sqlx::query(
        "INSERT INTO routes (route_table_id, destination, gateway_id) \
         SELECT route_table_id, '0.0.0.0/0', $2 FROM route_table_associations WHERE vpc_id = $1 AND subnet_id IS NULL",
    )
    .bind(vpc)
    .bind(gateway)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The internet gateway that a route besides the local one may lead to.
async fn checked_target(
    tx: &mut Tx,
    scope: &Scope,
    table: &TableRow,
    new: &RouteChange,
) -> NetworkResult<String> {
    let more_specific = match (new.destination, table.vpc_cidr_block.parse()) {
        (Cidr::V4(destination), Ok(Cidr::V4(block))) => block.contains(destination),
        _ => false,
    };
    let gateway = match &new.target {
        RouteTarget::InternetGateway(id) if !more_specific => id,
        _ => return Err(NetworkError::MoreSpecificThanLocal(new.destination.to_string())),
    };
    let gateway = internet_gateways::find(tx, scope, gateway).await?;
    match gateway.vpc_id.as_ref() == Some(&table.vpc_id) {
        true => Ok(gateway.id),
        false => Err(NetworkError::GatewayElsewhere {
            table: table.id.clone(),
            gateway: gateway.id,
        }),
    }
}
