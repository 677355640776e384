//! Taking rules away.

use domain::Scope;
use domain::network::ResourceKind;

use super::{NewRule, RuleRow, of_group};
use crate::Db;
use crate::networks::{self, NetworkError, NetworkResult, defaults, security_groups};

/// What a revocation came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    pub rules: Vec<RuleRow>,
    /// What was asked for and is no rule of the group.
    pub unknown: Vec<NewRule>,
}

/// Takes away the rules that are like these; descriptions do not count. Groups of the default VPC take note of what is not there;
/// otherwise it is all or none, as EC2 has it.
///
/// # Errors
/// [`NetworkError::RuleNotFound`].
pub async fn revoke(
    db: &Db,
    scope: &Scope,
    group: &str,
    is_egress: bool,
    asked: &[NewRule],
) -> NetworkResult<Revoked> {
    let mut tx = networks::begin(db, scope).await?;
    let vpc = security_groups::find(&mut tx, scope, group).await?.vpc_id;
    let lenient = defaults::default_vpc(&mut tx, scope)
        .await?
        .is_some_and(|default| default.id == vpc);
    let mut there = of_group(&mut tx, group).await?;
    let mut revoked = Revoked::default();
    for rule in asked {
        match there
            .iter()
            .position(|row| row.is_egress == is_egress && rule.matches(row))
        {
            Some(index) => revoked.rules.push(there.remove(index)),
            None if lenient => revoked.unknown.push(rule.clone()),
            None => return Err(NetworkError::RuleNotFound),
        }
    }
    for row in &revoked.rules {
        networks::remove(&mut tx, scope, ResourceKind::SecurityGroupRule, &row.id).await?;
    }
    db.commit(tx, []).await?;
    Ok(revoked)
}

/// Takes away rules of a group by their ids, all or none.
///
/// # Errors
/// [`NetworkError::NotFound`], also for rules of other groups and of the other direction.
pub async fn revoke_by_id(
    db: &Db,
    scope: &Scope,
    group: &str,
    is_egress: bool,
    ids: &[String],
) -> NetworkResult<Revoked> {
    let mut tx = networks::begin(db, scope).await?;
    security_groups::find(&mut tx, scope, group).await?;
    let there = of_group(&mut tx, group).await?;
    let mut revoked = Revoked::default();
    for id in ids {
        let row = there
            .iter()
            .find(|row| row.is_egress == is_egress && row.id == *id)
            .ok_or_else(|| NetworkError::not_found(ResourceKind::SecurityGroupRule, id))?;
        networks::remove(&mut tx, scope, ResourceKind::SecurityGroupRule, id).await?;
        revoked.rules.push(row.clone());
    }
    db.commit(tx, []).await?;
    Ok(revoked)
}
