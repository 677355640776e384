//! Security groups. Their rules are in [`super::security_group_rules`].

use domain::Scope;
use domain::network::ResourceKind;

use super::security_group_rules::{self as rules, NewRule, Peer};
use super::{NetworkError, NetworkResult, defaults, usage, vpcs};
use crate::tags::Tag;
use crate::{Db, Result, Tx};

/// Name of the group that a VPC comes with.
pub const DEFAULT: &str = "default";

/// A row of `security_groups`.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SecurityGroupRow {
    pub id: String,
    pub vpc_id: String,
    pub name: String,
    pub description: String,
}

impl SecurityGroupRow {
    /// The group that its VPC came with.
    pub fn is_default(&self) -> bool {
        self.name == DEFAULT
    }
}

/// What CreateSecurityGroup sets.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// `None`: the default VPC.
    pub vpc_id: Option<String>,
    pub name: String,
    pub description: String,
}

const COLUMNS: &str = "id, vpc_id, name, description";

/// All security groups, by id.
pub async fn list(db: &Db, scope: &Scope) -> Result<Vec<SecurityGroupRow>> {
    super::ensure(db, scope).await?;
    let sql = format!("SELECT {COLUMNS} FROM security_groups WHERE account = $1 AND region = $2 ORDER BY id");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_all(db.pool())
        .await?)
}

/// Makes a group that lets everything out and nothing in.
///
/// # Errors
/// [`NetworkError::DuplicateGroup`]; [`NetworkError::NoDefaultVpc`].
pub async fn create(db: &Db, scope: &Scope, new: &NewGroup, tags: &[Tag]) -> NetworkResult<SecurityGroupRow> {
    let mut tx = super::begin(db, scope).await?;
    let vpc = match &new.vpc_id {
        Some(id) => vpcs::find(&mut tx, scope, id).await?,
        None => defaults::default_vpc(&mut tx, scope)
            .await?
            .ok_or(NetworkError::NoDefaultVpc)?,
    };
    // Names differ by more than the case of their letters.
    let taken = sqlx::query("SELECT 1 FROM security_groups WHERE vpc_id = $1 AND lower(name) = lower($2)")
        .bind(&vpc.id)
        .bind(&new.name);
    if taken.fetch_optional(&mut *tx).await?.is_some() {
        return Err(NetworkError::DuplicateGroup {
            name: new.name.clone(),
            vpc: vpc.id,
        });
    }
    let row = insert(&mut tx, scope, &vpc.id, &new.name, &new.description).await?;
    super::tags::put(&mut tx, scope, ResourceKind::SecurityGroup, &row.id, tags).await?;
    db.commit(tx, []).await?;
    Ok(row)
}

/// Deletes a group with its rules.
///
/// # Errors
/// [`NetworkError::DefaultGroup`]; [`NetworkError::InUse`] while a load balancer, a network interface or a rule of another group names it.
pub async fn delete(db: &Db, scope: &Scope, id: &str) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    super::lock(&mut tx, scope, ResourceKind::SecurityGroup, id).await?;
    if find(&mut tx, scope, id).await?.is_default() {
        return Err(NetworkError::DefaultGroup(id.to_owned()));
    }
    if usage::group_in_use(&mut tx, scope, id).await? {
        return Err(NetworkError::in_use(ResourceKind::SecurityGroup, id));
    }
    for rule in rules::of_group(&mut tx, id).await? {
        super::remove(&mut tx, scope, ResourceKind::SecurityGroupRule, &rule.id).await?;
    }
    super::remove(&mut tx, scope, ResourceKind::SecurityGroup, id).await?;
    db.commit(tx, []).await?;
    Ok(())
}

/// The group, seen by a transaction of [`super::begin`].
pub(super) async fn find(tx: &mut Tx, scope: &Scope, id: &str) -> NetworkResult<SecurityGroupRow> {
    let sql = format!("SELECT {COLUMNS} FROM security_groups WHERE account = $1 AND region = $2 AND id = $3");
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?
        .ok_or_else(|| NetworkError::not_found(ResourceKind::SecurityGroup, id))
}

/// The group `default` of a new VPC: its members reach each other, and everything outside.
pub(super) async fn insert_default(tx: &mut Tx, scope: &Scope, vpc: &str) -> Result<()> {
    let group = insert(tx, scope, vpc, DEFAULT, "default VPC security group").await?;
    let from_itself = NewRule::everything(Peer::Group(group.id.clone()));
    rules::insert(tx, scope, &group.id, false, &from_itself).await?;
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    scope: &Scope,
    vpc: &str,
    name: &str,
    description: &str,
) -> Result<SecurityGroupRow> {
    let sql = format!(
        "INSERT INTO security_groups (id, account, region, vpc_id, name, description) VALUES ($1, $2, $3, $4, $5, $6) RETURNING {COLUMNS}"
    );
    let row: SecurityGroupRow = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(super::fresh_id(ResourceKind::SecurityGroup))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(vpc)
        .bind(name)
        .bind(description)
        .fetch_one(&mut **tx)
        .await?;
    let to_everywhere = NewRule::everything(Peer::Ipv4("0.0.0.0/0".to_owned()));
    rules::insert(tx, scope, &row.id, true, &to_everywhere).await?;
    Ok(row)
}
