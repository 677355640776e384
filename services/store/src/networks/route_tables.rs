//! Route tables, and which subnets use which.

mod associations;
mod routes;

use std::collections::BTreeMap;

use domain::Scope;
use domain::network::ResourceKind;

use super::{NetworkError, NetworkResult, NewPart, parts};
use crate::{Db, Result, Tx};

pub use associations::{AssociationRow, associate, disassociate, replace_association};
pub(super) use routes::insert_default_route;
pub use routes::{RouteChange, RouteRow, RouteTarget, create_route, delete_route, replace_route};

/// A route table with its routes, less the local one, and its associations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    pub id: String,
    pub vpc_id: String,
    /// The VPC's block: destination of the local route.
    pub vpc_cidr_block: String,
    pub routes: Vec<RouteRow>,
    pub associations: Vec<AssociationRow>,
}

#[derive(sqlx::FromRow)]
struct TableRow {
    id: String,
    vpc_id: String,
    vpc_cidr_block: String,
}

const SELECT: &str = "SELECT t.id, t.vpc_id, v.cidr_block AS vpc_cidr_block FROM route_tables t JOIN vpcs v ON v.id = t.vpc_id \
    WHERE t.account = $1 AND t.region = $2";

const INSERT: &str = "INSERT INTO route_tables (id, account, region, vpc_id) VALUES ($1, $2, $3, $4)";

/// All route tables, by id.
pub async fn list(db: &Db, scope: &Scope) -> Result<Vec<RouteTable>> {
    super::ensure(db, scope).await?;
    let sql = format!("{SELECT} ORDER BY t.id");
    let rows: Vec<TableRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_all(db.pool())
        .await?;
    let mut routes = grouped(routes::list(db, scope).await?, |row| &row.route_table_id);
    let mut associations = grouped(associations::list(db, scope).await?, |row| &row.route_table_id);
    Ok(rows
        .into_iter()
        .map(|row| RouteTable {
            routes: routes.remove(&row.id).unwrap_or_default(),
            associations: associations.remove(&row.id).unwrap_or_default(),
            id: row.id,
            vpc_id: row.vpc_id,
            vpc_cidr_block: row.vpc_cidr_block,
        })
        .collect())
}

/// Makes a route table with the local route only; gives its id. A repeated client token gives the id that it made.
///
/// # Errors
/// [`NetworkError::TokenMismatch`].
pub async fn create(db: &Db, scope: &Scope, new: &NewPart<'_>) -> NetworkResult<String> {
    parts::create(db, scope, ResourceKind::RouteTable, INSERT, new).await
}

/// Deletes a route table that nothing is associated with.
///
/// # Errors
/// [`NetworkError::InUse`], also for the VPC's main one.
pub async fn delete(db: &Db, scope: &Scope, id: &str) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    super::lock(&mut tx, scope, ResourceKind::RouteTable, id).await?;
    let used = sqlx::query("SELECT 1 FROM route_table_associations WHERE route_table_id = $1").bind(id);
    if used.fetch_optional(&mut *tx).await?.is_some() {
        return Err(NetworkError::in_use(ResourceKind::RouteTable, id));
    }
    super::remove(&mut tx, scope, ResourceKind::RouteTable, id).await?;
    db.commit(tx, []).await?;
    Ok(())
}

/// The main route table of a new VPC.
pub(super) async fn insert_main(tx: &mut Tx, scope: &Scope, vpc: &str) -> Result<()> {
    let id = parts::insert(tx, scope, ResourceKind::RouteTable, INSERT, vpc).await?;
    associations::insert(tx, scope, &id, vpc, None).await?;
    Ok(())
}

/// The table, seen by a transaction of [`super::begin`].
async fn find(tx: &mut Tx, scope: &Scope, id: &str) -> NetworkResult<TableRow> {
    sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND t.id = $3")))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?
        .ok_or_else(|| NetworkError::not_found(ResourceKind::RouteTable, id))
}

fn grouped<T>(rows: Vec<T>, key: impl Fn(&T) -> &String) -> BTreeMap<String, Vec<T>> {
    let mut groups: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(&row).clone()).or_default().push(row);
    }
    groups
}
