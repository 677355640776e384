#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;

fn read_conditions(value: Value) -> Option<Vec<Condition>> {
    conditions(&serde_json::from_value::<Vec<RuleCondition>>(value).unwrap())
}

fn read_actions(value: Value) -> Option<Vec<Action>> {
    actions(&serde_json::from_value::<Vec<ApiAction>>(value).unwrap())
}

#[test]
fn lb31_conditions_are_read_from_their_configuration_or_from_plain_values() {
    let read = read_conditions(json!([
        { "Field": "host-header", "Values": ["a.example"], "HostHeaderConfig": { "Values": ["a.example"] } },
        { "Field": "path-pattern", "Values": ["/img/*"] },
        { "Field": "path-pattern", "PathPatternConfig": { "RegexValues": ["^/v[12]/"] } },
        { "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": "X-Beta", "Values": ["1", "yes"] } },
        { "Field": "http-request-method", "HttpRequestMethodConfig": { "Values": ["GET"] } },
        { "Field": "query-string", "QueryStringConfig": { "Values": [{ "Key": "v", "Value": "1" }, { "Value": "x*" }] } },
        { "Field": "source-ip", "SourceIpConfig": { "Values": ["10.0.0.0/8"] } },
    ]))
    .unwrap();
    let words: Vec<String> = read.iter().map(Condition::to_string).collect();
    assert_eq!(
        words,
        [
            "host is a.example",
            "path is /img/*",
            "path is /^/v[12]//",
            "header X-Beta is 1 or yes",
            "method is GET",
            "query has v=1 or x*",
            "source is in 10.0.0.0/8",
        ]
    );
}

#[test]
fn a_condition_of_an_unknown_kind_makes_the_rule_unreadable() {
    assert_eq!(
        read_conditions(json!([{ "Field": "moon-phase", "Values": ["full"] }])),
        None
    );
}

#[test]
fn lb32_actions_come_in_their_order_with_weights_and_stickiness() {
    let read = read_actions(json!([
        { "Type": "forward", "Order": 2, "ForwardConfig": {
            "TargetGroups": [{ "TargetGroupArn": "a", "Weight": 90 }, { "TargetGroupArn": "b" }],
            "TargetGroupStickinessConfig": { "Enabled": true, "DurationSeconds": 60 },
        } },
        { "Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {
            "Issuer": "https://idp", "AuthorizationEndpoint": "https://idp/a", "TokenEndpoint": "https://idp/t",
            "UserInfoEndpoint": "https://idp/u", "ClientId": "id", "ClientSecret": "sealed",
        } },
    ]))
    .unwrap();
    let [Action::AuthenticateOidc(oidc), Action::Forward(forward)] = &read[..] else {
        panic!("{read:?}");
    };
    assert_eq!(oidc.session_cookie_name, "AWSELBAuthSessionCookie");
    assert_eq!(
        (oidc.scope.as_str(), oidc.session_timeout_seconds),
        ("openid", 604_800)
    );
    assert_eq!(
        forward
            .groups
            .iter()
            .map(|group| group.weight)
            .collect::<Vec<_>>(),
        [90, 1]
    );
    assert_eq!(forward.group_stickiness_seconds, Some(60));
    let single = read_actions(json!([{ "Type": "forward", "TargetGroupArn": "a" }])).unwrap();
    assert_eq!(single[0].to_string(), "forward to a");
}

#[test]
fn lb33_what_a_redirect_does_not_name_stays_as_it_was() {
    let read = read_actions(json!([
        { "Type": "redirect", "RedirectConfig": { "Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301" } },
    ]))
    .unwrap();
    let expected = Redirect {
        status: 301,
        protocol: "HTTPS".to_owned(),
        host: "#{host}".to_owned(),
        port: "443".to_owned(),
        path: "/#{path}".to_owned(),
        query: "#{query}".to_owned(),
    };
    assert_eq!(read, [Action::Redirect(expected)]);
}

#[test]
fn actions_that_no_proxy_can_do_make_the_whole_rule_unreadable() {
    let cognito = json!([
        { "Type": "authenticate-cognito", "Order": 1 },
        { "Type": "forward", "Order": 2, "TargetGroupArn": "a" },
    ]);
    assert_eq!(read_actions(cognito), None);
}

#[test]
fn transforms_keep_their_order() {
    let stored: Vec<RuleTransform> = serde_json::from_value(json!([
        { "Type": "url-rewrite", "UrlRewriteConfig": { "Rewrites": [{ "Regex": "^/a", "Replace": "/b" }] } },
        { "Type": "host-header-rewrite", "HostHeaderRewriteConfig": { "Rewrites": [{ "Regex": "x", "Replace": "y" }] } },
    ]))
    .unwrap();
    assert!(matches!(
        &transforms(&stored)[..],
        [Transform::UrlRewrite { rewrites }, Transform::HostHeaderRewrite { .. }] if rewrites[0].replace == "/b"
    ));
}
