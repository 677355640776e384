//! Malformed form parameters.

use serde_json::Value;

use super::HUGE_STRING;
use crate::operation::{OperationInfo, Protocol, Service};
use crate::query::{self, Form};
use crate::schema::Shape;

/// Members of the huge lists: more than any operation takes, and few enough parameters to be read.
const HUGE_LIST: usize = 3_000;
/// Parts of the deep names.
const DEEP: usize = 10_000;

/// Bodies that are made from the parameters of the request `valid`, each spoilt in the one way that its name tells.
///
/// [`query::decode`] refuses all of them but some of those whose name ends in `huge string` or `huge list`: where the model has no
/// limit of its own, the operation has to have one. Where a body is no form at all [`Form::parse`] refuses it.
pub fn query_cases(service: &Service, operation: &OperationInfo, valid: &Value) -> Vec<(String, Vec<u8>)> {
    let mut cases = Cases {
        protocol: service.protocol,
        valid: query::request(service, operation, valid),
        made: Vec::new(),
    };
    cases.bodies();
    for member in operation.input.members() {
        let value = valid.get(member.name);
        cases.parameter(member.query, member.shape, value, member.required);
    }
    cases.made
}

struct Cases {
    protocol: Protocol,
    valid: Form,
    made: Vec<(String, Vec<u8>)>,
}

impl Cases {
    /// Bodies that are wrong as a whole.
    fn bodies(&mut self) {
        let text = self.valid.to_string();
        for (name, more) in [
            ("an escape without digits", "a=%"),
            ("an escape with one digit", "a=%4"),
            ("an escape that is none", "a=%zz"),
            ("a name that is not UTF-8", "%ff=1"),
            ("a value that is not UTF-8", "a=%c3%28"),
            ("a surrogate", "a=%ed%a0%80"),
        ] {
            self.add("body", name, format!("{text}&{more}").into_bytes());
        }
        let with = |more: &str| format!("{text}&{more}").into_bytes();
        self.add(
            "body",
            "bytes that are not UTF-8",
            [text.as_bytes(), b"&a=\xff\xfe"].concat(),
        );
        self.add("body", "too many parameters", with(&"a=b&".repeat(30_000)));
        self.add("body", "a deep name", with(&format!("{}=1", "a.".repeat(DEEP))));
        let action = self.valid.get("Action").unwrap_or_default();
        self.add("body", "a second action", with(&format!("Action={action}")));
    }

    /// Spoils a parameter, then what is inside it.
    fn parameter(&mut self, name: &str, shape: &'static Shape, valid: Option<&Value>, required: bool) {
        if required {
            let rest = self.without(name);
            self.add(name, "missing", rest.to_string().into_bytes());
        }
        match shape {
            Shape::Structure { members, .. } => {
                self.put(name, "string instead of structure", "text");
                self.both(name, members.first().map_or("Name", |member| member.query));
                for member in *members {
                    let inside = valid.and_then(|valid| valid.get(member.name));
                    let name = format!("{name}.{}", member.query);
                    self.parameter(&name, member.shape, inside, member.required && valid.is_some());
                }
            }
            Shape::List {
                member,
                item,
                flattened,
                max,
                ..
            } => {
                let counted = *flattened || self.protocol == Protocol::Ec2;
                let within = if counted {
                    name.to_owned()
                } else {
                    format!("{name}.{item}")
                };
                self.list(name, &within, member, *max);
                let first = valid.and_then(|valid| valid.get(0));
                self.parameter(&format!("{within}.1"), member, first, false);
            }
            Shape::Map { value, .. } => {
                self.put(name, "string instead of map", "text");
                self.put(&format!("{name}.entry.2.key"), "a key alone", "key");
                self.put(&format!("{name}.entry.2.value"), "a value alone", "value");
                self.put(
                    &format!("{name}.entry.one.key"),
                    "an entry without a number",
                    "key",
                );
                let inside = valid
                    .and_then(Value::as_object)
                    .and_then(|map| map.values().next());
                if inside.is_some() {
                    self.parameter(&format!("{name}.entry.1.value"), value, inside, false);
                }
            }
            _ => self.scalar(name, shape),
        }
    }

