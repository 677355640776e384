use std::collections::BTreeSet;

use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{SetRulePrioritiesInput, SetRulePrioritiesOutput};
use store::{Wake, routes, rules};

use super::create_rule::{check_priority, priority_in_use};
use crate::elbv2::{listener_view, listeners};
use crate::{Context, Error, Result};

/// SetRulePriorities: all at once, so that rules may change places (LB-30). All rules are of one listener.
pub async fn set_rule_priorities(
    cx: &Context,
    input: SetRulePrioritiesInput,
) -> Result<SetRulePrioritiesOutput> {
    let pairs = checked(input)?;
    let mut tx = cx.db().begin().await?;
    let Some((first, _)) = pairs.first() else {
        return Err(Error::validation("At least one rule must be specified"));
    };
    let (balancer, listener, _) = listeners::locked_rule(cx, &mut tx, first).await?;
    for (arn, _) in &pairs {
        let (_, other, rule) = match domain::elb::listener_of_rule(arn) {
            Some(of) if of == listener.arn => listeners::locked_rule(cx, &mut tx, arn).await?,
            _ => {
                return Err(Error::validation(
                    "All rules whose priorities are set must belong to the same listener",
                ));
            }
        };
        if other.arn != listener.arn || rule.priority.is_none() {
            return Err(Error::new(
                ErrorCode::OperationNotPermittedException,
                format!("The priority of default rule '{arn}' cannot be set"),
            ));
        }
    }
    if !rules::set_priorities(&mut tx, &pairs).await? {
        return Err(priority_in_use());
    }
    routes::touch_balancer(&mut tx, &balancer.arn).await?;
    let moved: BTreeSet<&String> = pairs.iter().map(|(arn, _)| arn).collect();
    let all = rules::all_of_listener(&mut tx, &listener.arn).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    let shown = all.into_iter().filter(|row| moved.contains(&row.arn));
    Ok(SetRulePrioritiesOutput {
        rules: Some(shown.map(listener_view::rule).collect()),
    })
}

fn checked(input: SetRulePrioritiesInput) -> Result<Vec<(String, i32)>> {
    let mut pairs = Vec::with_capacity(input.rule_priorities.len());
    let (mut arns, mut priorities) = (BTreeSet::new(), BTreeSet::new());
    for pair in input.rule_priorities {
        let (Some(arn), Some(priority)) = (pair.rule_arn, pair.priority) else {
            return Err(Error::validation("A rule ARN and a priority must be specified"));
        };
        check_priority(priority)?;
        if !arns.insert(arn.clone()) {
            return Err(Error::validation(format!(
                "Rule '{arn}' is specified more than once"
            )));
        }
        if !priorities.insert(priority) {
            return Err(priority_in_use());
        }
        pairs.push((arn, priority));
    }
    Ok(pairs)
}
