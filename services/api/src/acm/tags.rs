//! Tags of certificates (TG-01).

use std::collections::BTreeMap;

use aws_model::acm::ErrorCode;
use aws_model::acm::types::Tag;
use store::Tx;

use super::find;
use crate::{Context, Error, Result};

/// Tags that a certificate may have.
const LIMIT: usize = 50;

/// Checks the tags of a request and turns them into the store's.
///
/// # Errors
/// InvalidTagException for a reserved prefix, InvalidParameterException for a key that comes twice, TooManyTagsException.
pub fn checked(tags: Option<Vec<Tag>>) -> Result<Vec<store::tags::Tag>> {
    let mut seen = BTreeMap::new();
    for tag in tags.unwrap_or_default() {
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Error::new(
                ErrorCode::InvalidTagException,
                format!("Tag key {} is reserved: it begins with 'aws:'.", tag.key),
            ));
        }
        if seen
            .insert(tag.key.clone(), tag.value.unwrap_or_default())
            .is_some()
        {
            return Err(Error::new(
                ErrorCode::InvalidParameterException,
                format!("Tag key {} is specified more than once.", tag.key),
            ));
        }
    }
    match seen.len() > LIMIT {
        true => Err(too_many()),
        false => Ok(seen
            .into_iter()
            .map(|(key, value)| store::tags::Tag { key, value })
            .collect()),
    }
}

fn too_many() -> Error {
    Error::new(
        ErrorCode::TooManyTagsException,
        format!("A certificate cannot have more than {LIMIT} tags."),
    )
}

/// Sets tags of a certificate that the caller knows to be there.
///
/// # Errors
/// TooManyTagsException.
pub async fn put(cx: &Context, tx: &mut Tx, arn: &str, tags: Vec<store::tags::Tag>) -> Result<()> {
    let mut keys = store::tags::keys_locked(tx, &cx.scope, arn).await?;
    keys.extend(tags.iter().map(|tag| tag.key.clone()));
    keys.sort();
    keys.dedup();
    if keys.len() > LIMIT {
        return Err(too_many());
    }
    Ok(store::tags::set(tx, &cx.scope, arn, &tags).await?)
}

/// The tags of a certificate.
///
/// # Errors
/// InvalidArnException, ResourceNotFoundException.
pub async fn of(cx: &Context, arn: &str) -> Result<Vec<store::tags::Tag>> {
    find::certificate(cx, arn).await?;
    let mut tags = store::tags::of(cx.db(), &cx.scope, &[arn.to_owned()]).await?;
    Ok(tags.remove(arn).unwrap_or_default())
}
