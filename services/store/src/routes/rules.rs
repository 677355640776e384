//! Rules as the API shows them made into what a proxy matches and does (LB-30 to LB-33).

use aws_model::elbv2::types::{
    Action as ApiAction, ActionTypeEnum, AuthenticateOidcActionConditionalBehaviorEnum,
    AuthenticateOidcActionConfig, JwtValidationActionConfig, RedirectActionConfig,
    RedirectActionStatusCodeEnum, RewriteConfig, RuleCondition, RuleTransform, TransformTypeEnum,
};
use routing::action::{
    AuthenticateOidc, ClaimCheck, FixedResponse, JwtValidation, OnUnauthenticated, Redirect,
};
use routing::rule::{Patterns, QueryPair, Rewrite};
use routing::{Action, Condition, Forward, ForwardGroup, Transform};

/// The API's defaults of `authenticate-oidc`.
const SESSION_COOKIE: &str = "AWSELBAuthSessionCookie";
const SESSION_SECONDS: u64 = 604_800;

/// Conditions of a rule; `None` if one is of a kind that nobody here knows.
pub fn conditions(conditions: &[RuleCondition]) -> Option<Vec<Condition>> {
    conditions.iter().map(condition).collect()
}

fn condition(condition: &RuleCondition) -> Option<Condition> {
    let given =
        |values: Option<&Vec<String>>| values.or(condition.values.as_ref()).cloned().unwrap_or_default();
    let patterns = |values: Option<&Vec<String>>, regex_values: Option<&Vec<String>>| Patterns {
        values: given(values),
        regex_values: regex_values
            .or(condition.regex_values.as_ref())
            .cloned()
            .unwrap_or_default(),
    };
    Some(match condition.field.as_deref()? {
        "host-header" => {
            let config = condition.host_header_config.as_ref();
            Condition::HostHeader(patterns(
                config.and_then(|config| config.values.as_ref()),
                config.and_then(|config| config.regex_values.as_ref()),
            ))
        }
        "path-pattern" => {
            let config = condition.path_pattern_config.as_ref();
            Condition::PathPattern(patterns(
                config.and_then(|config| config.values.as_ref()),
                config.and_then(|config| config.regex_values.as_ref()),
            ))
        }
        "http-header" => {
            let config = condition.http_header_config.as_ref()?;
            Condition::HttpHeader {
                name: config.http_header_name.clone()?,
                patterns: patterns(config.values.as_ref(), config.regex_values.as_ref()),
            }
        }
        "http-request-method" => {
            let config = condition.http_request_method_config.as_ref();
            Condition::HttpRequestMethod {
                values: given(config.and_then(|config| config.values.as_ref())),
            }
        }
        "query-string" => {
            let pairs = condition.query_string_config.as_ref()?.values.as_ref()?.iter();
            let pair = |pair: &aws_model::elbv2::types::QueryStringKeyValuePair| QueryPair {
                key: pair.key.clone(),
                value: pair.value.clone().unwrap_or_default(),
            };
            Condition::QueryString {
                values: pairs.map(pair).collect(),
            }
        }
        "source-ip" => {
            let config = condition.source_ip_config.as_ref();
            Condition::SourceIp {
                values: given(config.and_then(|config| config.values.as_ref())),
            }
        }
        _ => return None,
    })
}

/// Transforms of a rule.
pub fn transforms(transforms: &[RuleTransform]) -> Vec<Transform> {
    let rewrites = |configs: Option<&Vec<RewriteConfig>>| {
        let configs = configs.into_iter().flatten();
        configs
            .map(|config| Rewrite {
                regex: config.regex.clone(),
                replace: config.replace.clone(),
            })
            .collect()
    };
    let transform = |transform: &RuleTransform| match transform.r#type {
        TransformTypeEnum::HostHeaderRewrite => Transform::HostHeaderRewrite {
            rewrites: rewrites(
                transform
                    .host_header_rewrite_config
                    .as_ref()
                    .and_then(|config| config.rewrites.as_ref()),
            ),
        },
        TransformTypeEnum::UrlRewrite => Transform::UrlRewrite {
            rewrites: rewrites(
                transform
                    .url_rewrite_config
                    .as_ref()
                    .and_then(|config| config.rewrites.as_ref()),
            ),
        },
    };
    transforms.iter().map(transform).collect()
}

/// Actions of a rule in the order in which they are carried out. Client secrets are as they were stored (sealed), cookie keys are empty.
/// `None` if one of them lacks what it is about, or is of a kind that no proxy can do: the rule must not be carried out in part.
pub fn actions(actions: &[ApiAction]) -> Option<Vec<Action>> {
    let mut sorted: Vec<&ApiAction> = actions.iter().collect();
    sorted.sort_by_key(|action| action.order.unwrap_or(i32::MAX));
    sorted.into_iter().map(action).collect()
}

