//! Regular expressions as `=~` takes them: Java's reading, the whole value has to match (P-20).

use regex::bytes::{Regex, RegexBuilder};

/// Greatest size of a compiled pattern in bytes: refuses `(a{999}){999}`.
const MAX_SIZE: usize = 1 << 18;

/// A compiled pattern. Equal to another when both were written alike.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    text: String,
    whole: Regex,
}

impl Pattern {
    /// Compiles a pattern, or `None` where it is malformed, too big or needs look-around or back-references.
    pub(crate) fn compile(text: &str) -> Option<Self> {
        // On its own first, so that `a)(b` cannot close the group that anchors it.
        build(text)?;
        Some(Self {
            text: text.to_owned(),
            whole: build(&format!(r"\A(?:{text})\z"))?,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn matches(&self, value: &str) -> bool {
        self.whole.is_match(value.as_bytes())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// As in Java, `\d`, `\w`, `\b` and `(?i)` know ASCII only; attribute values hold nothing else (I-10).
fn build(text: &str) -> Option<Regex> {
    RegexBuilder::new(text)
        .unicode(false)
        .size_limit(MAX_SIZE)
        .dfa_size_limit(MAX_SIZE)
        .nest_limit(50)
        .build()
        .ok()
}
