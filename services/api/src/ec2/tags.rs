//! Tags as requests give them.

use std::collections::HashSet;

use aws_model::ec2::types::{self as model, TagSpecification};
use domain::network::ResourceKind;
use store::networks::NetworkError;
use store::networks::tags::{ById, LIMIT};
use store::tags::Tag;

use super::refusal;
use crate::error::Code;
use crate::{Context, Error, Result};

const KEY_LIMIT: usize = 128;
const VALUE_LIMIT: usize = 256;
/// Most resources of one request.
const RESOURCES_LIMIT: usize = 1000;

/// Checks tags that are to be set.
///
/// # Errors
/// InvalidParameterValue for keys and values that a tag cannot have, TagLimitExceeded.
pub fn checked(tags: Vec<model::Tag>) -> Result<Vec<Tag>> {
    if tags.len() > LIMIT {
        return Err(NetworkError::TooManyTags(LIMIT).into());
    }
    let mut keys = HashSet::new();
    let mut checked = Vec::with_capacity(tags.len());
    for tag in tags {
        let key = checked_key(tag.key)?;
        let value = tag
            .value
            .ok_or_else(|| refusal::invalid_value("Tag value cannot be null. Use empty string instead."))?;
        if value.chars().count() > VALUE_LIMIT || value.contains('\0') {
            return Err(refusal::invalid_value(format!(
                "Tag value exceeds the maximum length of {VALUE_LIMIT} characters or holds a character that is not allowed"
            )));
        }
        if !keys.insert(key.clone()) {
            return Err(refusal::invalid_value(format!(
                "Duplicate tag key '{key}' specified."
            )));
        }
        checked.push(Tag { key, value });
    }
    Ok(checked)
}

/// Checks the key of a tag that is to be set or taken away.
pub fn checked_key(key: Option<String>) -> Result<String> {
    let key = key
        .filter(|key| !key.is_empty())
        .ok_or_else(|| refusal::invalid_value("Tag key cannot be null or empty."))?;
    if key.chars().count() > KEY_LIMIT || key.contains('\0') {
        return Err(refusal::invalid_value(format!(
            "Tag key exceeds the maximum length of {KEY_LIMIT} characters or holds a character that is not allowed"
        )));
    }
    if key
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
    {
        return Err(refusal::invalid_value(
            "Tag keys starting with 'aws:' are reserved for internal use",
        ));
    }
    Ok(key)
}

/// The tags of something that is made: those specified for its kind, which is the only one that may be specified.
pub fn of_new(kind: ResourceKind, specifications: Option<Vec<TagSpecification>>) -> Result<Vec<Tag>> {
    let mut tags = Vec::new();
    for specification in specifications.unwrap_or_default() {
        let named = specification
            .resource_type
            .ok_or_else(|| refusal::invalid_value("Tag specification resource type must have a value"))?;
        if Some(named.as_str()) != kind.resource_type() {
            return Err(refusal::invalid_value(format!(
                "'{named}' is not a valid taggable resource type for this operation."
            )));
        }
        let given = specification.tags.unwrap_or_default();
        if given.is_empty() {
            return Err(refusal::invalid_value(
                "Tag specification must have at least one tag",
            ));
        }
        tags.extend(given);
    }
    checked(tags)
}

/// The things that a request names, each by its kind.
///
/// # Errors
/// InvalidID for what cannot have tags.
pub fn resources(ids: Vec<String>) -> Result<Vec<(ResourceKind, String)>> {
    if ids.len() > RESOURCES_LIMIT {
        return Err(refusal::invalid_value(format!(
            "A request can name at most {RESOURCES_LIMIT} resources."
        )));
    }
    let mut resources: Vec<(ResourceKind, String)> = Vec::with_capacity(ids.len());
    for id in ids {
        let kind = ResourceKind::of(&id)
            .filter(|kind| kind.resource_type().is_some())
            .ok_or_else(|| {
                let text = format!("The ID '{}' is not valid", refusal::quoted(&id));
                Error::new(Code::client("InvalidID"), text)
            })?;
        resources.push((kind, id));
    }
    // All requests lock in the same order.
    resources.sort();
    resources.dedup();
    Ok(resources)
}

/// Tags of what is to be shown, by its id.
pub async fn by_id<'a>(cx: &Context, kind: ResourceKind, ids: impl Iterator<Item = &'a str>) -> Result<ById> {
    let ids: Vec<&str> = ids.collect();
    Ok(store::networks::tags::of(cx.db(), &cx.scope, kind, &ids).await?)
}

/// Tags as they are shown.
pub fn shown(tags: Vec<Tag>) -> Option<Vec<model::Tag>> {
    let tag = |tag: Tag| model::Tag {
        key: Some(tag.key),
        value: Some(tag.value),
    };
    Some(tags.into_iter().map(tag).collect())
}
