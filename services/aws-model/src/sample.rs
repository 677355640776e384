//! Example values for a shape, for tests that go through whole services.

use serde_json::{Map, Value, json};

use crate::schema::Shape;

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
                if !above.contains(&std::ptr::from_ref(member.shape)) {
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
        Shape::String { min, enumeration, .. } => match enumeration.last() {
            Some(value) => json!(value),
            None => json!("a".repeat(min.unwrap_or(1).max(1).try_into().unwrap_or(1))),
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
