//! The walk of a JSON value along its schema.

use std::fmt::{self, Display};

use serde_json::{Map, Value};

use super::violation::{Constraint, Shortened, Step, Violation};
use super::{DecodeError, pattern};
use crate::schema::{Member, Shape};
use crate::{Blob, Timestamp};

/// Checks a request body against `shape` and brings it into the form that serde expects: members that are `null` or unknown
/// are removed, whole numbers written with a fraction or exponent (`1e3`) become integers.
pub(crate) fn check(shape: &'static Shape, body: &mut Value) -> Result<(), DecodeError> {
    Place::Body.check(shape, body)
}

/// Where in the body the walk is; each place knows the one around it.
enum Place<'a> {
    Body,
    Member(&'a Place<'a>, &'static Member),
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
            (
                Shape::Map {
                    value: shape,
                    min,
                    max,
                },
                Value::Object(entries),
            ) => {
                self.length("entries", entries.len(), *min, *max)?;
                entries.iter_mut().try_for_each(|(key, entry)| {
                    let place = Place::Key(self, key);
                    place.storable(key)?;
                    place.check(shape, entry)
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
                self.text_length(text, *min, *max)?;
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
            (Shape::Double { min, max }, Value::Number(_)) => {
                self.fraction(value, min.unwrap_or(f64::MIN), max.unwrap_or(f64::MAX))
            }
            (Shape::Float { min, max }, Value::Number(_)) => self.fraction(
                value,
                min.unwrap_or(f32::MIN.into()),
                max.unwrap_or(f32::MAX.into()),
            ),
            (Shape::Timestamp, Value::Number(number)) => {
                match number.as_f64().and_then(Timestamp::from_seconds) {
                    Some(_) => Ok(()),
                    None => {
                        let below = number.as_f64().is_some_and(|seconds| seconds < 0.0);
                        Err(self.out_of_range(value, Timestamp::MIN, Timestamp::MAX, below))
                    }
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
            let place = Place::Member(self, member);
            match object.get_mut(member.name) {
                Some(value) => place.check(member.shape, value)?,
                None if member.required => return Err(place.violates(None, Constraint::Present)),
                None => {}
            }
        }
        Ok(())
    }

    fn one_of(&self, text: &str, enumeration: &'static [&'static str]) -> Result<(), DecodeError> {
        if enumeration.is_empty() || enumeration.contains(&text) {
            return Ok(());
        }
        Err(self.violates(Some(shown(text)), Constraint::OneOf(enumeration)))
    }

    /// The one character that JSON has and neither processes nor databases can take.
    fn storable(&self, text: &str) -> Result<(), DecodeError> {
        match text.contains('\0') {
            true => Err(self.violates(Some(shown(text)), Constraint::NoNul)),
            false => Ok(()),
        }
    }

    fn matches(&self, text: &str, pattern: Option<&'static str>) -> Result<(), DecodeError> {
        match pattern {
            Some(pattern) if !pattern::matches(pattern, text) => {
                Err(self.violates(Some(shown(text)), Constraint::Pattern(pattern)))
            }
            _ => Ok(()),
        }
    }

    fn length(
        &self,
        unit: &'static str,
        length: usize,
        min: Option<i64>,
        max: Option<i64>,
    ) -> Result<(), DecodeError> {
        match outside(unit, length, min, max) {
            Some(constraint) => Err(self.violates(Some(format!("{length} {unit}")), constraint)),
            None => Ok(()),
        }
    }

    fn text_length(&self, text: &str, min: Option<i64>, max: Option<i64>) -> Result<(), DecodeError> {
        match outside("characters", text.chars().count(), min, max) {
            Some(constraint) => Err(self.violates(Some(shown(text)), constraint)),
            None => Ok(()),
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
            None => {
                let below = value.as_f64().is_some_and(|number| number < min as f64);
                Err(self.out_of_range(value, min, max, below))
            }
        }
    }

    fn fraction(&self, value: &Value, min: f64, max: f64) -> Result<(), DecodeError> {
        match value.as_f64().filter(|number| (min..=max).contains(number)) {
            Some(_) => Ok(()),
            None => {
                let below = value.as_f64().is_some_and(|number| number < min);
                Err(self.out_of_range(value, min, max, below))
            }
        }
    }

    fn out_of_range(&self, value: &Value, min: impl Display, max: impl Display, below: bool) -> DecodeError {
        let (min, max) = (min.to_string(), max.to_string());
        self.violates(Some(value.to_string()), Constraint::Within { min, max, below })
    }

    fn violates(&self, value: Option<String>, constraint: Constraint) -> DecodeError {
        DecodeError::Invalid(Box::new(Violation {
            steps: self.steps(),
            value,
            constraint,
        }))
    }

    fn wrong_type(&self, shape: &Shape) -> DecodeError {
        let expected = shape.kind();
        DecodeError::Serialization(format!("{self} must be {expected}."))
    }

    /// The way from the body to this place.
    fn steps(&self) -> Vec<Step> {
        let (above, step) = match self {
            Self::Body => return Vec::new(),
            Self::Member(above, member) => (above, Step::from(*member)),
            Self::Key(above, key) => (above, Step::Key((*key).to_owned())),
            Self::Index(above, at) => (above, Step::Index(*at)),
        };
        let mut steps = above.steps();
        steps.push(step);
        steps
    }
}

/// The bound that a length is beyond.
fn outside(unit: &'static str, length: usize, min: Option<i64>, max: Option<i64>) -> Option<Constraint> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    match (min, max) {
        (Some(bound), _) if length < bound => Some(Constraint::LengthAtLeast { bound, unit }),
        (_, Some(bound)) if length > bound => Some(Constraint::LengthAtMost { bound, unit }),
        _ => None,
    }
}

/// A text in an answer.
fn shown(text: &str) -> String {
    Shortened(text).to_string()
}

impl Display for Place<'_> {
    /// The path: `containerDefinitions[0].dockerLabels.key`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("The request body"),
            Self::Member(Place::Body, member) => f.write_str(member.name),
            Self::Member(above, member) => write!(f, "{above}.{}", member.name),
            Self::Key(above, key) => write!(f, "{above}.{}", Shortened(key)),
            Self::Index(above, at) => write!(f, "{above}[{at}]"),
        }
    }
}
