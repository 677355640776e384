//! Listeners and rules as answers show them.

use aws_model::elbv2::types::{Certificate, Listener, Rule};
use store::listeners::ListenerRow;
use store::rules::RuleRow;

use super::actions;

/// A listener. Its SNI certificates are shown by DescribeListenerCertificates only.
pub fn listener(row: ListenerRow) -> Listener {
    let certificate = row.certificate_arn.map(|arn| Certificate {
        certificate_arn: Some(arn),
        is_default: None,
    });
    Listener {
        listener_arn: Some(row.arn),
        load_balancer_arn: Some(row.load_balancer_arn),
        port: Some(row.port),
        protocol: row.protocol.parse().ok(),
        certificates: certificate.map(|certificate| vec![certificate]),
        ssl_policy: row.ssl_policy,
        default_actions: Some(actions::shown(row.default_actions.0)),
        alpn_policy: row.alpn_policy.map(|policy| vec![policy]),
        mutual_authentication: row.mutual.map(|mutual| mutual.0),
    }
}

/// A rule; the default one has the priority `default` and no conditions.
pub fn rule(row: RuleRow) -> Rule {
    Rule {
        rule_arn: Some(row.arn),
        priority: Some(match row.priority {
            Some(priority) => priority.to_string(),
            None => "default".to_owned(),
        }),
        conditions: Some(row.conditions.0),
        actions: Some(actions::shown(row.actions.0)),
        is_default: Some(row.priority.is_none()),
        transforms: Some(row.transforms.0),
    }
}
