//! The walk of a JSON value along its schema.

use std::fmt::Display;

use serde_json::{Map, Value};

use super::DecodeError;
use crate::schema::{Member, Shape};
use crate::{Blob, Timestamp};

/// Checks `value` against `shape` and brings it into the form that serde expects: members that are `null` or unknown are
/// removed, whole numbers written with a fraction or exponent (`1e3`) become integers.
pub(super) fn check(shape: &'static Shape, value: &mut Value) -> Result<(), DecodeError> {
    Walk { path: Vec::new() }.value(shape, value)
}

/// Where the walk is, for error texts.
struct Walk {
    path: Vec<Step>,
}

enum Step {
    Member(&'static str),
    Key(String),
    Index(usize),
}

impl Walk {
    fn value(&mut self, shape: &'static Shape, value: &mut Value) -> Result<(), DecodeError> {
        match (shape, &mut *value) {
            (Shape::Structure { members, .. }, Value::Object(object)) => self.structure(members, object),
            (Shape::List { member, min, max }, Value::Array(items)) => {
                self.length("members", items.len(), *min, *max)?;
                items
                    .iter_mut()
                    .enumerate()
                    .try_for_each(|(at, item)| self.within(Step::Index(at), member, item))
            }
            (
                Shape::Map {
                    value: shape,
                    min,
                    max,
                },
                Value::Object(entries),
            ) => {
                self.length("entries", entries.len(), *min, *max)?;
                entries
                    .iter_mut()
                    .try_for_each(|(key, entry)| self.within(Step::Key(key.clone()), shape, entry))
            }
            (
                Shape::String {
                    min,
                    max,
                    pattern,
                    enumeration,
                },
                Value::String(text),
            ) => {
                self.one_of(text, enumeration)?;
                self.length("characters", text.chars().count(), *min, *max)?;
                self.matches(text, *pattern)
            }
            (Shape::Integer { min, max }, Value::Number(_)) => {
                let range = (min.unwrap_or(i32::MIN.into()), max.unwrap_or(i32::MAX.into()));
                self.whole(value, range)
            }
            (Shape::Long { min, max }, Value::Number(_)) => {
                self.whole(value, (min.unwrap_or(i64::MIN), max.unwrap_or(i64::MAX)))
            }
            (Shape::Double { min, max } | Shape::Float { min, max }, Value::Number(number)) => {
                self.fraction(number.as_f64().unwrap_or(f64::NAN), *min, *max)
            }
            (Shape::Boolean, Value::Bool(_)) | (Shape::Document, _) => Ok(()),
            (Shape::Timestamp, Value::Number(number)) => {
                let time = number.as_f64().and_then(Timestamp::from_seconds);
                time.map(|_| ())
                    .ok_or_else(|| self.invalid(|path| format!("{path} is out of range.")))
            }
            (Shape::Timestamp, Value::String(text)) => {
                let time = Timestamp::parse_iso(text);
                time.map(|_| ())
                    .ok_or_else(|| self.serialization("is not a timestamp"))
            }
            (Shape::Blob { min, max }, Value::String(text)) => {
                let bytes = Blob::from_base64(text).ok_or_else(|| self.serialization("is not base64"))?;
                self.length("bytes", bytes.0.len(), *min, *max)
            }
            _ => Err(self.serialization(&format!("is not {}", expected(shape)))),
        }
    }

    fn structure(
        &mut self,
        members: &'static [Member],
        object: &mut Map<String, Value>,
    ) -> Result<(), DecodeError> {
        object.retain(|name, value| !value.is_null() && members.iter().any(|member| member.name == name));
        for member in members {
            match object.get_mut(member.name) {
                Some(value) => self.within(Step::Member(member.name), member.shape, value)?,
                None if member.required => {
                    self.path.push(Step::Member(member.name));
                    return Err(self.invalid(|path| format!("{} can not be blank.", capitalised(path))));
                }
                None => {}
            }
        }
        Ok(())
    }

