use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{CreateRuleInput, CreateRuleOutput};
use domain::elb;
use store::rules::RuleSpec;
use store::{Wake, routes, rules};

use crate::elbv2::actions::{self, Ground};
use crate::elbv2::{conditions, ids, limits, listener_view, listeners, tags, transforms};
use crate::{Context, Error, Result};

/// CreateRule (LB-30 to LB-33).
pub async fn create_rule(cx: &Context, input: CreateRuleInput) -> Result<CreateRuleOutput> {
    let tags = tags::checked(input.tags)?;
    check_priority(input.priority)?;
    let mut tx = cx.db().begin().await?;
    let (balancer, listener) = listeners::locked_listener(cx, &mut tx, &input.listener_arn).await?;
    if balancer.kind != "application" {
        return Err(Error::new(
            ErrorCode::UnsupportedProtocolException,
            format!("Rules are not supported for {} listeners", listener.protocol),
        ));
    }
    let ground = Ground {
        kind: &balancer.kind,
        protocol: &listener.protocol,
        port: listener.port,
    };
    let mut spec = RuleSpec {
        conditions: conditions::normalised(input.conditions)?,
        transforms: transforms::checked(input.transforms.unwrap_or_default())?,
        actions: actions::normalised(input.actions, ground)?,
    };
    if rules::priority_taken(&mut tx, &listener.arn, input.priority).await? {
        return Err(priority_in_use());
    }
    if rules::count(&mut tx, &balancer.arn).await? >= limits::RULES {
        return Err(Error::new(
            ErrorCode::TooManyRulesException,
            format!("A load balancer cannot have more than '{}' rules", limits::RULES),
        ));
    }
    let arn = elb::rule_arn(&listener.arn, ids::new_id(cx));
    actions::check_groups(
        &mut tx,
        &cx.scope,
        &balancer,
        &listener.protocol,
        &arn,
        &spec.actions,
    )
    .await?;
    spec.actions = actions::sealed(&cx.api.vault, &arn, spec.actions, &[])?;
    rules::insert(
        &mut tx,
        &listener.arn,
        &arn,
        Some(input.priority),
        &spec,
        cx.now(),
    )
    .await?;
    store::tags::set(&mut tx, &cx.scope, &arn, &tags).await?;
    routes::touch_balancer(&mut tx, &balancer.arn).await?;
    let row = rules::seen(&mut tx, &arn).await?.ok_or_else(listeners::no_rule)?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(CreateRuleOutput {
        rules: Some(vec![listener_view::rule(row)]),
    })
}

/// LB-30.
pub(super) fn check_priority(priority: i32) -> Result<()> {
    match (1..=50_000).contains(&priority) {
        true => Ok(()),
        false => Err(Error::validation(
            "The priority of a rule must be between '1' and '50000'",
        )),
    }
}

/// LB-11.
pub(super) fn priority_in_use() -> Error {
    Error::new(
        ErrorCode::PriorityInUseException,
        "The specified priority is in use.",
    )
}
