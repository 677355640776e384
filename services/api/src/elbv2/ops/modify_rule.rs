use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{ModifyRuleInput, ModifyRuleOutput};
use store::rules::RuleSpec;
use store::{Wake, routes, rules};

use crate::elbv2::actions::{self, Ground};
use crate::elbv2::{conditions, listener_view, listeners, transforms};
use crate::{Context, Error, Result};

/// ModifyRule: replaces conditions, actions or transforms; what is not given stays. Default rules are changed with ModifyListener.
pub async fn modify_rule(cx: &Context, input: ModifyRuleInput) -> Result<ModifyRuleOutput> {
    let mut tx = cx.db().begin().await?;
    let (balancer, listener, before) = listeners::locked_rule(cx, &mut tx, &input.rule_arn).await?;
    if before.priority.is_none() {
        return Err(Error::new(
            ErrorCode::OperationNotPermittedException,
            format!("Default rule '{}' cannot be modified", before.arn),
        ));
    }
    let resets = input.reset_transforms.unwrap_or(false);
    let given_transforms = input.transforms.filter(|transforms| !transforms.is_empty());
    if resets && given_transforms.is_some() {
        return Err(Error::validation(
            "You cannot specify both 'Transforms' and 'ResetTransforms'",
        ));
    }
    let ground = Ground {
        kind: &balancer.kind,
        protocol: &listener.protocol,
        port: listener.port,
    };
    let mut spec = RuleSpec {
        conditions: before.conditions.0,
        transforms: before.transforms.0,
        actions: before.actions.0,
    };
    if let Some(given) = input.conditions.filter(|conditions| !conditions.is_empty()) {
        spec.conditions = conditions::normalised(given)?;
    }
    if let Some(given) = given_transforms {
        spec.transforms = transforms::checked(given)?;
    } else if resets {
        spec.transforms = Vec::new();
    }
    if let Some(given) = input.actions.filter(|actions| !actions.is_empty()) {
        let normal = actions::normalised(given, ground)?;
        actions::check_groups(
            &mut tx,
            &cx.scope,
            &balancer,
            &listener.protocol,
            &before.arn,
            &normal,
        )
        .await?;
        spec.actions = actions::sealed(&cx.api.vault, &before.arn, normal, &spec.actions)?;
    }
    rules::update(&mut tx, &before.arn, &spec).await?;
    routes::touch_balancer(&mut tx, &balancer.arn).await?;
    let row = rules::seen(&mut tx, &before.arn)
        .await?
        .ok_or_else(listeners::no_rule)?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(ModifyRuleOutput {
        rules: Some(vec![listener_view::rule(row)]),
    })
}
