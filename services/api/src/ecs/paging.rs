//! Pages of list operations (W-11).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Longest token that is looked at.
const TOKEN_LIMIT: usize = 4096;

/// Which page a request asks for.
#[derive(Debug, Clone)]
pub struct Page {
    operation: &'static str,
    size: usize,
    /// The position after which the page begins, as JSON.
    after: Option<Vec<u8>>,
}

impl Page {
    /// Checks `maxResults` (1 to 100, `default` when absent) and `nextToken`.
    ///
    /// # Errors
    /// InvalidParameterException for a number out of range or a token that another operation (or nobody) made.
    pub fn new(
        operation: &'static str,
        max_results: Option<i32>,
        next_token: Option<&str>,
        default: usize,
    ) -> Result<Self> {
        let size = match max_results {
            None => default,
            Some(n @ 1..=100) => n as usize,
            Some(_) => return Err(Error::invalid_parameter("maxResults must be between 1 and 100.")),
        };
        let after = match next_token {
            None => None,
            Some(token) => Some(open(operation, token).ok_or_else(invalid_token)?),
        };
        Ok(Self {
            operation,
            size,
            after,
        })
    }

    /// The position after which this page begins; `None` for the first page.
    pub fn after<P: DeserializeOwned>(&self) -> Result<Option<P>> {
        self.after
            .as_deref()
            .map(|json| serde_json::from_slice(json).map_err(|_| invalid_token()))
            .transpose()
    }

    /// How many items to read: one more than shown, so that the last page has no token.
    pub fn fetch(&self) -> i64 {
        self.size as i64 + 1
    }

    /// The items of this page and the token of the next one, if there is one. `position` is what [`Page::after`] gives then.
    pub fn cut<T, P: Serialize>(
        &self,
        mut items: Vec<T>,
        position: impl Fn(&T) -> P,
    ) -> (Vec<T>, Option<String>) {
        if items.len() <= self.size {
            return (items, None);
        }
        items.truncate(self.size);
        let token = items
            .last()
            .and_then(|last| serde_json::to_string(&position(last)).ok())
            .map(|json| URL_SAFE_NO_PAD.encode(format!("{}\n{json}", self.operation)));
        (items, token)
    }
}

fn open(operation: &str, token: &str) -> Option<Vec<u8>> {
    if token.len() > TOKEN_LIMIT {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let json = bytes.strip_prefix(operation.as_bytes())?.strip_prefix(b"\n")?;
    // No position has it, and the database does not take it.
    let null = br"\u0000";
    let forged = json.windows(null.len()).any(|part| part == null);
    (!forged).then(|| json.to_vec())
}

fn invalid_token() -> Error {
    Error::invalid_parameter("Invalid token.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w11_the_last_page_has_no_token_and_tokens_go_on_after_the_last_item() {
        let page = Page::new("ListClusters", Some(2), None, 100).unwrap();
        assert_eq!(page.after::<String>().unwrap(), None);
        let (items, token) = page.cut(vec!["a", "b", "c"], |s| (*s).to_owned());
        assert_eq!(items, ["a", "b"]);
        let token = token.unwrap();
        let next = Page::new("ListClusters", Some(2), Some(&token), 100).unwrap();
        assert_eq!(next.after::<String>().unwrap().as_deref(), Some("b"));
        assert_eq!(
            next.cut(vec!["c", "d"], |s| (*s).to_owned()),
            (vec!["c", "d"], None)
        );
    }

    #[test]
    fn w11_bad_tokens_and_sizes_are_refused() {
        for bad in [
            "",
            "x",
            "!!",
            &URL_SAFE_NO_PAD.encode("ListTasks\n\"a\""),
            &URL_SAFE_NO_PAD.encode("ListClusters\n\"a\\u0000\""),
            &"A".repeat(5000),
        ] {
            assert!(Page::new("ListClusters", None, Some(bad), 100).is_err(), "{bad}");
        }
        let forged = URL_SAFE_NO_PAD.encode("ListClusters\n{\"a\":1}");
        assert!(
            Page::new("ListClusters", None, Some(&forged), 100)
                .unwrap()
                .after::<String>()
                .is_err()
        );
        assert!(Page::new("ListClusters", Some(0), None, 100).is_err());
        assert!(Page::new("ListClusters", Some(101), None, 100).is_err());
    }
}
