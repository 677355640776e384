//! Example values for a shape, for tests that go through whole services.

use serde_json::{Map, Value, json};

use crate::decode::pattern;
use crate::schema::Shape;

/// One text for each kind of pattern that the models have and `aaa` does not match.
const PATTERNED: &[&str] = &[
    "HTTP",
    "200",
    "www.example.com",
    "arn:aws:acm:us-east-1:123456789012:certificate/1",
    "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/1",
    "00:11",
    "ipam-pool-1",
    "ipv4pool-coip-1",
    "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
    "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
];

/// A value with the required members only.
pub fn minimal(shape: &'static Shape) -> Value {
    sample(shape, false, &mut Vec::new())
}

/// A value with every member, list and map filled; a shape within itself is left out.
pub fn full(shape: &'static Shape) -> Value {
    sample(shape, true, &mut Vec::new())
}

fn sample(shape: &'static Shape, all: bool, above: &mut Vec<*const Shape>) -> Value {
    match shape {
        Shape::Structure { members, .. } => {
            above.push(shape);
            let mut object = Map::new();
            for member in members.iter().filter(|member| member.required || all) {
                if !is_within_itself(member.shape, above) {
                    object.insert(member.name.to_owned(), sample(member.shape, all, above));
                }
            }
            above.pop();
            Value::Object(object)
        }
        Shape::List { member, min, .. } => {
            let count = min
                .unwrap_or(0)
                .max(i64::from(all && !above.contains(&std::ptr::from_ref(*member))));
            Value::Array((0..count).map(|_| sample(member, all, above)).collect())
        }
        Shape::Map { value, min, .. } => {
            let count = min
                .unwrap_or(0)
                .max(i64::from(all && !above.contains(&std::ptr::from_ref(*value))));
            Value::Object(
                (0..count)
                    .map(|at| (format!("key{at}"), sample(value, all, above)))
                    .collect(),
            )
        }
        Shape::String {
            min,
            pattern,
            enumeration,
            ..
        } => match enumeration.last() {
            Some(value) => json!(value),
            None => json!(text(min.unwrap_or(1).max(1), *pattern)),
        },
        Shape::Integer { min, max } | Shape::Long { min, max } => {
            json!(7.max(min.unwrap_or(7)).min(max.unwrap_or(i64::MAX)))
        }
        Shape::Float { min, max } | Shape::Double { min, max } => {
            json!(2.5_f64.max(min.unwrap_or(2.5)).min(max.unwrap_or(f64::MAX)))
        }
        Shape::Boolean => json!(true),
        Shape::Timestamp => json!(1_700_000_000.123),
        Shape::Blob { min, .. } => {
            let bytes = vec![0; min.unwrap_or(1).max(1).try_into().unwrap_or(1)];
            json!(crate::Blob(bytes).to_base64())
        }
        Shape::Document => json!({"any": ["value"]}),
    }
}

/// Whether a value of the shape would have to hold one of those around it.
fn is_within_itself(shape: &'static Shape, above: &[*const Shape]) -> bool {
    let is_above = |shape: &'static Shape| above.contains(&std::ptr::from_ref(shape));
    match shape {
        Shape::List { member, min, .. }
        | Shape::Map {
            value: member, min, ..
        } => min.is_some_and(|min| min > 0) && is_above(member),
        other => is_above(other),
    }
}

fn text(length: i64, pattern: Option<&'static str>) -> String {
    let letters = "a".repeat(length.try_into().unwrap_or(1));
    match pattern {
        Some(pattern) if !pattern::matches(pattern, &letters) => {
            let fitting = PATTERNED.iter().find(|text| pattern::matches(pattern, text));
            fitting.map_or(letters, |text| (*text).to_owned())
        }
        _ => letters,
    }
}
