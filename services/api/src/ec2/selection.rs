//! What a Describe operation answers of all there is: by ids and filters, page by page.

use aws_model::ec2::types::Filter;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::network::ResourceKind;
use store::networks::NetworkError;

use super::filters::{Filtered, Filters};
use super::{given, refusal};
use crate::error::Code;
use crate::{Error, Result};

/// What is shown on one page unless fewer are asked for.
const PAGE: usize = 1000;
/// Longest token that is looked at.
const TOKEN_LIMIT: usize = 1024;

/// Things with ids.
pub trait Described: Filtered {
    const KIND: ResourceKind;

    fn id(&self) -> &str;
}

/// What a request asks for.
#[derive(Default)]
pub struct Selection {
    pub ids: Option<Vec<String>>,
    pub filters: Option<Vec<Filter>>,
    pub max_results: Option<i32>,
    pub next_token: Option<String>,
}

impl Selection {
    /// The items that are asked for, by id, and the token of the next page if there is one.
    ///
    /// # Errors
    /// …Malformed and …NotFound for ids; InvalidParameterValue for filters and page sizes; InvalidNextToken.
    pub fn of<T: Described>(self, mut items: Vec<T>) -> Result<(Vec<T>, Option<String>)> {
        let filters = Filters::new(self.filters, true)?;
        if let Some(ids) = self.ids.filter(|ids| !ids.is_empty()) {
            for id in &ids {
                given::id(T::KIND, id)?;
            }
            if let Some(missing) = ids.iter().find(|id| !items.iter().any(|item| item.id() == *id)) {
                return Err(NetworkError::not_found(T::KIND, missing).into());
            }
            items.retain(|item| ids.iter().any(|id| id == item.id()));
        }
        items.retain(|item| filters.let_pass(item));
        items.sort_by(|a, b| a.id().cmp(b.id()));
        page(items, self.max_results, self.next_token.as_deref(), |item| {
            item.id().to_owned()
        })
    }
}

/// One page of items that are sorted by their position, and the token of the next page if there is one.
///
/// # Errors
/// InvalidParameterValue for a size out of range, InvalidNextToken.
pub fn page<T>(
    mut items: Vec<T>,
    max_results: Option<i32>,
    next_token: Option<&str>,
    position: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>)> {
    let size = match max_results {
        None => PAGE,
        Some(n @ 5..=1000) => n as usize,
        Some(n) => {
            return Err(refusal::invalid_value(format!(
                "Value ( {n} ) for parameter maxResults is invalid. Expecting a value from 5 to 1000."
            )));
        }
    };
    if let Some(token) = next_token.filter(|token| !token.is_empty()) {
        let after = open(token)
            .ok_or_else(|| Error::new(Code::client("InvalidNextToken"), "The token is invalid"))?;
        items.retain(|item| position(item) > after);
    }
    let more = items.len() > size;
    items.truncate(size);
    let token = items
        .last()
        .filter(|_| more)
        .map(|last| URL_SAFE_NO_PAD.encode(position(last)));
    Ok((items, token))
}

fn open(token: &str) -> Option<String> {
    let bytes = (token.len() <= TOKEN_LIMIT).then(|| URL_SAFE_NO_PAD.decode(token).ok())??;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_after_the_last_item_and_the_last_one_has_no_token() {
        let all: Vec<String> = (0..12).map(|n| format!("{n:02}")).collect();
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let (items, next) = page(all.clone(), Some(5), token.as_deref(), String::clone).unwrap();
            seen.extend(items);
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn bad_sizes_and_tokens_are_refused() {
        for size in [-1, 0, 4, 1001] {
            let refusal = page(vec![1], Some(size), None, i32::to_string).unwrap_err();
            assert_eq!(refusal.code.name(), "InvalidParameterValue");
        }
        for token in ["!", "_w", &"A".repeat(2000)] {
            let refusal = page(vec![1], None, Some(token), i32::to_string).unwrap_err();
            assert_eq!(refusal.code.name(), "InvalidNextToken", "{token}");
        }
    }
}
