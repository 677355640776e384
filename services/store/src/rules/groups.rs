//! Which rules name which target groups.

use std::collections::BTreeSet;

use aws_model::elbv2::types::Action;
use domain::Scope;

use crate::{Result, Tx};

/// What actions need to know of a target group.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct GroupFacts {
    pub arn: String,
    pub target_type: String,
    pub protocol: Option<String>,
    pub protocol_version: Option<String>,
    pub vpc_id: Option<String>,
}

/// ARNs of the target groups that actions name, each once.
pub fn named(actions: &[Action]) -> BTreeSet<String> {
    let tuples = actions
        .iter()
        .filter_map(|action| action.forward_config.as_ref()?.target_groups.as_ref())
        .flatten()
        .filter_map(|tuple| tuple.target_group_arn.clone());
    let single = actions
        .iter()
        .filter_map(|action| action.target_group_arn.clone());
    tuples.chain(single).collect()
}

/// Of these target groups those that exist, in the order of their ARNs, locked until the transaction ends: nobody else puts them on
/// another balancer or deletes them meanwhile.
pub async fn lock_groups(tx: &mut Tx, scope: &Scope, arns: &[String]) -> Result<Vec<GroupFacts>> {
    let query = sqlx::query_as(
        "SELECT arn, target_type, protocol, protocol_version, vpc_id FROM target_groups \
         WHERE account = $1 AND region = $2 AND arn = ANY($3) ORDER BY arn FOR NO KEY UPDATE",
    );
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arns)
        .fetch_all(&mut **tx)
        .await?)
}

/// Target groups that these rules name.
pub async fn groups_of(tx: &mut Tx, rules: &[String]) -> Result<Vec<String>> {
    let query = sqlx::query_scalar(
        "SELECT DISTINCT target_group_arn FROM rule_target_groups WHERE rule_arn = ANY($1) ORDER BY 1",
    );
    Ok(query.bind(rules).fetch_all(&mut **tx).await?)
}

/// Target groups that rules of the balancer name, one rule left out (LB-41).
pub async fn groups_of_balancer(
    tx: &mut Tx,
    load_balancer_arn: &str,
    except_rule: &str,
) -> Result<BTreeSet<String>> {
    let groups: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT g.target_group_arn FROM rule_target_groups g JOIN rules r ON r.arn = g.rule_arn \
         JOIN listeners l ON l.arn = r.listener_arn WHERE l.load_balancer_arn = $1 AND r.arn <> $2",
    )
    .bind(load_balancer_arn)
    .bind(except_rule)
    .fetch_all(&mut **tx)
    .await?;
    Ok(groups.into_iter().collect())
}

/// Of these target groups those that another balancer has (LB-14).
pub async fn other_balancers(tx: &mut Tx, load_balancer_arn: &str, groups: &[String]) -> Result<Vec<String>> {
    let query = sqlx::query_scalar(
        "SELECT DISTINCT g.target_group_arn FROM rule_target_groups g JOIN rules r ON r.arn = g.rule_arn \
         JOIN listeners l ON l.arn = r.listener_arn WHERE g.target_group_arn = ANY($2) AND l.load_balancer_arn <> $1 ORDER BY 1",
    );
    Ok(query
        .bind(load_balancer_arn)
        .bind(groups)
        .fetch_all(&mut **tx)
        .await?)
}

/// Keeps `rule_target_groups` in step with a rule's actions. Groups that came or went are told (LB-17).
pub async fn set_groups(tx: &mut Tx, rule_arn: &str, actions: &[Action]) -> Result<()> {
    let before: BTreeSet<String> = groups_of(tx, &[rule_arn.to_owned()]).await?.into_iter().collect();
    let after = named(actions);
    let gone: Vec<&String> = before.difference(&after).collect();
    let come: Vec<&String> = after.difference(&before).collect();
    sqlx::query("DELETE FROM rule_target_groups WHERE rule_arn = $1 AND target_group_arn = ANY($2)")
        .bind(rule_arn)
        .bind(&gone)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "INSERT INTO rule_target_groups (rule_arn, target_group_arn) SELECT $1, arn FROM unnest($2::text[]) AS t(arn)",
    )
    .bind(rule_arn)
    .bind(&come)
    .execute(&mut **tx)
    .await?;
    let changed: Vec<String> = before.symmetric_difference(&after).cloned().collect();
    use_changed(tx, &changed).await
}

/// Tells target groups that a rule began or ceased to name: whether their targets are in use may have changed.
pub async fn use_changed(tx: &mut Tx, groups: &[String]) -> Result<()> {
    for group in groups {
        crate::routes::touch_target_group(tx, group).await?;
    }
    crate::targets::settle_unused(tx, groups).await
}
