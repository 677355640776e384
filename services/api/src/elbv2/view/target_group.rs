//! Target groups in replies.

use std::collections::BTreeMap;

use aws_model::elbv2::types::{Matcher, ProtocolEnum, TargetGroup};
use routing::health::{self, CheckProtocol};
use store::target_groups::TargetGroupRow;

use crate::elbv2::health_check::{Checked, TRAFFIC_PORT};
use crate::{Context, Result};

/// A group with the load balancers that it is on.
fn shown(row: TargetGroupRow, load_balancers: Vec<String>) -> TargetGroup {
    let check = row.health_check.0;
    let is_tcp = check.protocol == CheckProtocol::Tcp;
    let number = |number: u32| i32::try_from(number).ok();
    TargetGroup {
        target_group_arn: Some(row.arn),
        target_group_name: Some(row.name),
        protocol: row.protocol.as_deref().and_then(|text| text.parse().ok()),
        port: row.port,
        vpc_id: row.vpc_id,
        health_check_protocol: Some(match check.protocol {
            CheckProtocol::Http => ProtocolEnum::Http,
            CheckProtocol::Https => ProtocolEnum::Https,
            CheckProtocol::Tcp => ProtocolEnum::Tcp,
        }),
        health_check_port: Some(check_port(check.port)),
        health_check_enabled: Some(check.enabled),
        health_check_interval_seconds: number(check.interval_seconds),
        health_check_timeout_seconds: number(check.timeout_seconds),
        healthy_threshold_count: number(check.healthy_threshold),
        unhealthy_threshold_count: number(check.unhealthy_threshold),
        health_check_path: (!is_tcp).then_some(check.path),
        matcher: row
            .kept
            .0
            .matcher
            .filter(|_| !is_tcp)
            .map(|codes| match check.matcher {
                health::Matcher::HttpCodes(_) => Matcher {
                    http_code: Some(codes),
                    grpc_code: None,
                },
                health::Matcher::GrpcCodes(_) => Matcher {
                    http_code: None,
                    grpc_code: Some(codes),
                },
            }),
        load_balancer_arns: Some(load_balancers),
        target_type: row.target_type.parse().ok(),
        protocol_version: row.protocol_version,
        ip_address_type: row.ip_address_type.parse().ok(),
        target_control_port: row.kept.0.target_control_port,
    }
}

/// The port of a health check in words.
pub fn check_port(port: Option<u16>) -> String {
    port.map_or_else(|| TRAFFIC_PORT.to_owned(), |port| port.to_string())
}

/// A group's health check with the text of its codes.
pub fn checked(row: &TargetGroupRow) -> Checked {
    Checked {
        check: row.health_check.0.clone(),
        matcher: row.kept.0.matcher.clone(),
    }
}

/// Groups with the load balancers that they are on.
pub async fn target_groups(cx: &Context, rows: Vec<TargetGroupRow>) -> Result<Vec<TargetGroup>> {
    let arns: Vec<String> = rows.iter().map(|row| row.arn.clone()).collect();
    let mut balancers: BTreeMap<String, Vec<String>> =
        store::target_groups::load_balancers_of(cx.db(), &arns).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let on = balancers.remove(&row.arn).unwrap_or_default();
            shown(row, on)
        })
        .collect())
}
