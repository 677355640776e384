//! Pages of Describe operations: Marker and PageSize (LB-13).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Error, Result};

/// Items of a page when nothing else is asked for, which is also the most.
const LARGEST: usize = 400;
/// Longest marker that is looked at.
const MARKER_LIMIT: usize = 2048;

/// Which page a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    operation: &'static str,
    size: usize,
    after: String,
}

impl Page {
    /// Checks PageSize and Marker.
    ///
    /// # Errors
    /// ValidationError for a marker that another operation (or nobody) made.
    pub fn new(operation: &'static str, marker: Option<&str>, page_size: Option<i32>) -> Result<Self> {
        let after = match marker.filter(|marker| !marker.is_empty()) {
            None => String::new(),
            Some(marker) => open(operation, marker)
                .ok_or_else(|| Error::validation(format!("Invalid marker: '{}'", shortened(marker))))?,
        };
        let size = page_size.and_then(|size| usize::try_from(size).ok());
        Ok(Self {
            operation,
            size: size.unwrap_or(LARGEST).clamp(1, LARGEST),
            after,
        })
    }

    /// The position after which this page begins; empty for the first page.
    pub fn after(&self) -> &str {
        &self.after
    }

    /// How many items to read: one more than shown, so that the last page has no marker.
    pub fn fetch(&self) -> i64 {
        self.size as i64 + 1
    }

    /// The items of this page and the marker of the next one, if there is one. `position` is what [`Page::after`] gives then.
    pub fn cut<T>(&self, mut items: Vec<T>, position: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
        if items.len() <= self.size {
            return (items, None);
        }
        items.truncate(self.size);
        let marker = items
            .last()
            .map(|last| URL_SAFE_NO_PAD.encode(format!("{}\n{}", self.operation, position(last))));
        (items, marker)
    }
}

fn open(operation: &str, marker: &str) -> Option<String> {
    if marker.len() > MARKER_LIMIT {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(marker).ok()?).ok()?;
    let position = text.strip_prefix(operation)?.strip_prefix('\n')?;
    // The database takes no such text.
    (!position.contains('\0')).then(|| position.to_owned())
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lb13_the_last_page_has_no_marker_and_markers_go_on_after_the_last_item() {
        let page = Page::new("DescribeX", None, Some(2)).unwrap();
        assert_eq!((page.after(), page.fetch()), ("", 3));
        let (items, marker) = page.cut(vec!["a", "b", "c"], |item| (*item).to_owned());
        assert_eq!(items, ["a", "b"]);
        let next = Page::new("DescribeX", marker.as_deref(), None).unwrap();
        assert_eq!((next.after(), next.fetch()), ("b", 401));
        assert_eq!(next.cut(vec!["c"], |item| (*item).to_owned()), (vec!["c"], None));
        let nul = URL_SAFE_NO_PAD.encode("DescribeX\na\0");
        for bad in [
            "x",
            "!",
            &URL_SAFE_NO_PAD.encode("DescribeY\na"),
            &nul,
            &"A".repeat(4000),
        ] {
            assert!(Page::new("DescribeX", Some(bad), None).is_err(), "{bad}");
        }
    }
}
