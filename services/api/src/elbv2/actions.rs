//! Actions of rules and listeners: checked, and written as AWS returns them (LB-32, LB-33).

mod authentication;
mod forward;
mod groups;
mod responses;
mod secrets;

use std::collections::BTreeSet;

use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{Action, ActionTypeEnum};

use crate::{Error, Result};

pub use groups::{check_groups, check_protocols};
pub use secrets::{sealed, shown};

/// More actions than any rule can use: authentications and a terminal one.
const ACTIONS: usize = 5;

/// The listener that actions are for.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// `application` or `network`.
    pub kind: &'a str,
    pub protocol: &'a str,
    pub port: i32,
}

impl Ground<'_> {
    fn is_network(&self) -> bool {
        self.kind == "network"
    }
}

/// The actions as they are stored and shown, ascending by `Order`, with all defaults filled in. Whether their target groups exist is
/// not looked at ([`check_groups`]).
///
/// # Errors
/// ValidationError, InvalidLoadBalancerAction, TooManyActions.
pub fn normalised(actions: Vec<Action>, ground: Ground<'_>) -> Result<Vec<Action>> {
    if actions.is_empty() {
        return Err(Error::validation("An action must be specified"));
    }
    if actions.len() > ACTIONS {
        return Err(Error::new(
            ErrorCode::TooManyActionsException,
            format!("A rule cannot have more than '{ACTIONS}' actions"),
        ));
    }
    let mut normal = Vec::with_capacity(actions.len());
    for (position, action) in (1..).zip(actions) {
        let order = action.order.unwrap_or(position);
        let action = normalise(action, ground)?;
        normal.push(Action {
            order: Some(order),
            ..action
        });
    }
    normal.sort_by_key(|action| action.order);
    check_order(&normal)?;
    Ok(normal)
}

/// A refusal of an action.
fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidLoadBalancerActionException, message)
}

fn is_terminal(action: &Action) -> bool {
    use ActionTypeEnum::{FixedResponse, Forward, Redirect};
    matches!(action.r#type, Forward | Redirect | FixedResponse)
}

/// One terminal action, the last one; each order once; at most one authentication of each sort.
fn check_order(actions: &[Action]) -> Result<()> {
    let orders: BTreeSet<_> = actions.iter().map(|action| action.order).collect();
    if orders.len() < actions.len() {
        return Err(Error::validation("The order of an action must be unique"));
    }
    let terminal = actions.iter().filter(|action| is_terminal(action)).count();
    if terminal != 1 || !actions.last().is_some_and(is_terminal) {
        return Err(invalid(
            "A rule must have exactly one action of type 'forward', 'redirect' or 'fixed-response', and it must be the last one",
        ));
    }
    let types: BTreeSet<_> = actions.iter().map(|action| action.r#type.to_string()).collect();
    match types.len() < actions.len() {
        true => Err(invalid("A rule can only have one action of each type")),
        false => Ok(()),
    }
}

fn normalise(action: Action, ground: Ground<'_>) -> Result<Action> {
    only_its_own_members(&action)?;
    if ground.is_network() && action.r#type != ActionTypeEnum::Forward {
        return Err(invalid(format!(
            "Actions of type '{}' are not supported for load balancers with type 'network'",
            action.r#type
        )));
    }
    match action.r#type {
        ActionTypeEnum::Forward => forward::normalised(action, ground),
        ActionTypeEnum::Redirect => responses::redirect(action, ground),
        ActionTypeEnum::FixedResponse => responses::fixed(action),
        ActionTypeEnum::AuthenticateOidc => authentication::oidc(action, ground),
        ActionTypeEnum::JwtValidation => authentication::jwt(action, ground),
        ActionTypeEnum::AuthenticateCognito => Err(invalid(
            "Actions of type 'authenticate-cognito' are not supported: Berth has no Amazon Cognito. Use 'authenticate-oidc'",
        )),
    }
}

/// An action has the member of its type and no other.
fn only_its_own_members(action: &Action) -> Result<()> {
    use ActionTypeEnum as Type;
    let members = [
        (Type::Forward, "TargetGroupArn", action.target_group_arn.is_some()),
        (Type::Forward, "ForwardConfig", action.forward_config.is_some()),
        (Type::Redirect, "RedirectConfig", action.redirect_config.is_some()),
        (
            Type::FixedResponse,
            "FixedResponseConfig",
            action.fixed_response_config.is_some(),
        ),
        (
            Type::AuthenticateOidc,
            "AuthenticateOidcConfig",
            action.authenticate_oidc_config.is_some(),
        ),
        (
            Type::AuthenticateCognito,
            "AuthenticateCognitoConfig",
            action.authenticate_cognito_config.is_some(),
        ),
        (
            Type::JwtValidation,
            "JwtValidationConfig",
            action.jwt_validation_config.is_some(),
        ),
    ];
    let foreign = members.iter().find(|(of, _, set)| *set && *of != action.r#type);
    match foreign {
        Some((_, member, _)) => Err(invalid(format!(
            "You cannot specify '{member}' for an action of type '{}'",
            action.r#type
        ))),
        None => Ok(()),
    }
}

/// The member that the action's type needs.
fn required<T>(member: Option<T>, name: &str, of: ActionTypeEnum) -> Result<T> {
    member.ok_or_else(|| invalid(format!("An action of type '{of}' must have '{name}'")))
}

#[cfg(test)]
mod tests;