fn action(action: &ApiAction) -> Option<Action> {
    Some(match action.r#type {
        ActionTypeEnum::Forward => Action::Forward(forward(action)?),
        ActionTypeEnum::Redirect => Action::Redirect(redirect(action.redirect_config.as_ref()?)),
        ActionTypeEnum::FixedResponse => {
            let config = action.fixed_response_config.as_ref()?;
            Action::FixedResponse(FixedResponse {
                status: config.status_code.parse().ok()?,
                content_type: config.content_type.clone(),
                body: config.message_body.clone().unwrap_or_default(),
            })
        }
        ActionTypeEnum::AuthenticateOidc => {
            Action::AuthenticateOidc(Box::new(oidc(action.authenticate_oidc_config.as_ref()?)))
        }
        ActionTypeEnum::JwtValidation => Action::JwtValidation(jwt(action.jwt_validation_config.as_ref()?)),
        ActionTypeEnum::AuthenticateCognito => return None,
    })
}

/// The groups stand in the configuration, or a single one beside it.
fn forward(action: &ApiAction) -> Option<Forward> {
    let config = action.forward_config.as_ref();
    let listed = config.and_then(|config| config.target_groups.as_ref());
    let mut groups: Vec<ForwardGroup> = listed
        .into_iter()
        .flatten()
        .filter_map(|tuple| {
            Some(ForwardGroup {
                target_group: tuple.target_group_arn.clone()?,
                weight: tuple
                    .weight
                    .map_or(1, |weight| u32::try_from(weight).unwrap_or(0)),
            })
        })
        .collect();
    if groups.is_empty() {
        groups.push(ForwardGroup {
            target_group: action.target_group_arn.clone()?,
            weight: 1,
        });
    }
    let stickiness = config.and_then(|config| config.target_group_stickiness_config.as_ref());
    let group_stickiness_seconds = stickiness
        .filter(|stickiness| stickiness.enabled == Some(true))
        .and_then(|stickiness| stickiness.duration_seconds)
        .and_then(|seconds| u32::try_from(seconds).ok());
    Some(Forward {
        groups,
        group_stickiness_seconds,
    })
}

fn redirect(config: &RedirectActionConfig) -> Redirect {
    let part = |given: Option<&String>, kept: &str| given.map_or(kept, String::as_str).to_owned();
    Redirect {
        status: match config.status_code {
            RedirectActionStatusCodeEnum::Http301 => 301,
            RedirectActionStatusCodeEnum::Http302 => 302,
        },
        protocol: part(config.protocol.as_ref(), "#{protocol}"),
        host: part(config.host.as_ref(), "#{host}"),
        port: part(config.port.as_ref(), "#{port}"),
        path: part(config.path.as_ref(), "/#{path}"),
        query: part(config.query.as_ref(), "#{query}"),
    }
}

fn oidc(config: &AuthenticateOidcActionConfig) -> AuthenticateOidc {
    type Behaviour = AuthenticateOidcActionConditionalBehaviorEnum;
    let extra = config.authentication_request_extra_params.clone();
    AuthenticateOidc {
        issuer: config.issuer.clone(),
        authorization_endpoint: config.authorization_endpoint.clone(),
        token_endpoint: config.token_endpoint.clone(),
        user_info_endpoint: config.user_info_endpoint.clone(),
        client_id: config.client_id.clone(),
        client_secret: config.client_secret.clone().unwrap_or_default(),
        session_cookie_name: config
            .session_cookie_name
            .clone()
            .unwrap_or_else(|| SESSION_COOKIE.to_owned()),
        scope: config.scope.clone().unwrap_or_else(|| "openid".to_owned()),
        session_timeout_seconds: config
            .session_timeout
            .and_then(|seconds| u64::try_from(seconds).ok())
            .unwrap_or(SESSION_SECONDS),
        extra_parameters: extra.unwrap_or_default().into_iter().collect(),
        on_unauthenticated: match config.on_unauthenticated_request {
            Some(Behaviour::Deny) => OnUnauthenticated::Deny,
            Some(Behaviour::Allow) => OnUnauthenticated::Allow,
            Some(Behaviour::Authenticate) | None => OnUnauthenticated::Authenticate,
        },
        cookie_key: String::new(),
    }
}

fn jwt(config: &JwtValidationActionConfig) -> JwtValidation {
    let claims = config.additional_claims.iter().flatten();
    JwtValidation {
        jwks_endpoint: config.jwks_endpoint.clone(),
        issuer: config.issuer.clone(),
        additional_claims: claims
            .map(|claim| ClaimCheck {
                format: claim.format.as_str().to_owned(),
                name: claim.name.clone(),
                values: claim.values.clone(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
