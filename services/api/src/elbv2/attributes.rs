//! The catalogue of attributes: which there are for what, their defaults and the values they take.
//!
//! Rows hold only what differs from what proxies assume by themselves; [`Catalogue::all`] fills in the rest.

pub mod load_balancer;
pub mod target_group;

use std::collections::BTreeMap;

use aws_model::elbv2::ErrorCode;

use crate::{Error, Result};

/// Attribute key → value.
pub type Map = BTreeMap<String, String>;

/// Values that an attribute takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    OneOf(&'static [&'static str]),
    /// A number between these, or the word.
    Number {
        min: u32,
        max: u32,
        or: Option<&'static str>,
    },
    /// Any text of at most so many characters.
    Text {
        max: usize,
    },
}

/// `true` or `false`.
pub const SWITCH: Values = Values::OneOf(&["true", "false"]);

impl Values {
    fn take(self, value: &str) -> bool {
        match self {
            Self::OneOf(words) => words.contains(&value),
            Self::Number { or: Some(word), .. } if value == word => true,
            Self::Number { min, max, .. } => {
                let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                plain
                    && value
                        .parse()
                        .is_ok_and(|number: u32| (min..=max).contains(&number))
            }
            Self::Text { max } => value.chars().count() <= max,
        }
    }

    /// The rest of a sentence: "must be …".
    fn described(self) -> String {
        match self {
            Self::OneOf(words) => format!("one of '{}'", words.join(", ")),
            Self::Number { min, max, or } => {
                let or = or.map(|word| format!("'{word}' or ")).unwrap_or_default();
                format!("{or}a number between '{min}' and '{max}'")
            }
            Self::Text { max } => format!("at most {max} characters long"),
        }
    }
}

/// An attribute of things of kind `S`.
pub struct Attribute<S: 'static> {
    pub key: &'static str,
    pub values: Values,
    /// Whether this one has the attribute.
    pub applies: fn(&S) -> bool,
    pub default: fn(&S) -> &'static str,
    /// It changes what a proxy does; others are kept and returned.
    pub has_effect: bool,
}

/// All attributes of a kind of thing.
pub struct Catalogue<S: 'static> {
    /// As it begins sentences: "Load balancer" or "Target group".
    pub noun: &'static str,
    pub attributes: &'static [Attribute<S>],
    /// What AWS says about an attribute of other things of this kind.
    pub unsupported: fn(&S, &str) -> String,
    /// Rules over several attributes, for the whole set as it would be.
    pub check: fn(&S, &Map) -> Result<()>,
}

impl<S> Catalogue<S> {
    /// Everything that AWS returns for this one, in its order.
    pub fn all(&self, subject: &S, stored: &Map) -> Vec<(String, String)> {
        let listed = self
            .attributes
            .iter()
            .filter(|attribute| (attribute.applies)(subject) || stored.contains_key(attribute.key));
        listed
            .map(|attribute| {
                let value = stored.get(attribute.key).cloned();
                let value = value.unwrap_or_else(|| (attribute.default)(subject).to_owned());
                (attribute.key.to_owned(), value)
            })
            .collect()
    }

    /// The stored set after a request's changes.
    ///
    /// # Errors
    /// ValidationError for an unknown key or a bad value, InvalidConfigurationRequest for one that this one does not have or that does
    /// not go with the others.
    pub fn changed(
        &self,
        subject: &S,
        stored: &Map,
        changes: Vec<(Option<String>, Option<String>)>,
    ) -> Result<Map> {
        let noun = self.noun;
        if changes.is_empty() {
            return Err(Error::validation(format!("{noun} attributes must be specified")));
        }
        let mut given = Map::new();
        for (key, value) in changes {
            let key = key.unwrap_or_default();
            let value = value.unwrap_or_default();
            self.check_one(subject, &key, &value)?;
            if given.insert(key.clone(), value).is_some() {
                return Err(Error::validation(format!(
                    "{noun} attribute key '{key}' was specified more than once"
                )));
            }
        }
        let mut whole: Map = self.all(subject, stored).into_iter().collect();
        whole.extend(given.clone());
        (self.check)(subject, &whole)?;
        let mut changed = stored.clone();
        changed.extend(given);
        Ok(changed)
    }

    fn check_one(&self, subject: &S, key: &str, value: &str) -> Result<()> {
        let noun = self.noun;
        let Some(attribute) = self.attributes.iter().find(|attribute| attribute.key == key) else {
            return Err(Error::validation(format!(
                "{noun} attribute key '{key}' is not recognized"
            )));
        };
        if !(attribute.applies)(subject) {
            return Err(invalid_configuration((self.unsupported)(subject, key)));
        }
        if !attribute.values.take(value) {
            let rule = attribute.values.described();
            return Err(Error::validation(format!(
                "{noun} attribute value '{value}' for key '{key}' is not valid: it must be {rule}"
            )));
        }
        Ok(())
    }
}

/// InvalidConfigurationRequest.
pub(crate) fn invalid_configuration(text: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidConfigurationRequestException, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_words_numbers_or_texts() {
        let number = Values::Number {
            min: 1,
            max: 4000,
            or: None,
        };
        for (values, value, taken) in [
            (SWITCH, "true", true),
            (SWITCH, "True", false),
            (SWITCH, "", false),
            (number, "1", true),
            (number, "4000", true),
            (number, "0", false),
            (number, "4001", false),
            (number, "+5", false),
            (number, "99999999999", false),
            (number, "", false),
            (
                Values::Number {
                    min: 1,
                    max: 9,
                    or: Some("off"),
                },
                "off",
                true,
            ),
            (Values::Text { max: 3 }, "", true),
            (Values::Text { max: 3 }, "äöü", true),
            (Values::Text { max: 3 }, "abcd", false),
        ] {
            assert_eq!(values.take(value), taken, "{values:?} {value:?}");
        }
    }

    /// What operators read is what the catalogue says.
    #[test]
    fn the_documentation_lists_every_attribute_with_its_default_and_whether_it_has_an_effect() {
        let documentation = include_str!("../../../../docs/compatibility.md");
        let effect = |has: bool| if has { "yes" } else { "kept" };
        let mut rows = Vec::new();
        for attribute in load_balancer::CATALOGUE.attributes {
            rows.push((attribute.key, effect(attribute.has_effect)));
        }
        for attribute in target_group::CATALOGUE.attributes {
            rows.push((attribute.key, effect(attribute.has_effect)));
        }
        for (key, effect) in rows {
            let line = documentation.lines().find(|line| {
                line.starts_with(&format!("| `{key}` |")) && line.ends_with(&format!("| {effect} |"))
            });
            assert!(
                line.is_some(),
                "docs/compatibility.md has no line for {key} with effect {effect}"
            );
        }
    }
}
