//! Tags as requests and replies carry them (TG-01).

use std::collections::BTreeMap;

use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::Tag;
use domain::ElbKind;

use crate::elbv2::find::{not_found, noun};
use crate::{Context, Error, Result};

/// User tags that a resource may have.
const LIMIT: usize = 50;
/// Resources that one call may name.
const RESOURCES_PER_CALL: usize = 20;

/// Checks the tags of a request and turns them into the store's.
///
/// # Errors
/// ValidationError for a reserved prefix, DuplicateTagKeys, TooManyTags. Lengths and letters are checked with the request's shape.
pub fn checked(tags: Option<Vec<Tag>>) -> Result<Vec<store::tags::Tag>> {
    let mut seen = BTreeMap::new();
    for tag in tags.unwrap_or_default() {
        check_key(&tag.key)?;
        if seen
            .insert(tag.key.clone(), tag.value.unwrap_or_default())
            .is_some()
        {
            return Err(Error::new(
                ErrorCode::DuplicateTagKeysException,
                format!("Tag key was specified more than once: {}", tag.key),
            ));
        }
    }
    if seen.len() > LIMIT {
        return Err(too_many());
    }
    Ok(seen
        .into_iter()
        .map(|(key, value)| store::tags::Tag { key, value })
        .collect())
}

fn check_key(key: &str) -> Result<()> {
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(Error::validation(
            "aws: prefixed tag key names are not allowed for external use",
        ));
    }
    Ok(())
}

fn too_many() -> Error {
    Error::new(
        ErrorCode::TooManyTagsException,
        format!("The maximum number of tags that can be assigned to a resource is {LIMIT}"),
    )
}

/// What these ARNs name, each once.
///
/// # Errors
/// ValidationError for what is no ARN of load balancing, or for none or more than 20.
pub fn targets(arns: Vec<String>) -> Result<Vec<(ElbKind, String)>> {
    if arns.is_empty() {
        return Err(Error::validation("At least one resource ARN must be specified"));
    }
    if arns.len() > RESOURCES_PER_CALL {
        return Err(Error::validation(format!(
            "The number of resources in a call cannot exceed {RESOURCES_PER_CALL}"
        )));
    }
    let mut targets: Vec<(ElbKind, String)> = Vec::new();
    for arn in arns {
        let kind =
            ElbKind::of_arn(&arn).ok_or_else(|| Error::validation(format!("'{arn}' is not a valid ARN")))?;
        if !targets.iter().any(|(_, other)| *other == arn) {
            targets.push((kind, arn));
        }
    }
    Ok(targets)
}

/// Sets tags of resources, all or none.
pub async fn add(cx: &Context, arns: Vec<String>, tags: Vec<Tag>) -> Result<()> {
    let mut targets = targets(arns)?;
    let tags = checked(Some(tags))?;
    // Everybody takes the locks in this order.
    targets.sort();
    let mut tx = cx.db().begin().await?;
    for (kind, arn) in &targets {
        hold(cx, &mut tx, *kind, arn).await?;
        let mut keys = store::tags::keys_locked(&mut tx, &cx.scope, arn).await?;
        keys.extend(tags.iter().map(|tag| tag.key.clone()));
        keys.sort();
        keys.dedup();
        if keys.iter().filter(|key| !key.starts_with("aws:")).count() > LIMIT {
            return Err(too_many());
        }
        store::tags::set(&mut tx, &cx.scope, arn, &tags).await?;
    }
    Ok(cx.db().commit(tx, []).await?)
}

/// Takes tags away from resources, all or none.
pub async fn remove(cx: &Context, arns: Vec<String>, keys: &[String]) -> Result<()> {
    let mut targets = targets(arns)?;
    for key in keys {
        check_key(key)?;
    }
    targets.sort();
    let mut tx = cx.db().begin().await?;
    for (kind, arn) in &targets {
        hold(cx, &mut tx, *kind, arn).await?;
        store::tags::remove(&mut tx, &cx.scope, arn, keys).await?;
    }
    Ok(cx.db().commit(tx, []).await?)
}

async fn hold(cx: &Context, tx: &mut store::Tx, kind: ElbKind, arn: &str) -> Result<()> {
    match store::elb_resources::hold(tx, &cx.scope, kind, arn).await? {
        true => Ok(()),
        false => Err(not_found(kind, arn)),
    }
}

/// The tags of resources, in the order in which they are named.
///
/// # Errors
/// The NotFound of the first one that does not exist.
pub async fn of(cx: &Context, arns: Vec<String>) -> Result<Vec<(String, Vec<Tag>)>> {
    let targets = targets(arns)?;
    for kind in [
        ElbKind::LoadBalancer,
        ElbKind::TargetGroup,
        ElbKind::Listener,
        ElbKind::Rule,
        ElbKind::TrustStore,
    ] {
        let wanted: Vec<String> = targets
            .iter()
            .filter(|(other, _)| *other == kind)
            .map(|(_, arn)| arn.clone())
            .collect();
        let found = match wanted.is_empty() {
            true => continue,
            false => store::elb_resources::existing(cx.db(), &cx.scope, kind, &wanted).await?,
        };
        if let Some(missing) = wanted.iter().find(|arn| !found.contains(*arn)) {
            return Err(match wanted.len() {
                1 => not_found(kind, missing),
                _ => Error::new(
                    not_found(kind, missing).code,
                    format!("One or more {}s not found", noun(kind)),
                ),
            });
        }
    }
    let arns: Vec<String> = targets.into_iter().map(|(_, arn)| arn).collect();
    let mut tags = store::tags::of(cx.db(), &cx.scope, &arns).await?;
    Ok(arns
        .into_iter()
        .map(|arn| {
            let tags = tags.remove(&arn).unwrap_or_default();
            (arn, shown(tags))
        })
        .collect())
}

/// Tags as replies carry them.
fn shown(tags: Vec<store::tags::Tag>) -> Vec<Tag> {
    tags.into_iter()
        .map(|tag| Tag {
            key: tag.key,
            value: Some(tag.value),
        })
        .collect()
}

/// Whether a resource has each of these tags: a repeated creation must not drop tags silently (LB-11).
pub async fn all_present(cx: &Context, arn: &str, tags: &[store::tags::Tag]) -> Result<bool> {
    if tags.is_empty() {
        return Ok(true);
    }
    let mut present = store::tags::of(cx.db(), &cx.scope, &[arn.to_owned()]).await?;
    let present = present.remove(arn).unwrap_or_default();
    Ok(tags.iter().all(|tag| present.contains(tag)))
}
