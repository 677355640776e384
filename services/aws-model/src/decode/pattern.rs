//! The regular expressions that the models constrain strings with.

use std::collections::HashMap;
use std::sync::{LazyLock, RwLock};

use regex::Regex;

/// Compiled patterns by source. The sources are the few literals of the generated schemas, so the map stays small.
static COMPILED: LazyLock<RwLock<HashMap<&'static str, Regex>>> = LazyLock::new(Default::default);

/// Whether the whole of `text` matches.
///
/// # Panics
/// When `pattern` is not a regular expression; a test compiles all that the generated schemas have.
pub(crate) fn matches(pattern: &'static str, text: &str) -> bool {
    if let Ok(compiled) = COMPILED.read()
        && let Some(regex) = compiled.get(pattern)
    {
        return regex.is_match(text);
    }
    let regex = Regex::new(&format!(r"\A(?:{pattern})\z")).expect("the models' patterns compile");
    let matches = regex.is_match(text);
    if let Ok(mut compiled) = COMPILED.write() {
        compiled.insert(pattern, regex);
    }
    matches
}
