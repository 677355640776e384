//! Stickiness cookies with ELB's names (LB-34). Their values are made of fingerprints: the same on every proxy and after every restart,
//! and of no use for anything but coming back to the same target.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use routing::attributes::Stickiness;

use crate::http::head::{Fields, Known};
use crate::state::{Group, GroupView, LiveTarget, fingerprint};

pub const TARGET: &str = "AWSALB";
pub const TARGET_CROSS_SITE: &str = "AWSALBCORS";
pub const GROUP: &str = "AWSALBTG";
pub const GROUP_CROSS_SITE: &str = "AWSALBTGCORS";
pub const APPLICATION: &str = "AWSALBAPP-0";

/// A cookie's value in a request; the last of that name counts.
pub fn cookie<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let pairs = fields
        .all(Known::Cookie)
        .flat_map(|value| value.split(|byte| *byte == b';'));
    let mut values = pairs.filter_map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?.trim_ascii();
        let (key, value) = pair.split_once('=')?;
        (key == name).then_some(value)
    });
    let mut last = values.next()?;
    for value in values {
        last = value;
    }
    Some(last)
}

/// The group that a client was given before, if it still gets requests.
pub fn group<'a>(fields: &Fields, groups: &'a [(u32, Arc<Group>)]) -> Option<&'a Arc<Group>> {
    let value = cookie(fields, GROUP).or_else(|| cookie(fields, GROUP_CROSS_SITE))?;
    let mut weighted = groups.iter().filter(|(weight, _)| *weight > 0);
    weighted
        .find(|(_, group)| value == group_value(group))
        .map(|(_, group)| group)
}

/// The target that a client was given before, if it takes requests now.
pub fn target(fields: &Fields, group: &Group, view: &GroupView) -> Option<Arc<LiveTarget>> {
    let value = match view.config.as_ref()?.attributes.stickiness.as_ref()? {
        Stickiness::LbCookie { .. } => {
            cookie(fields, TARGET).or_else(|| cookie(fields, TARGET_CROSS_SITE))?
        }
        // Without the application's cookie its session is over.
        Stickiness::AppCookie { name, .. } => cookie(fields, name).and(cookie(fields, APPLICATION))?,
        Stickiness::SourceIp => return None,
    };
    let mut eligible = view.eligible.iter();
    eligible
        .find(|target| value == target_value(group, target))
        .cloned()
}

/// Gives the Set-Cookie values for a response that came from `target`.
pub fn set_cookies(
    response: &Fields,
    group: &Group,
    view: &GroupView,
    target: &LiveTarget,
    now: DateTime<Utc>,
    mut emit: impl FnMut(&str),
) {
    let Some(stickiness) = view
        .config
        .as_ref()
        .and_then(|config| config.attributes.stickiness.as_ref())
    else {
        return;
    };
    match stickiness {
        Stickiness::LbCookie { duration_seconds } => {
            let value = target_value(group, target);
            let expires = expires(now, *duration_seconds);
            emit(&format!("{TARGET}={value}; Expires={expires}; Path=/"));
            emit(&format!(
                "{TARGET_CROSS_SITE}={value}; Expires={expires}; Path=/; SameSite=None; Secure"
            ));
        }
        Stickiness::AppCookie {
            name,
            duration_seconds,
        } => {
            let sets = |value: &[u8]| {
                value
                    .strip_prefix(name.as_bytes())
                    .is_some_and(|rest| rest.starts_with(b"="))
            };
            if response.all(Known::SetCookie).any(sets) {
                let value = target_value(group, target);
                emit(&format!(
                    "{APPLICATION}={value}; Expires={}; Path=/",
                    expires(now, *duration_seconds)
                ));
            }
        }
        Stickiness::SourceIp => {}
    }
}

/// Gives the Set-Cookie values that keep a client with its group.
pub fn set_group_cookies(group: &Group, seconds: u32, now: DateTime<Utc>, mut emit: impl FnMut(&str)) {
    let value = group_value(group);
    let expires = expires(now, seconds);
    emit(&format!("{GROUP}={value}; Expires={expires}; Path=/"));
    emit(&format!(
        "{GROUP_CROSS_SITE}={value}; Expires={expires}; Path=/; SameSite=None; Secure"
    ));
}

fn target_value(group: &Group, target: &LiveTarget) -> String {
    sealed(group.fingerprint, target.fingerprint)
}

fn group_value(group: &Group) -> String {
    sealed(group.fingerprint, 0)
}

fn sealed(group: u64, target: u64) -> String {
    let one = fingerprint(&[&group.to_be_bytes(), &target.to_be_bytes()]);
    let other = fingerprint(&[&one.to_be_bytes(), &group.to_be_bytes()]);
    format!("{one:016x}{other:016x}")
}

fn expires(now: DateTime<Utc>, seconds: u32) -> String {
    let at = now + TimeDelta::seconds(i64::from(seconds));
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
