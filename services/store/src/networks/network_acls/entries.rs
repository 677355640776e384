//! Entries of network ACLs.

use domain::Scope;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};

use super::find;
use crate::networks::{self, NetworkError, NetworkResult};
use crate::{Db, Result, Tx};

/// Most entries of an ACL in each direction.
const LIMIT: i64 = 40;

/// A row of `network_acl_entries`.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AclEntry {
    pub egress: bool,
    /// The lowest number that matches decides.
    pub rule_number: i32,
    pub allow: bool,
    /// A number; `-1` for all.
    pub protocol: String,
    /// One of these two.
    pub cidr_block: Option<String>,
    pub ipv6_cidr_block: Option<String>,
    pub icmp_type: Option<i32>,
    pub icmp_code: Option<i32>,
    pub from_port: Option<i32>,
    pub to_port: Option<i32>,
}

impl AclEntry {
    /// What a VPC's default ACL begins with: everything passes.
    pub fn everything(egress: bool) -> Self {
        Self {
            egress,
            rule_number: 100,
            allow: true,
            protocol: "-1".to_owned(),
            cidr_block: Some("0.0.0.0/0".to_owned()),
            ipv6_cidr_block: None,
            icmp_type: None,
            icmp_code: None,
            from_port: None,
            to_port: None,
        }
    }
}

/// Adds an entry.
///
/// # Errors
/// [`NetworkError::EntryExists`], [`NetworkError::TooManyEntries`].
pub async fn create_entry(db: &Db, scope: &Scope, acl: &str, entry: &AclEntry) -> NetworkResult<()> {
    let mut tx = networks::begin(db, scope).await?;
    find(&mut tx, scope, acl).await?;
    let (count, exists): (i64, bool) = sqlx::query_as(
        "SELECT count(*), coalesce(bool_or(rule_number = $3), false) FROM network_acl_entries \
         WHERE network_acl_id = $1 AND egress = $2",
    )
    .bind(acl)
    .bind(entry.egress)
    .bind(entry.rule_number)
    .fetch_one(&mut *tx)
    .await?;
    if exists {
        return Err(NetworkError::EntryExists(entry.rule_number));
    }
    if count >= LIMIT {
        return Err(NetworkError::TooManyEntries);
    }
    insert(&mut tx, acl, entry).await?;
    db.commit(tx, []).await?;
    Ok(())
}

/// Another entry under the same number.
///
/// # Errors
/// [`NetworkError::EntryNotFound`].
pub async fn replace_entry(db: &Db, scope: &Scope, acl: &str, entry: &AclEntry) -> NetworkResult<()> {
    let mut tx = networks::begin(db, scope).await?;
    remove(&mut tx, scope, acl, entry.egress, entry.rule_number).await?;
    insert(&mut tx, acl, entry).await?;
    db.commit(tx, []).await?;
    Ok(())
}

/// Removes an entry.
///
/// # Errors
/// [`NetworkError::EntryNotFound`].
pub async fn delete_entry(db: &Db, scope: &Scope, acl: &str, egress: bool, number: i32) -> NetworkResult<()> {
    let mut tx = networks::begin(db, scope).await?;
    remove(&mut tx, scope, acl, egress, number).await?;
    db.commit(tx, []).await?;
    Ok(())
}

async fn remove(tx: &mut Tx, scope: &Scope, acl: &str, egress: bool, number: i32) -> NetworkResult<()> {
    find(tx, scope, acl).await?;
    let removed = sqlx::query(
        "DELETE FROM network_acl_entries WHERE network_acl_id = $1 AND egress = $2 AND rule_number = $3",
    )
    .bind(acl)
    .bind(egress)
    .bind(number)
    .execute(&mut **tx)
    .await?;
    match removed.rows_affected() {
        0 => Err(NetworkError::EntryNotFound(number)),
        _ => Ok(()),
    }
}

/// All entries, each with the id of its ACL; by number within an ACL and direction.
pub(super) async fn list(db: &Db, scope: &Scope) -> Result<Vec<(String, AclEntry)>> {
    let rows = sqlx::query(
        "SELECT e.* FROM network_acl_entries e JOIN network_acls a ON a.id = e.network_acl_id \
         WHERE a.account = $1 AND a.region = $2 ORDER BY e.network_acl_id, e.egress DESC, e.rule_number",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .fetch_all(db.pool())
    .await?;
    let entry = |row: PgRow| Ok((row.try_get("network_acl_id")?, AclEntry::from_row(&row)?));
    rows.into_iter().map(entry).collect()
}

pub(super) async fn insert(tx: &mut Tx, acl: &str, entry: &AclEntry) -> Result<()> {
    sqlx::query(
        "INSERT INTO network_acl_entries (network_acl_id, egress, rule_number, allow, protocol, cidr_block, ipv6_cidr_block, icmp_type, \
         icmp_code, from_port, to_port) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(acl)
    .bind(entry.egress)
    .bind(entry.rule_number)
    .bind(entry.allow)
    .bind(&entry.protocol)
    .bind(&entry.cidr_block)
    .bind(&entry.ipv6_cidr_block)
    .bind(entry.icmp_type)
    .bind(entry.icmp_code)
    .bind(entry.from_port)
    .bind(entry.to_port)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
