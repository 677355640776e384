//! Tags as requests carry them (TG-01).

use std::collections::BTreeMap;

use aws_model::ecs::types::Tag;
use store::sleepers;

use crate::{Context, Error, Result};

/// User tags a resource may have.
pub const LIMIT: usize = 50;

/// Checks the tags of a request and turns them into the store's.
///
/// # Errors
/// InvalidParameterException for a reserved prefix, a bad length or letter, a duplicate key or more than 50 tags.
pub fn checked(tags: Option<Vec<Tag>>) -> Result<Vec<store::tags::Tag>> {
    let mut seen = BTreeMap::new();
    for tag in tags.unwrap_or_default() {
        let key = tag.key.unwrap_or_default();
        let value = tag.value.unwrap_or_default();
        check_key(&key)?;
        if value.chars().count() > 256 || !value.chars().all(is_allowed) {
            return Err(Error::invalid_parameter(format!(
                "The value of tag '{key}' must have at most 256 letters, digits, spaces or + - = . _ : / @."
            )));
        }
        check_setting(&key, &value)?;
        if seen.insert(key.clone(), value).is_some() {
            return Err(Error::invalid_parameter(format!(
                "Duplicate tag keys found. Please note that tag keys are case sensitive. Key: {key}"
            )));
        }
    }
    if seen.len() > LIMIT {
        return Err(Error::invalid_parameter(format!(
            "A resource can have at most {LIMIT} tags."
        )));
    }
    Ok(seen
        .into_iter()
        .map(|(key, value)| store::tags::Tag { key, value })
        .collect())
}

/// Checks one key.
pub fn check_key(key: &str) -> Result<()> {
    if !(1..=128).contains(&key.chars().count()) || !key.chars().all(is_allowed) {
        return Err(Error::invalid_parameter(
            "A tag key must have 1 to 128 letters, digits, spaces or + - = . _ : / @.".to_owned(),
        ));
    }
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(Error::invalid_parameter(
            "Tag keys that begin with aws: are reserved.".to_owned(),
        ));
    }
    Ok(())
}

/// Tags that begin with `berth:` are settings.
fn check_setting(key: &str, value: &str) -> Result<()> {
    if !key.starts_with("berth:") {
        return Ok(());
    }
    let (least, most) = match key {
        sleepers::AFTER_TAG => (10, 604_800),
        sleepers::HELD_TAG => (1, 10_000),
        sleepers::HOLD_TAG => (1, 3_600),
        _ => {
            let known = [sleepers::AFTER_TAG, sleepers::HELD_TAG, sleepers::HOLD_TAG].join(", ");
            return Err(Error::invalid_parameter(format!(
                "Tag keys that begin with berth: are settings of Berth. {key} is none of them: {known}."
            )));
        }
    };
    let in_range = value.bytes().all(|byte| byte.is_ascii_digit())
        && value
            .parse::<i32>()
            .is_ok_and(|number| (least..=most).contains(&number));
    match in_range {
        true => Ok(()),
        false => Err(Error::invalid_parameter(format!(
            "The value of tag '{key}' must be a number between {least} and {most}."
        ))),
    }
}

fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c)
}

/// Tags as replies carry them.
pub fn shown(tags: Vec<store::tags::Tag>) -> Vec<Tag> {
    tags.into_iter()
        .map(|tag| Tag {
            key: Some(tag.key),
            value: Some(tag.value),
        })
        .collect()
}

/// The tags of these ARNs if they were asked for, else none (TG-06). Take each resource's with [`taken`].
pub async fn of(
    cx: &Context,
    wanted: bool,
    arns: &[String],
) -> Result<BTreeMap<String, Vec<store::tags::Tag>>> {
    match wanted && !arns.is_empty() {
        true => Ok(store::tags::of(cx.db(), &cx.scope, arns).await?),
        false => Ok(BTreeMap::new()),
    }
}

/// One resource's tags out of [`of`]'s; an empty list when there are none or they were not asked for.
pub fn taken(tags: &mut BTreeMap<String, Vec<store::tags::Tag>>, arn: &str) -> Vec<Tag> {
    shown(tags.remove(arn).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag {
            key: Some(key.to_owned()),
            value: Some(value.to_owned()),
        }
    }

    #[test]
    fn tg01_keys_and_values_are_checked() {
        assert!(checked(Some(vec![tag("team", "web"), tag("Team", "")])).is_ok());
        for bad in [
            tag("", "x"),
            tag("aws:x", "x"),
            tag("AWS:x", "x"),
            tag("a*", "x"),
            tag("a", "*"),
            tag(&"k".repeat(129), ""),
        ] {
            assert!(checked(Some(vec![bad.clone()])).is_err(), "{bad:?}");
        }
        assert!(checked(Some(vec![tag("a", "1"), tag("a", "2")])).is_err());
        assert!(checked(Some((0..51).map(|n| tag(&format!("k{n}"), "")).collect())).is_err());
    }
}