    fn within(&mut self, step: Step, shape: &'static Shape, value: &mut Value) -> Result<(), DecodeError> {
        self.path.push(step);
        self.value(shape, value)?;
        self.path.pop();
        Ok(())
    }

    fn one_of(&self, text: &str, enumeration: &[&str]) -> Result<(), DecodeError> {
        if enumeration.is_empty() || enumeration.contains(&text) {
            return Ok(());
        }
        let valid = enumeration.join(", ");
        let shown = shortened(text);
        Err(self.invalid(|path| format!("Invalid value '{shown}' for {path}. Valid values: {valid}.")))
    }

    fn matches(&self, text: &str, pattern: Option<&'static str>) -> Result<(), DecodeError> {
        match pattern {
            Some(pattern) if !super::pattern::matches(pattern, text) => {
                Err(self.invalid(|path| format!("{path} must match the pattern {pattern}.")))
            }
            _ => Ok(()),
        }
    }

    fn length(
        &self,
        unit: &str,
        length: usize,
        min: Option<i64>,
        max: Option<i64>,
    ) -> Result<(), DecodeError> {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        match (min, max) {
            (Some(min), _) if length < min => {
                Err(self.invalid(|path| format!("{path} must have at least {min} {unit}.")))
            }
            (_, Some(max)) if length > max => {
                Err(self.invalid(|path| format!("{path} must have at most {max} {unit}.")))
            }
            _ => Ok(()),
        }
    }

    /// Puts the number into integer form when it is whole and within bounds.
    fn whole(&self, value: &mut Value, (min, max): (i64, i64)) -> Result<(), DecodeError> {
        let number = match value.as_i64() {
            Some(number) => Some(number),
            None => match value.as_f64() {
                Some(float) if float.fract() != 0.0 => return Err(self.serialization("is not an integer")),
                Some(float) if float.abs() < (1_i64 << 53) as f64 => Some(float as i64),
                _ => None,
            },
        };
        match number {
            Some(number) if (min..=max).contains(&number) => {
                *value = number.into();
                Ok(())
            }
            _ => Err(self.out_of_range(min, max)),
        }
    }

    fn fraction(&self, number: f64, min: Option<f64>, max: Option<f64>) -> Result<(), DecodeError> {
        let (min, max) = (min.unwrap_or(f64::MIN), max.unwrap_or(f64::MAX));
        if (min..=max).contains(&number) {
            Ok(())
        } else {
            Err(self.out_of_range(min, max))
        }
    }

    fn out_of_range(&self, min: impl Display, max: impl Display) -> DecodeError {
        self.invalid(|path| format!("{path} must be between {min} and {max}."))
    }

    fn invalid(&self, reason: impl FnOnce(&str) -> String) -> DecodeError {
        let path = self.shown();
        DecodeError::Invalid {
            reason: reason(&path),
            path,
        }
    }

    fn serialization(&self, what: &str) -> DecodeError {
        DecodeError::Serialization(format!("{} {what}.", self.shown()))
    }

    /// The path as text: `containerDefinitions[0].dockerLabels.key`.
    fn shown(&self) -> String {
        let mut shown = String::new();
        for step in &self.path {
            match step {
                Step::Index(at) => shown += &format!("[{at}]"),
                Step::Member(name) if shown.is_empty() => shown += name,
                Step::Member(name) => shown += &format!(".{name}"),
                Step::Key(key) => shown += &format!(".{}", shortened(key)),
            }
        }
        shown
    }
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Structure { .. } | Shape::Map { .. } => "an object",
        Shape::List { .. } => "a list",
        Shape::String { .. } => "a string",
        Shape::Integer { .. } | Shape::Long { .. } => "an integer",
        Shape::Float { .. } | Shape::Double { .. } => "a number",
        Shape::Boolean => "a boolean",
        Shape::Timestamp => "a timestamp",
        Shape::Blob { .. } => "base64 text",
        Shape::Document => "a JSON value",
    }
}

/// A client's text as far as an error message repeats it.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 100;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// ECS starts these sentences with a capital: "Family can not be blank."
fn capitalised(path: &str) -> String {
    let mut letters = path.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
        .unwrap_or_default()
}
