use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{CreateListenerInput, CreateListenerOutput};
use domain::{ElbKind, elb};
use store::listeners::{self, BalancerHead, ListenerRow, ListenerSpec};
use store::rules::RuleSpec;
use store::{Tx, Wake, routes, rules};

use crate::elbv2::actions::{self, Ground};
use crate::elbv2::listener_spec::{self, Given};
use crate::elbv2::{find, ids, limits, listener_view, tags};
use crate::{Context, Error, Result};

/// CreateListener: a port of a balancer with its default rule (LB-11). The same one again is returned as it is.
pub async fn create_listener(cx: &Context, input: CreateListenerInput) -> Result<CreateListenerOutput> {
    let arn = input.load_balancer_arn;
    find::check_arn(&arn, ElbKind::LoadBalancer)?;
    let tags = tags::checked(input.tags)?;
    let mut tx = cx.db().begin().await?;
    let balancer = listeners::lock_balancer(&mut tx, &cx.scope, &arn)
        .await?
        .ok_or_else(|| find::not_found(ElbKind::LoadBalancer, &arn))?;
    let given = Given {
        protocol: input.protocol,
        port: input.port,
        ssl_policy: input.ssl_policy,
        certificates: input.certificates,
        alpn_policy: input.alpn_policy,
        mutual: input.mutual_authentication,
    };
    let spec = listener_spec::merged(&balancer.kind, given, None)?;
    let ground = Ground {
        kind: &balancer.kind,
        protocol: &spec.protocol,
        port: spec.port,
    };
    let default_actions = actions::normalised(input.default_actions, ground)?;
    if let Some(taken) = listeners::on_port(&mut tx, &arn, spec.port).await? {
        let there = listeners::lock(&mut tx, &cx.scope, &taken)
            .await?
            .map(|(_, row)| row);
        let same = there.filter(|row| is_same(row, &spec, &default_actions));
        let Some(row) = same else {
            return Err(duplicate(&arn));
        };
        if !tags::all_present(cx, &row.arn, &tags).await? {
            return Err(duplicate(&arn));
        }
        return Ok(reply(row));
    }
    if listeners::count(&mut tx, &arn).await? >= limits::LISTENERS {
        return Err(Error::new(
            ErrorCode::TooManyListenersException,
            format!(
                "A load balancer cannot have more than '{}' listeners",
                limits::LISTENERS
            ),
        ));
    }
    let row = insert(cx, &mut tx, &balancer, &spec, default_actions).await?;
    store::tags::set(&mut tx, &cx.scope, &row.arn, &tags).await?;
    routes::touch_balancer(&mut tx, &arn).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(reply(row))
}

async fn insert(
    cx: &Context,
    tx: &mut Tx,
    balancer: &BalancerHead,
    spec: &ListenerSpec,
    default_actions: Vec<aws_model::elbv2::types::Action>,
) -> Result<ListenerRow> {
    let listener = elb::listener_arn(&balancer.arn, ids::new_id(cx));
    let rule = elb::rule_arn(&listener, ids::new_id(cx));
    listener_spec::hold_references(tx, &cx.scope, spec).await?;
    actions::check_groups(tx, &cx.scope, balancer, &spec.protocol, &rule, &default_actions).await?;
    let actions = actions::sealed(&cx.api.vault, &rule, default_actions, &[])?;
    listeners::insert(tx, &balancer.arn, &listener, spec, cx.now()).await?;
    let default_rule = RuleSpec {
        actions,
        ..RuleSpec::default()
    };
    rules::insert(tx, &listener, &rule, None, &default_rule, cx.now()).await?;
    let (_, row) = listeners::lock(tx, &cx.scope, &listener)
        .await?
        .ok_or_else(|| Error::server("the listener that was just inserted is not there"))?;
    Ok(row)
}

/// Whether a listener that is there has exactly these settings. A client secret is never the same: it cannot be compared.
fn is_same(
    row: &ListenerRow,
    spec: &ListenerSpec,
    default_actions: &[aws_model::elbv2::types::Action],
) -> bool {
    let there = ListenerSpec {
        port: row.port,
        protocol: row.protocol.clone(),
        ssl_policy: row.ssl_policy.clone(),
        certificate_arn: row.certificate_arn.clone(),
        alpn_policy: row.alpn_policy.clone(),
        mutual: row.mutual.as_ref().map(|mutual| mutual.0.clone()),
    };
    there == *spec && row.default_actions.0 == default_actions
}

fn duplicate(load_balancer_arn: &str) -> Error {
    Error::new(
        ErrorCode::DuplicateListenerException,
        format!("A listener already exists on this port for this load balancer '{load_balancer_arn}'"),
    )
}

fn reply(row: ListenerRow) -> CreateListenerOutput {
    CreateListenerOutput {
        listeners: Some(vec![listener_view::listener(row)]),
    }
}
