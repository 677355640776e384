//! Filters of Describe operations: which of the things that would be shown are.
//!
//! A filter looks at what is shown, so nothing is found by a value that its answer does not have. Several filters all have to match; of one
//! filter's values, one has to. Values may have `*` for any characters and `?` for one; `\` takes their meaning.

use aws_model::ec2::types::{Filter, Tag};

use super::refusal;
use crate::error::Code;
use crate::{Error, Result};

/// Most values in all filters of a request.
const VALUES_LIMIT: usize = 200;

/// A filter's name and the values that it looks at.
pub type Field<T> = (&'static str, fn(&T) -> Vec<String>);

/// What filters can choose from.
pub trait Filtered: 'static {
    /// Every filter but those on tags; some have older names, too.
    const FIELDS: &'static [Field<Self>];

    /// Its tags; `None` for what has none ever.
    fn tags(&self) -> Option<&[Tag]>;
}

/// What one filter looks at.
enum Look<T: 'static> {
    Field(fn(&T) -> Vec<String>),
    Tag(String),
    TagKey,
    TagValue,
}

/// The filters of a request.
pub struct Filters<T: 'static>(Vec<(Look<T>, Vec<String>)>);

impl<T: Filtered> Filters<T> {
    /// Checks the filters; `tagged` is whether these things have tags.
    ///
    /// # Errors
    /// InvalidParameterValue for an unknown filter, FilterLimitExceeded.
    pub fn new(filters: Option<Vec<Filter>>, tagged: bool) -> Result<Self> {
        let mut checked: Vec<(Look<T>, Vec<String>)> = Vec::new();
        let mut count = 0;
        for filter in filters.unwrap_or_default() {
            let name = filter.name.ok_or_else(|| refusal::missing("Filter.Name"))?;
            let values = filter.values.unwrap_or_default();
            count += values.len();
            let look = look(&name, tagged).ok_or_else(|| {
                refusal::invalid_value(format!("The filter '{}' is invalid", refusal::quoted(&name)))
            })?;
            if values.is_empty() {
                return Err(refusal::missing(&format!("Filter.Value of the filter '{name}'")));
            }
            checked.push((look, values));
        }
        match count > VALUES_LIMIT {
            true => Err(Error::new(
                Code::client("FilterLimitExceeded"),
                format!("The maximum number of filter values specified on a single call is {VALUES_LIMIT}"),
            )),
            false => Ok(Self(checked)),
        }
    }

    /// Whether all filters match.
    pub fn let_pass(&self, item: &T) -> bool {
        self.0.iter().all(|(look, values)| {
            let tags = item.tags().unwrap_or_default();
            let is_asked = |text: &str| values.iter().any(|pattern| like(pattern, text));
            match look {
                Look::Field(field) => field(item).iter().any(|text| is_asked(text)),
                Look::TagKey => tags
                    .iter()
                    .any(|tag| is_asked(tag.key.as_deref().unwrap_or_default())),
                Look::TagValue => tags
                    .iter()
                    .any(|tag| is_asked(tag.value.as_deref().unwrap_or_default())),
                Look::Tag(key) => tags.iter().any(|tag| {
                    tag.key.as_ref() == Some(key) && is_asked(tag.value.as_deref().unwrap_or_default())
                }),
            }
        })
    }
}

fn look<T: Filtered>(name: &str, tagged: bool) -> Option<Look<T>> {
    if let Some((_, field)) = T::FIELDS.iter().find(|(field, _)| *field == name) {
        return Some(Look::Field(*field));
    }
    match name.strip_prefix("tag:") {
        _ if !tagged => None,
        Some(key) => Some(Look::Tag(key.to_owned())),
        None if name == "tag-key" => Some(Look::TagKey),
        None if name == "tag-value" => Some(Look::TagValue),
        None => None,
    }
}

/// Whether a text is like a pattern with `*` and `?`.
pub fn like(pattern: &str, text: &str) -> bool {
    let pattern = parsed(pattern);
    let text: Vec<char> = text.chars().collect();
    // Where to go on when a guess at what the last `*` stands for was too short.
    let (mut p, mut t, mut retry) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(Part::Any) => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(Part::One) => (p, t) = (p + 1, t + 1),
            Some(Part::This(c)) if *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match &mut retry {
                Some((after_star, from)) => {
                    *from += 1;
                    (p, t) = (*after_star, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|part| matches!(part, Part::Any))
}

enum Part {
    Any,
    One,
    This(char),
}

fn parsed(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '*' => Part::Any,
            '?' => Part::One,
            '\\' => Part::This(chars.next().unwrap_or('\\')),
            other => Part::This(other),
        });
    }
    parts
}

/// The values of an optional text.
pub fn text(value: &Option<String>) -> Vec<String> {
    value.iter().cloned().collect()
}

/// The values of anything optional that has a text.
pub fn shown<T: ToString>(value: &Option<T>) -> Vec<String> {
    value.iter().map(ToString::to_string).collect()
}

/// The values of a list's items.
pub fn each<I>(items: &Option<Vec<I>>, values: impl Fn(&I) -> Vec<String>) -> Vec<String> {
    items.iter().flatten().flat_map(values).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_characters_and_backslashes_take_their_meaning() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "anything"),
            ("a*c", "abbbc"),
            ("a*b*c", "a-b-b-c"),
            ("*.internal", "ip-10-0-0-1.internal"),
            ("v?c", "vpc"),
            (r"a\*", "a*"),
            (r"a\?b", "a?b"),
            (r"a\\", r"a\"),
            ("ü?", "üß"),
        ] {
            assert!(like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("a*c", "abcd"),
            ("?", ""),
            ("v?c", "vc"),
            (r"a\*", "ab"),
            ("VPC", "vpc"),
        ] {
            assert!(!like(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_decided_quickly() {
        let pattern = "*a".repeat(60) + "b";
        assert!(!like(&pattern, &"a".repeat(10_000)));
    }
}
