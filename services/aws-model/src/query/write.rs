//! The client's side: a request as form parameters, as AWS SDKs write it.

use serde_json::Value;

use super::form::Form;
use crate::Timestamp;
use crate::operation::Protocol;
use crate::schema::Shape;

/// The parameters of a request; without `Action` and `Version`.
pub(super) fn parameters(shape: &Shape, request: &Value, protocol: Protocol) -> Form {
    let mut writer = Writer {
        protocol,
        parameters: Vec::new(),
    };
    writer.members(shape, request, "");
    Form(writer.parameters)
}

struct Writer {
    protocol: Protocol,
    parameters: Vec<(String, String)>,
}

impl Writer {
    fn members(&mut self, shape: &Shape, structure: &Value, prefix: &str) {
        for member in shape.members() {
            if let Some(value) = structure.get(member.name) {
                self.value(member.shape, value, &format!("{prefix}{}", member.query));
            }
        }
    }

    fn value(&mut self, shape: &Shape, value: &Value, name: &str) {
        match (shape, value) {
            (Shape::Structure { .. }, _) => self.members(shape, value, &format!("{name}.")),
            // EC2's requests have no empty lists.
            (Shape::List { .. }, Value::Array(items))
                if items.is_empty() && self.protocol == Protocol::Ec2 => {}
            (Shape::List { .. } | Shape::Map { .. }, Value::Array(items)) if items.is_empty() => {
                self.text(name, "")
            }
            (Shape::Map { .. }, Value::Object(entries)) if entries.is_empty() => self.text(name, ""),
            (
                Shape::List {
                    member,
                    item,
                    flattened,
                    ..
                },
                Value::Array(items),
            ) => {
                let counted = *flattened || self.protocol == Protocol::Ec2;
                let word = if counted {
                    String::new()
                } else {
                    format!(".{item}")
                };
                for (at, value) in items.iter().enumerate() {
                    self.value(member, value, &format!("{name}{word}.{}", at + 1));
                }
            }
            (Shape::Map { value: shape, .. }, Value::Object(entries)) => {
                for (at, (key, value)) in entries.iter().enumerate() {
                    let entry = format!("{name}.entry.{}", at + 1);
                    self.text(&format!("{entry}.key"), key);
                    self.value(shape, value, &format!("{entry}.value"));
                }
            }
            (Shape::Timestamp, Value::Number(seconds)) => {
                let time = seconds
                    .as_f64()
                    .and_then(Timestamp::from_seconds)
                    .unwrap_or_default();
                self.text(name, &time.to_string());
            }
            (_, Value::String(text)) => self.text(name, text),
            (_, other) => self.text(name, &other.to_string()),
        }
    }

    fn text(&mut self, name: &str, value: &str) {
        self.parameters.push((name.to_owned(), value.to_owned()));
    }
}
