//! The walk of a JSON value along its schema.

use std::fmt::{self, Display};

use serde_json::{Map, Value};

use super::{DecodeError, pattern};
use crate::schema::{Member, Shape};
use crate::{Blob, Timestamp};

/// Checks a request body against `shape` and brings it into the form that serde expects: members that are `null` or unknown
/// are removed, whole numbers written with a fraction or exponent (`1e3`) become integers.
pub(super) fn check(shape: &'static Shape, body: &mut Value) -> Result<(), DecodeError> {
    Place::Body.check(shape, body)
}

/// Where in the body the walk is; each place knows the one around it.
enum Place<'a> {
    Body,
    Member(&'a Place<'a>, &'static str),
    Key(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn check(&self, shape: &'static Shape, value: &mut Value) -> Result<(), DecodeError> {
        match (shape, &mut *value) {
            (Shape::Structure { members, .. }, Value::Object(object)) => self.structure(members, object),
            (Shape::List { member, min, max, .. }, Value::Array(items)) => {
                self.length("members", items.len(), *min, *max)?;
                let mut items = items.iter_mut().enumerate();
                items.try_for_each(|(at, item)| Place::Index(self, at).check(member, item))
            }
            (Shape::Map { value, min, max }, Value::Object(entries)) => {
                self.length("entries", entries.len(), *min, *max)?;
                entries.iter_mut().try_for_each(|(key, entry)| {
                    let place = Place::Key(self, key);
                    place.storable(key)?;
                    place.check(value, entry)
                })
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
                self.storable(text)?;
                self.length("characters", text.chars().count(), *min, *max)?;
                self.matches(text, *pattern)
            }
            (Shape::Integer { min, max }, Value::Number(_)) => self.whole(
                value,
                min.unwrap_or(i32::MIN.into()),
                max.unwrap_or(i32::MAX.into()),
            ),
            (Shape::Long { min, max }, Value::Number(_)) => {
                self.whole(value, min.unwrap_or(i64::MIN), max.unwrap_or(i64::MAX))
            }
            (Shape::Double { min, max }, Value::Number(number)) => {
                self.fraction(number.as_f64(), min.unwrap_or(f64::MIN), max.unwrap_or(f64::MAX))
            }
            (Shape::Float { min, max }, Value::Number(number)) => self.fraction(
                number.as_f64(),
                min.unwrap_or(f32::MIN.into()),
                max.unwrap_or(f32::MAX.into()),
            ),
            (Shape::Timestamp, Value::Number(number)) => {
                match number.as_f64().and_then(Timestamp::from_seconds) {
                    Some(_) => Ok(()),
                    None => Err(self.out_of_range(Timestamp::MIN, Timestamp::MAX)),
                }
            }
            (Shape::Timestamp, Value::String(text)) if Timestamp::parse_iso(text).is_some() => Ok(()),
            (Shape::Blob { min, max }, Value::String(text)) => match Blob::from_base64(text) {
                Some(bytes) => self.length("bytes", bytes.0.len(), *min, *max),
                None => Err(self.wrong_type(shape)),
            },
            (Shape::Boolean, Value::Bool(_)) | (Shape::Document, _) => Ok(()),
            _ => Err(self.wrong_type(shape)),
        }
    }

    fn structure(
        &self,
        members: &'static [Member],
        object: &mut Map<String, Value>,
    ) -> Result<(), DecodeError> {
        object.retain(|name, value| !value.is_null() && members.iter().any(|member| member.name == name));
        for member in members {
            let place = Place::Member(self, member.name);
            match object.get_mut(member.name) {
                Some(value) => place.check(member.shape, value)?,
                None if member.required => return Err(place.blank()),
                None => {}
            }
        }
        Ok(())
    }

    fn one_of(&self, text: &str, enumeration: &[&str]) -> Result<(), DecodeError> {
        if enumeration.is_empty() || enumeration.contains(&text) {
            return Ok(());
        }
        let (text, valid) = (Shortened(text), enumeration.join(", "));
        Err(self.invalid(format!(
            "Invalid value '{text}' for {self}. Valid values: {valid}."
        )))
    }

    /// The one character that JSON has and neither processes nor databases can take.
    fn storable(&self, text: &str) -> Result<(), DecodeError> {
        match text.contains('\0') {
            true => Err(self.invalid(format!("{self} must not contain the character U+0000."))),
            false => Ok(()),
        }
    }

    fn matches(&self, text: &str, pattern: Option<&'static str>) -> Result<(), DecodeError> {
        match pattern {
            Some(pattern) if !pattern::matches(pattern, text) => {
                Err(self.invalid(format!("{self} must match the pattern {pattern}.")))
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
                Err(self.invalid(format!("{self} must have at least {min} {unit}.")))
            }
            (_, Some(max)) if length > max => {
                Err(self.invalid(format!("{self} must have at most {max} {unit}.")))
            }
            _ => Ok(()),
        }
    }

    /// Puts the number into integer form when it is whole and within bounds.
    fn whole(&self, value: &mut Value, min: i64, max: i64) -> Result<(), DecodeError> {
        /// 2⁶³: whole numbers of a smaller amount are exact as `i64`.
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        let number = match (value.as_i64(), value.as_f64()) {
            (None, Some(float)) if float.fract() != 0.0 => {
                return Err(self.wrong_type(&crate::schema::INTEGER));
            }
            (None, Some(float)) if float.abs() < LIMIT => Some(float as i64),
            (number, _) => number,
        };
        match number.filter(|number| (min..=max).contains(number)) {
            Some(number) => {
                *value = number.into();
                Ok(())
            }
            None => Err(self.out_of_range(min, max)),
        }
    }

    fn fraction(&self, number: Option<f64>, min: f64, max: f64) -> Result<(), DecodeError> {
        match number.filter(|number| (min..=max).contains(number)) {
            Some(_) => Ok(()),
            None => Err(self.out_of_range(min, max)),
        }
    }

    /// ECS starts this sentence with a capital: "Family can not be blank."
    fn blank(&self) -> DecodeError {
        let path = self.to_string();
        let (first, rest) = path.split_at(path.chars().next().map_or(0, char::len_utf8));
        self.invalid(format!("{}{rest} can not be blank.", first.to_uppercase()))
    }

    fn out_of_range(&self, min: impl Display, max: impl Display) -> DecodeError {
        self.invalid(format!("{self} must be between {min} and {max}."))
    }

    fn invalid(&self, reason: String) -> DecodeError {
        DecodeError::Invalid {
            path: self.to_string(),
            reason,
        }
    }

    fn wrong_type(&self, shape: &Shape) -> DecodeError {
        let expected = match shape {
            Shape::Structure { .. } | Shape::Map { .. } => "an object",
            Shape::List { .. } => "a list",
            Shape::String { .. } => "a string",
            Shape::Integer { .. } | Shape::Long { .. } => "an integer",
            Shape::Float { .. } | Shape::Double { .. } => "a number",
            Shape::Boolean => "a boolean",
            Shape::Timestamp => "a timestamp",
            Shape::Blob { .. } => "base64 text",
            Shape::Document => "a JSON value",
        };
        DecodeError::Serialization(format!("{self} must be {expected}."))
    }
}

impl Display for Place<'_> {
    /// The path: `containerDefinitions[0].dockerLabels.key`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("The request body"),
            Self::Member(Place::Body, name) => f.write_str(name),
            Self::Member(above, name) => write!(f, "{above}.{name}"),
            Self::Key(above, key) => write!(f, "{above}.{}", Shortened(key)),
            Self::Index(above, at) => write!(f, "{above}[{at}]"),
        }
    }
}

/// A client's text as far as an error message repeats it.
struct Shortened<'a>(&'a str);

impl Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 100;
        match self.0.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{}…", &self.0[..end]),
            None => f.write_str(self.0),
        }
    }
}
