use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{Action, ModifyListenerInput, ModifyListenerOutput};
use store::listeners::{BalancerHead, ListenerRow, ListenerSpec};
use store::rules::RuleSpec;
use store::{Tx, Wake, routes, rules};

use crate::elbv2::actions::{self, Ground};
use crate::elbv2::listener_spec::{self, Given};
use crate::elbv2::{listener_view, listeners};
use crate::{Context, Error, Result};

/// ModifyListener: what is not given stays. Its rules have to fit what it becomes.
pub async fn modify_listener(cx: &Context, input: ModifyListenerInput) -> Result<ModifyListenerOutput> {
    let mut tx = cx.db().begin().await?;
    let (balancer, before) = listeners::locked_listener(cx, &mut tx, &input.listener_arn).await?;
    let given = Given {
        protocol: input.protocol,
        port: input.port,
        ssl_policy: input.ssl_policy,
        certificates: input.certificates,
        alpn_policy: input.alpn_policy,
        mutual: input.mutual_authentication,
    };
    let spec = listener_spec::merged(&balancer.kind, given, Some(&before))?;
    let on_port = store::listeners::on_port(&mut tx, &balancer.arn, spec.port).await?;
    if on_port.is_some_and(|other| other != before.arn) {
        return Err(Error::new(
            ErrorCode::DuplicateListenerException,
            format!(
                "A listener already exists on this port for this load balancer '{}'",
                balancer.arn
            ),
        ));
    }
    listener_spec::hold_references(&mut tx, &cx.scope, &spec).await?;
    change_rules(cx, &mut tx, &balancer, &before, &spec, input.default_actions).await?;
    store::listeners::update(&mut tx, &before.arn, &spec).await?;
    routes::touch_balancer(&mut tx, &balancer.arn).await?;
    let after = store::listeners::lock(&mut tx, &cx.scope, &before.arn).await?;
    let (_, row) = after.ok_or_else(listeners::no_listener)?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(ModifyListenerOutput {
        listeners: Some(vec![listener_view::listener(row)]),
    })
}

/// Writes new default actions, and checks all other rules where the protocol changes.
async fn change_rules(
    cx: &Context,
    tx: &mut Tx,
    balancer: &BalancerHead,
    before: &ListenerRow,
    spec: &ListenerSpec,
    default_actions: Option<Vec<Action>>,
) -> Result<()> {
    let ground = Ground {
        kind: &balancer.kind,
        protocol: &spec.protocol,
        port: spec.port,
    };
    let default_actions = default_actions.filter(|actions| !actions.is_empty());
    let replaces = default_actions.is_some();
    if let Some(given) = default_actions {
        let rule = &before.default_rule_arn;
        let normal = actions::normalised(given, ground)?;
        actions::check_groups(tx, &cx.scope, balancer, &spec.protocol, rule, &normal).await?;
        let actions = actions::sealed(&cx.api.vault, rule, normal, &before.default_actions.0)?;
        let default_rule = RuleSpec {
            actions,
            ..RuleSpec::default()
        };
        rules::update(tx, rule, &default_rule).await?;
    }
    if before.protocol == spec.protocol {
        return Ok(());
    }
    for rule in rules::all_of_listener(tx, &before.arn).await? {
        if replaces && rule.priority.is_none() {
            continue;
        }
        actions::normalised(rule.actions.0.clone(), ground)?;
        let named: Vec<String> = rules::named(&rule.actions.0).into_iter().collect();
        let groups = rules::lock_groups(tx, &cx.scope, &named).await?;
        actions::check_protocols(&spec.protocol, &groups)?;
    }
    Ok(())
}
