//! Whether actions may name the target groups that they name (LB-14, LB-41).

use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::Action;
use domain::Scope;
use store::Tx;
use store::listeners::BalancerHead;
use store::rules::{self, GroupFacts};

use crate::elbv2::limits;
use crate::{Error, Result};

/// Checks normalised actions of a rule against what is there; the balancer is locked. The groups stay as they are until the
/// transaction ends.
///
/// # Errors
/// TargetGroupNotFound, IncompatibleProtocols, TargetGroupAssociationLimit, TooManyUniqueTargetGroupsPerLoadBalancer.
pub async fn check_groups(
    tx: &mut Tx,
    scope: &Scope,
    balancer: &BalancerHead,
    protocol: &str,
    rule_arn: &str,
    actions: &[Action],
) -> Result<()> {
    let named: Vec<String> = rules::named(actions).into_iter().collect();
    if named.is_empty() {
        return Ok(());
    }
    let found = rules::lock_groups(tx, scope, &named).await?;
    let is_missing = |arn: &&String| !found.iter().any(|group| group.arn == **arn);
    let missing: Vec<&str> = named.iter().filter(is_missing).map(String::as_str).collect();
    if !missing.is_empty() {
        return Err(Error::new(
            ErrorCode::TargetGroupNotFoundException,
            format!("Target groups '{}' not found", missing.join(", ")),
        ));
    }
    check_protocols(protocol, &found)?;
    let elsewhere = rules::other_balancers(tx, &balancer.arn, &named).await?;
    if !elsewhere.is_empty() {
        return Err(Error::new(
            ErrorCode::TargetGroupAssociationLimitException,
            format!(
                "The following target groups cannot be associated with more than one load balancer: {}",
                elsewhere.join(", ")
            ),
        ));
    }
    let mut all = rules::groups_of_balancer(tx, &balancer.arn, rule_arn).await?;
    all.extend(named);
    match all.len() > limits::GROUPS_IN_USE {
        true => Err(Error::new(
            ErrorCode::TooManyUniqueTargetGroupsPerLoadBalancerException,
            format!(
                "A load balancer cannot have more than '{}' target groups",
                limits::GROUPS_IN_USE
            ),
        )),
        false => Ok(()),
    }
}

/// Whether a listener of this protocol can forward to these groups.
///
/// # Errors
/// IncompatibleProtocols.
pub fn check_protocols(listener: &str, groups: &[GroupFacts]) -> Result<()> {
    for group in groups {
        let protocol = group.protocol.as_deref().unwrap_or_default();
        let fits = match listener {
            "HTTP" | "HTTPS" => matches!(protocol, "HTTP" | "HTTPS"),
            "TCP" => matches!(protocol, "TCP" | "TCP_UDP"),
            "TLS" => matches!(protocol, "TCP" | "TLS"),
            "UDP" => matches!(protocol, "UDP" | "TCP_UDP"),
            "TCP_UDP" => protocol == "TCP_UDP",
            _ => false,
        };
        if !fits {
            return Err(Error::new(
                ErrorCode::IncompatibleProtocolsException,
                format!(
                    "The listener protocol '{listener}' is not compatible with the protocol '{protocol}' of target group '{}'",
                    group.arn
                ),
            ));
        }
        let version = group.protocol_version.as_deref().unwrap_or("HTTP1");
        if listener == "HTTP" && version != "HTTP1" {
            return Err(Error::new(
                ErrorCode::IncompatibleProtocolsException,
                format!(
                    "Listener protocol 'HTTP' is not supported with a target group with the protocol-version setting '{version}'"
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(protocol: &str, version: Option<&str>) -> GroupFacts {
        GroupFacts {
            arn: "arn".to_owned(),
            target_type: "ip".to_owned(),
            protocol: Some(protocol.to_owned()),
            protocol_version: version.map(str::to_owned),
            vpc_id: None,
        }
    }

    #[test]
    fn lb14_listeners_forward_to_groups_of_protocols_they_can_speak() {
        let fits =
            |listener: &str, protocol: &str| check_protocols(listener, &[group(protocol, None)]).is_ok();
        for (listener, good) in [
            ("HTTP", &["HTTP", "HTTPS"][..]),
            ("HTTPS", &["HTTP", "HTTPS"]),
            ("TCP", &["TCP", "TCP_UDP"]),
            ("TLS", &["TCP", "TLS"]),
            ("UDP", &["UDP", "TCP_UDP"]),
            ("TCP_UDP", &["TCP_UDP"]),
        ] {
            for protocol in ["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP"] {
                assert_eq!(
                    fits(listener, protocol),
                    good.contains(&protocol),
                    "{listener} to {protocol}"
                );
            }
        }
        assert!(check_protocols("HTTPS", &[group("HTTP", Some("GRPC"))]).is_ok());
        assert!(check_protocols("HTTP", &[group("HTTP", Some("GRPC"))]).is_err());
    }
}
