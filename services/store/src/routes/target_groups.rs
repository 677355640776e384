//! Target groups with their targets, each read in one statement.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use routing::health::{Standing, shown};
use routing::snapshot::{ProtocolVersion, TargetProtocol, WakePolicy};
use routing::{Health, HealthCheck, HealthReason, HealthState, Target, TargetGroup};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::types::Json;

use super::attributes;
use crate::{Db, Result};

#[derive(sqlx::FromRow)]
struct Row {
    arn: String,
    name: String,
    revision: i64,
    protocol: String,
    protocol_version: Option<String>,
    health_check: Json<Value>,
    attributes: Json<BTreeMap<String, String>>,
    targets: Json<Vec<Value>>,
    held_requests: Option<i32>,
    hold_seconds: Option<i32>,
}

#[derive(Deserialize)]
struct StoredTarget {
    id: String,
    port: u16,
    address: Option<IpAddr>,
    registered_at: DateTime<Utc>,
    draining_until: Option<DateTime<Utc>>,
    state: String,
    reason: Option<String>,
    description: Option<String>,
    healthy_since: Option<DateTime<Utc>>,
}

/// The target groups with these ARNs, of all accounts, as proxies that use them see them. Groups that are not there are left out, and
/// so are those that no proxy can serve (of functions, or of other protocols).
pub async fn target_groups(db: &Db, arns: &[String]) -> Result<Vec<TargetGroup>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT g.arn, g.name, g.revision, g.protocol, g.protocol_version, g.health_check, g.attributes, \
             coalesce((SELECT jsonb_agg(jsonb_build_object('id', t.target_id, 'port', t.port, 'address', host(t.address), \
                 'registered_at', t.registered_at, 'draining_until', t.draining_until, 'state', t.health_state, \
                 'reason', t.health_reason, 'description', t.health_description, 'healthy_since', t.healthy_since) \
                 ORDER BY t.registered_at, t.target_id, t.port) FROM targets t WHERE t.target_group_arn = g.arn), '[]') AS targets, \
             z.held_requests, z.hold_seconds \
         FROM target_groups g LEFT JOIN LATERAL (SELECT z.held_requests, z.hold_seconds FROM sleepers z WHERE EXISTS ( \
             SELECT 1 FROM deployments d, jsonb_array_elements(d.spec->'load_balancers') b \
             WHERE d.service_id = z.service_id AND d.status <> 'INACTIVE' AND b->>'targetGroupArn' = g.arn) LIMIT 1) z ON true \
         WHERE g.arn = ANY($1) AND g.protocol IS NOT NULL",
    )
    .bind(arns)
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().filter_map(group).collect())
}

fn group(row: Row) -> Option<TargetGroup> {
    let protocol = match row.protocol.as_str() {
        "HTTP" => TargetProtocol::Http,
        "HTTPS" => TargetProtocol::Https,
        "TCP" => TargetProtocol::Tcp,
        "TLS" => TargetProtocol::Tls,
        "UDP" => TargetProtocol::Udp,
        "TCP_UDP" => TargetProtocol::TcpUdp,
        _ => return None,
    };
    let health_check: HealthCheck = read(&row.arn, row.health_check.0)?;
    let checked = health_check.enabled;
    let amount = |count: i32| u32::try_from(count).unwrap_or(0);
    let wake = row
        .held_requests
        .zip(row.hold_seconds)
        .map(|(held, hold)| WakePolicy {
            held_requests: amount(held),
            hold_seconds: amount(hold),
        });
    let targets = row.targets.0.into_iter();
    let targets = targets.filter_map(|value| Some(target(read(&row.arn, value)?, checked)));
    Some(TargetGroup {
        targets: targets.collect(),
        arn: row.arn,
        name: row.name,
        revision: row.revision,
        protocol,
        protocol_version: match row.protocol_version.as_deref() {
            Some("HTTP2") => ProtocolVersion::Http2,
            Some("GRPC") => ProtocolVersion::Grpc,
            _ => ProtocolVersion::Http1,
        },
        health_check,
        attributes: attributes::target_group(&row.attributes, protocol),
        wake,
    })
}

/// What is kept as JSON; what cannot be read is left out, and harms no other group.
fn read<T: DeserializeOwned>(group: &str, value: Value) -> Option<T> {
    let read = serde_json::from_value(value);
    read.inspect_err(|error| tracing::error!(group, %error, "a part of a target group cannot be read"))
        .ok()
}

fn target(stored: StoredTarget, checked: bool) -> Target {
    let standing = Standing {
        in_use: true,
        checked,
        reachable: stored.address.is_some(),
        draining: stored.draining_until.is_some(),
    };
    let observed = Health {
        state: HealthState::from_name(&stored.state).unwrap_or(HealthState::Initial),
        reason: stored.reason.as_deref().and_then(HealthReason::from_name),
        description: stored.description,
    };
    Target {
        id: stored.id,
        port: stored.port,
        address: stored.address,
        registered_at: stored.registered_at,
        draining_until: stored.draining_until,
        health: shown(standing, &observed),
        healthy_since: stored.healthy_since,
    }
}
