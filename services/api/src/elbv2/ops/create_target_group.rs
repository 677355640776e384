use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{
    CreateTargetGroupInput, CreateTargetGroupOutput, ProtocolEnum, TargetGroupIpAddressTypeEnum,
    TargetTypeEnum,
};
use domain::elb::{NameFlaw, check_name};
use store::Wake;
use store::load_balancers::Created;
use store::target_groups::{self, KeptTargetGroup, NewTargetGroup, TargetGroupRow};

use crate::elbv2::attributes::invalid_configuration;
use crate::elbv2::attributes::target_group::Subject;
use crate::elbv2::health_check::{self, Given, Group};
use crate::elbv2::view::target_group;
use crate::elbv2::{ids, limits, tags};
use crate::{Context, Error, Result};

/// CreateTargetGroup: makes a target group, or returns the one of that name and these settings (LB-11, LB-14, LB-15).
pub async fn create_target_group(
    cx: &Context,
    input: CreateTargetGroupInput,
) -> Result<CreateTargetGroupOutput> {
    checked_name(&input.name)?;
    let tags = tags::checked(input.tags.clone())?;
    let new = prepared(cx, input, tags)?;
    let mut tx = cx.db().begin().await?;
    let row = match target_groups::create(&mut tx, &cx.scope, &new, limits::TARGET_GROUPS, cx.now()).await? {
        Created::New(row) => {
            cx.db().commit(tx, [Wake::Routes]).await?;
            row
        }
        Created::Exists(row) => {
            tx.rollback().await.map_err(Error::server)?;
            if !same(&row, &new) || !tags::all_present(cx, &row.arn, &new.tags).await? {
                return Err(Error::new(
                    ErrorCode::DuplicateTargetGroupNameException,
                    format!(
                        "A target group with the same name '{}' exists, but with different settings",
                        new.name
                    ),
                ));
            }
            row
        }
        Created::LimitReached => {
            return Err(Error::new(
                ErrorCode::TooManyTargetGroupsException,
                format!(
                    "You have reached the limit of {} target groups",
                    limits::TARGET_GROUPS
                ),
            ));
        }
    };
    Ok(CreateTargetGroupOutput {
        target_groups: Some(target_group::target_groups(cx, vec![row]).await?),
    })
}

fn checked_name(name: &str) -> Result<()> {
    check_name(name, false).map_err(|flaw| {
        Error::validation(match flaw {
            NameFlaw::TooLong => format!("Target group name '{name}' cannot be longer than '32' characters"),
            NameFlaw::Hyphen => format!("Target group name '{name}' cannot begin or end with a hyphen(-)"),
            NameFlaw::Characters | NameFlaw::Internal => format!(
                "Target group name '{name}' can only contain characters that are alphanumeric characters or hyphens(-)"
            ),
        })
    })
}

/// Checks the request and fills in what it leaves open.
fn prepared(
    cx: &Context,
    input: CreateTargetGroupInput,
    tags: Vec<store::tags::Tag>,
) -> Result<NewTargetGroup> {
    let target_type = input.target_type.unwrap_or(TargetTypeEnum::Instance);
    if !matches!(target_type, TargetTypeEnum::Instance | TargetTypeEnum::Ip) {
        return Err(invalid_configuration(format!(
            "Target type '{target_type}' is not supported by Berth; supported are 'instance' and 'ip'"
        )));
    }
    let protocol = input
        .protocol
        .ok_or_else(|| Error::validation("A protocol must be specified"))?;
    if matches!(
        protocol,
        ProtocolEnum::Geneve | ProtocolEnum::Quic | ProtocolEnum::TcpQuic
    ) {
        return Err(invalid_configuration(format!(
            "Target groups with the {protocol} protocol are not supported by Berth"
        )));
    }
    let port = input
        .port
        .ok_or_else(|| Error::validation("A port must be specified"))?;
    let vpc_id = input
        .vpc_id
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Error::validation("A VPC ID must be specified"))?;
    let protocol_version = checked_version(protocol, input.protocol_version)?;
    let group = Group {
        protocol: protocol.as_str(),
        is_grpc: protocol_version.as_deref() == Some("GRPC"),
    };
    let given = Given {
        protocol: input.health_check_protocol,
        port: input.health_check_port,
        enabled: input.health_check_enabled,
        path: input.health_check_path,
        interval_seconds: input.health_check_interval_seconds,
        timeout_seconds: input.health_check_timeout_seconds,
        healthy_threshold: input.healthy_threshold_count,
        unhealthy_threshold: input.unhealthy_threshold_count,
        matcher: input.matcher,
    };
    let checked = health_check::created(group, given)?;
    let subject = Subject {
        protocol: protocol.to_string(),
        is_ip: target_type == TargetTypeEnum::Ip,
    };
    let ip_address_type = input
        .ip_address_type
        .unwrap_or(TargetGroupIpAddressTypeEnum::Ipv4);
    Ok(NewTargetGroup {
        arn: cx.scope.target_group_arn(&input.name, ids::new_id(cx)),
        name: input.name,
        target_type: target_type.to_string(),
        protocol: protocol.to_string(),
        protocol_version,
        port,
        vpc_id,
        ip_address_type: ip_address_type.to_string(),
        health_check: checked.check,
        attributes: subject.initial(),
        kept: KeptTargetGroup {
            matcher: checked.matcher,
            target_control_port: input.target_control_port,
        },
        tags,
    })
}

/// The protocol version of an HTTP or HTTPS group; others have none (LB-14).
fn checked_version(protocol: ProtocolEnum, given: Option<String>) -> Result<Option<String>> {
    let is_http = matches!(protocol, ProtocolEnum::Http | ProtocolEnum::Https);
    match given {
        None => Ok(is_http.then(|| "HTTP1".to_owned())),
        Some(version) if !["HTTP1", "HTTP2", "GRPC"].contains(&version.as_str()) => Err(Error::validation(
            format!("Protocol version '{version}' must be one of 'HTTP1, HTTP2, GRPC'"),
        )),
        Some(_) if !is_http => Err(invalid_configuration(format!(
            "Protocol version is not supported for target groups with the {protocol} protocol"
        ))),
        version => Ok(version),
    }
}

/// Whether a creation with these settings would make this group again.
fn same(row: &TargetGroupRow, new: &NewTargetGroup) -> bool {
    row.target_type == new.target_type
        && row.protocol.as_deref() == Some(new.protocol.as_str())
        && row.protocol_version == new.protocol_version
        && row.port == Some(new.port)
        && row.vpc_id.as_deref() == Some(new.vpc_id.as_str())
        && row.ip_address_type == new.ip_address_type
        && row.health_check.0 == new.health_check
        && row.kept.0 == new.kept
}
