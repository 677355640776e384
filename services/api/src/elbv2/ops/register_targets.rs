use std::collections::BTreeMap;
use std::net::IpAddr;

use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{RegisterTargetsInput, RegisterTargetsOutput, TargetDescription};
use store::target_groups::TargetGroupRow;
use store::targets::{self, NewTarget};
use store::{Tx, Wake};

use crate::elbv2::attributes::invalid_configuration;
use crate::elbv2::{find, limits};
use crate::{Context, Error, Result};

/// RegisterTargets: all or none. One that is registered stays, one that drains begins anew (LB-14, LB-19).
pub async fn register_targets(cx: &Context, input: RegisterTargetsInput) -> Result<RegisterTargetsOutput> {
    if input.targets.is_empty() {
        return Err(Error::validation("At least one target must be specified"));
    }
    let mut tx = cx.db().begin().await?;
    let group = find::hold_target_group(cx, &mut tx, &input.target_group_arn).await?;
    let targets = match group.target_type.as_str() {
        "ip" => addresses(&group, input.targets)?,
        _ => instances(cx, &mut tx, &group, input.targets).await?,
    };
    targets::register(&mut tx, &group.arn, &targets, cx.now()).await?;
    check_limits(cx, &mut tx, &group, &targets).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(RegisterTargetsOutput {})
}

fn addresses(group: &TargetGroupRow, given: Vec<TargetDescription>) -> Result<Vec<NewTarget>> {
    let wants_ipv6 = group.ip_address_type == "ipv6";
    let mut targets = Vec::new();
    for target in given {
        let version = if wants_ipv6 { "IPv6" } else { "IPv4" };
        let address: Option<IpAddr> = target.id.parse().ok();
        let Some(address) = address.filter(|address| address.is_ipv6() == wants_ipv6) else {
            let text = format!("The IP address '{}' is not a valid {version} address", target.id);
            return Err(Error::validation(text));
        };
        if target
            .availability_zone
            .as_deref()
            .is_some_and(|zone| zone.is_empty() || zone.len() > 255)
        {
            return Err(Error::validation(
                "The Availability Zone of a target is not valid",
            ));
        }
        targets.push(NewTarget {
            id: address.to_string(),
            port: port(group, &target)?,
            availability_zone: target.availability_zone,
            address: Some(address),
        });
    }
    Ok(targets)
}

/// Instances are container instances: by their EC2 instance id, or by the one that Berth derives.
async fn instances(
    cx: &Context,
    tx: &mut Tx,
    group: &TargetGroupRow,
    given: Vec<TargetDescription>,
) -> Result<Vec<NewTarget>> {
    let mut ids = Vec::new();
    for target in &given {
        if !is_instance_id(&target.id) {
            let text = format!("Instance ID '{}' is not valid", target.id);
            return Err(Error::validation(text));
        }
        if target.availability_zone.is_some() {
            return Err(Error::validation(
                "An Availability Zone cannot be specified for targets of target groups with target type 'instance'",
            ));
        }
        if !ids.contains(&target.id) {
            ids.push(target.id.clone());
        }
    }
    let known: BTreeMap<String, Option<IpAddr>> = targets::instance_addresses(tx, &cx.scope, &ids).await?;
    let unknown: Vec<String> = ids
        .iter()
        .filter(|id| !known.contains_key(*id))
        .map(|id| format!("'{id}'"))
        .collect();
    if !unknown.is_empty() {
        return Err(Error::new(
            ErrorCode::InvalidTargetException,
            format!("The following instances do not exist: {}", unknown.join(", ")),
        ));
    }
    given
        .into_iter()
        .map(|target| {
            Ok(NewTarget {
                port: port(group, &target)?,
                availability_zone: None,
                address: known.get(&target.id).copied().flatten(),
                id: target.id,
            })
        })
        .collect()
}

/// `i-` and 8 or 17 hex digits.
fn is_instance_id(text: &str) -> bool {
    text.strip_prefix("i-").is_some_and(|digits| {
        [8, 17].contains(&digits.len())
            && digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

/// The target's port, or the group's.
fn port(group: &TargetGroupRow, target: &TargetDescription) -> Result<i32> {
    if target.quic_server_id.is_some() {
        return Err(invalid_configuration(
            "A QUIC server ID can only be specified for target groups with the QUIC or TCP_QUIC protocol",
        ));
    }
    Ok(target.port.unwrap_or(group.default_port()))
}

/// LB-41, with the new targets counted.
async fn check_limits(cx: &Context, tx: &mut Tx, group: &TargetGroupRow, new: &[NewTarget]) -> Result<()> {
    let ids: Vec<String> = new.iter().map(|target| target.id.clone()).collect();
    let (total, by_id) = targets::counts(tx, &cx.scope, &group.arn, &ids).await?;
    if total > limits::TARGETS_PER_TARGET_GROUP {
        return Err(Error::new(
            ErrorCode::TooManyTargetsException,
            format!(
                "The maximum number of targets that can be registered with a target group is {}",
                limits::TARGETS_PER_TARGET_GROUP
            ),
        ));
    }
    match by_id
        .iter()
        .find(|(_, count)| *count > limits::REGISTRATIONS_PER_TARGET)
    {
        None => Ok(()),
        Some((id, _)) => Err(Error::new(
            ErrorCode::TooManyRegistrationsForTargetIdException,
            format!(
                "The target '{id}' is registered the maximum number of times, which is {}",
                limits::REGISTRATIONS_PER_TARGET
            ),
        )),
    }
}
