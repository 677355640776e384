//! Versions of agents, in their order.

use std::cmp::Ordering;
use std::fmt;

/// A version such as `1.82.0`, `v1.9` or `2.0.0-rc.1`. Missing parts count as 0; a pre-release stands before its release.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    text: String,
    numbers: Vec<u64>,
    pre_release: Option<String>,
}

impl Version {
    /// Reads up to eight numbers joined by `.`, then perhaps `-<pre-release>` and `+<build>`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('v').unwrap_or(text);
        let ordered = bare.split_once('+').map_or(bare, |(ordered, _build)| ordered);
        let (release, pre_release) = match ordered.split_once('-') {
            Some((release, pre)) => (release, Some(pre.to_owned())),
            None => (ordered, None),
        };
        let mut numbers = Vec::with_capacity(3);
        for part in release.split('.') {
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            numbers.push(part.parse().ok()?);
        }
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        (numbers.len() <= 8).then(|| Self {
            text: text.to_owned(),
            numbers,
            pre_release,
        })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_release = self.numbers.cmp(&other.numbers);
        by_release.then_with(|| match (&self.pre_release, &other.pre_release) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(left), Some(right)) => pre_release_order(left, right),
        })
    }
}

/// Dotted parts in turn; numbers by value and before words.
fn pre_release_order(left: &str, right: &str) -> Ordering {
    let key = |part: &str| match part.parse::<u64>() {
        Ok(number) => (0, number, String::new()),
        Err(_) => (1, 0, part.to_owned()),
    };
    left.split('.').map(key).cmp(right.split('.').map(key))
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