    fn list(&mut self, name: &str, within: &str, member: &'static Shape, max: Option<i64>) {
        self.put(name, "string instead of list", "text");
        self.both(name, "1");
        let suffix = match member {
            Shape::Structure { members, .. } => members
                .first()
                .map_or(String::new(), |member| format!(".{}", member.query)),
            _ => String::new(),
        };
        for (how, index) in [
            ("a word as index", "first"),
            ("no index", ""),
            ("a negative index", "-1"),
            ("an index of 2³²", "4294967296"),
            ("an index beyond all bounds", "99999999999999999999999999"),
            ("an index with a sign", "+1"),
            ("a wide digit as index", "１"),
        ] {
            self.put(&format!("{within}.{index}{suffix}"), how, "1");
        }
        let of = |count: usize| -> String {
            (1..=count)
                .map(|at| format!("&{within}.{at}{suffix}=1"))
                .collect()
        };
        let rest = self.without(name).to_string();
        if let Some(max) = max.and_then(|max| usize::try_from(max).ok()) {
            self.add(name, "too long", format!("{rest}{}", of(max + 1)).into_bytes());
        }
        self.add(name, "huge list", format!("{rest}{}", of(HUGE_LIST)).into_bytes());
    }

    fn scalar(&mut self, name: &str, shape: &'static Shape) {
        self.put(&format!("{name}.Name"), "structure instead of a value", "1");
        self.put(&format!("{name}.member.1"), "list instead of a value", "1");
        self.both(name, "Name");
        self.twice(name);
        match shape {
            Shape::String { max, enumeration, .. } => {
                if !enumeration.is_empty() {
                    self.put(name, "unknown value", "no-such-value");
                    self.put(name, "empty value", "");
                    return;
                }
                self.put(name, "null character", "a\0b");
                if let Some(max) = max.and_then(|max| usize::try_from(max).ok()) {
                    self.put(name, "too long", &"a".repeat(max + 1));
                }
                self.put(name, "huge string", &"a".repeat(HUGE_STRING));
            }
            Shape::Integer { min, max } | Shape::Long { min, max } => {
                self.numbers(name);
                for wrong in ["1.5", "1e3", "0x10", " 1", "१"] {
                    self.put(name, "not an integer", wrong);
                }
                for (how, bound, step) in [("below the minimum", min, -1), ("above the maximum", max, 1)] {
                    if let Some(beyond) = bound.and_then(|bound| bound.checked_add(step)) {
                        self.put(name, how, &beyond.to_string());
                    }
                }
            }
            Shape::Float { .. } | Shape::Double { .. } => self.numbers(name),
            Shape::Boolean => {
                for wrong in ["yes", "1", "", "TRUE "] {
                    self.put(name, "not a boolean", wrong);
                }
            }
            Shape::Timestamp => {
                for wrong in [
                    "the day after tomorrow",
                    "",
                    "2026-02-30T00:00:00Z",
                    "99999-01-01T00:00:00Z",
                ] {
                    self.put(name, "not a timestamp", wrong);
                }
            }
            Shape::Blob { .. } => self.put(name, "not base64", "!"),
            _ => {}
        }
    }

    fn numbers(&mut self, name: &str) {
        for wrong in [
            "",
            "text",
            "NaN",
            "inf",
            "--1",
            "true",
            &"9".repeat(400),
            &format!("-{}", "9".repeat(40)),
        ] {
            self.put(name, "not a number in range", wrong);
        }
    }

    /// The valid parameters with this one instead of all at and below its place, and of those around it that it stands for.
    fn put(&mut self, name: &str, how: &str, value: &str) {
        let body: Form = self.without(name).iter().chain([(name, value)]).collect();
        self.add(name, how, body.to_string().into_bytes());
    }

    /// A value of its own beside members.
    fn both(&mut self, name: &str, member: &str) {
        let below = format!("{name}.{member}");
        let rest = self.without(name);
        let body: Form = rest
            .iter()
            .chain([(name, "text"), (below.as_str(), "1")])
            .collect();
        self.add(name, "a value and members", body.to_string().into_bytes());
    }

    fn twice(&mut self, name: &str) {
        let rest = self.without(name);
        let body: Form = rest.iter().chain([(name, "1"), (name, "2")]).collect();
        self.add(name, "twice", body.to_string().into_bytes());
    }

    /// The valid parameters but those at and below a place.
    fn without(&self, name: &str) -> Form {
        let below = format!("{name}.");
        let others = |(other, _): &(&str, &str)| *other != name && !other.starts_with(&below);
        self.valid.iter().filter(others).collect()
    }

    fn add(&mut self, name: &str, how: &str, body: Vec<u8>) {
        self.made.push((format!("{name}: {how}"), body));
    }
}
