//! The line of a request to an application balancer (LB-38).

use std::fmt::Write;

use chrono::TimeDelta;

use super::text::{OrDash, Quoted, Seconds, balancer_id, quoted, time};
use crate::record::{Classification, ExecutedAction, Record, RequestKind};

/// ELB cuts user agents at 8 KB.
const LONGEST_USER_AGENT: usize = 8 * 1024;

/// One line, without its end.
pub(super) fn line(record: &Record<'_>) -> String {
    let mut line = String::with_capacity(512);
    // Writing to a string cannot fail.
    let _ = first_half(&mut line, record).and_then(|()| second_half(&mut line, record));
    line
}

/// From `type` to `ssl_protocol`.
fn first_half(line: &mut String, record: &Record<'_>) -> std::fmt::Result {
    let answered_at = record.created_at + TimeDelta::from_std(record.took).unwrap_or_default();
    let target = record.target.and_then(|target| target.address);
    write!(
        line,
        "{} {} {} {} {} {} {} {} {} {} {} {} ",
        kind(record.kind),
        time(answered_at),
        balancer_id(&record.listener.balancer.arn),
        record.client,
        OrDash(target),
        Seconds(record.request_processing),
        Seconds(record.target_processing),
        Seconds(record.response_processing),
        OrDash(record.elb_status),
        OrDash(record.target_status),
        record.received_bytes,
        record.sent_bytes,
    )?;
    let of_request = if record.method.is_empty() {
        "- - -".to_owned()
    } else {
        format!("{} {} {}", record.method, record.url, record.version)
    };
    write!(
        line,
        "{} {} {} {} ",
        Quoted(&of_request),
        quoted(record.user_agent.map(cut)),
        OrDash(record.tls.map(|tls| tls.cipher)),
        OrDash(record.tls.map(|tls| tls.protocol)),
    )
}

/// From `target_group_arn` to the end.
fn second_half(line: &mut String, record: &Record<'_>) -> std::fmt::Result {
    let actions: Vec<&str> = record.actions.iter().map(|executed| action(*executed)).collect();
    let target = record
        .target
        .and_then(|target| target.address)
        .map(|address| address.to_string());
    let target_status = record.target_status.map(|status| status.to_string());
    let tls = record.tls;
    write!(
        line,
        "{} {} {} {} {} {} {} {} {} {} {} {} {} -",
        OrDash(record.group.map(|group| &*group.arn)),
        quoted(Some(record.trace_id)),
        quoted(tls.and_then(|tls| tls.server_name.as_deref())),
        quoted(tls.and_then(|tls| tls.certificate.as_deref())),
        OrDash(record.rule_priority),
        time(record.created_at),
        quoted(Some(&actions.join(","))),
        quoted(record.redirect_url),
        quoted(record.error_reason),
        quoted(target.as_deref()),
        quoted(target_status.as_deref()),
        quoted(classification(record.classification)),
        quoted(record.classification_reason),
    )
}

fn cut(user_agent: &str) -> &str {
    let end = user_agent.floor_char_boundary(LONGEST_USER_AGENT.min(user_agent.len()));
    &user_agent[..end]
}

fn kind(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Http => "http",
        RequestKind::Https => "https",
        RequestKind::H2 => "h2",
        RequestKind::Grpcs => "grpcs",
        RequestKind::Ws => "ws",
        RequestKind::Wss => "wss",
    }
}

fn action(action: ExecutedAction) -> &'static str {
    match action {
        ExecutedAction::Authenticate => "authenticate",
        ExecutedAction::JwtValidation => "jwt-validation",
        ExecutedAction::FixedResponse => "fixed-response",
        ExecutedAction::Forward => "forward",
        ExecutedAction::Redirect => "redirect",
    }
}

fn classification(classification: Classification) -> Option<&'static str> {
    match classification {
        Classification::Compliant => None,
        Classification::Acceptable => Some("Acceptable"),
        Classification::Ambiguous => Some("Ambiguous"),
        Classification::Severe => Some("Severe"),
    }
}
