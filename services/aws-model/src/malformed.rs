//! Malformed request bodies, for tests that send them to a running server: each must be answered with a 4xx.

mod query;

pub use query::query_cases;

use serde_json::{Value, json};

use crate::sample;
use crate::schema::Shape;

/// Length of the huge strings, bytes.
const HUGE_STRING: usize = 100_000;
/// Members of the huge lists.
const HUGE_LIST: usize = 10_000;
/// Levels of the deep values.
const DEEP: usize = 10_000;

/// What stands in a body where raw JSON text is put in, because a [`Value`] can not hold it.
const RAW: &str = "@raw@";

/// Bodies that are made from the request `valid` of an operation with input `shape`, each spoilt in the one way that its name
/// tells, such as `overrides.cpu: number instead of string`.
///
/// [`crate::decode`] refuses all of them but some of those whose name ends in `huge string` or `huge list`: where the model has
/// no limit of its own, the operation has to have one.
pub fn cases(shape: &'static Shape, valid: &Value) -> Vec<(String, Vec<u8>)> {
    let mut cases = Cases {
        valid,
        path: Vec::new(),
        made: Vec::new(),
    };
    cases.bodies(shape);
    cases.within(shape, valid);
    cases.made
}

#[derive(Clone)]
enum Step {
    Name(String),
    Index(usize),
}

struct Cases<'a> {
    valid: &'a Value,
    /// The place that is being spoilt.
    path: Vec<Step>,
    made: Vec<(String, Vec<u8>)>,
}

impl Cases<'_> {
    /// Bodies that are wrong as a whole.
    fn bodies(&mut self, shape: &'static Shape) {
        let text = self.valid.to_string();
        for (name, body) in [
            ("list", "[]"),
            ("string", "\"text\""),
            ("number", "1"),
            ("null", "null"),
        ] {
            self.add(&format!("{name} instead of object"), body.into());
        }
        self.add("blanks only", b" ".to_vec());
        self.add("not JSON", b"Action=RunTask&Version=2014-11-13".to_vec());
        self.add("text after the end", format!("{text} {text}").into_bytes());
        self.add("truncated after one byte", text.as_bytes()[..1].to_vec());
        self.add(
            "truncated before the last byte",
            text.as_bytes()[..text.len() - 1].to_vec(),
        );
        if text.len() > 2 {
            self.add(
                "truncated in the middle",
                text.as_bytes()[..text.len() / 2].to_vec(),
            );
        }
        self.add("invalid UTF-8", b"\xff\xfe{}".to_vec());
        self.add(
            "invalid UTF-8 in a string",
            b"{\"unknownMember\":\"\xc3\x28\"}".to_vec(),
        );
        self.add("lone surrogate", br#"{"unknownMember":"\ud800"}"#.to_vec());
        self.add("deep list", deep("[", "]").into_bytes());
        self.add(
            "deep object",
            deep("{\"a\":", "}").replace(":}", ":1}").into_bytes(),
        );
        self.add("deep list left open", "[".repeat(DEEP).into_bytes());
        self.add(
            "deep unknown member",
            format!("{{\"unknownMember\":{}}}", deep("[", "]")).into_bytes(),
        );
        if let Some(member) = shape.members().first() {
            self.at(Step::Name(member.name.to_owned()), |cases| {
                cases.put_raw("deep list", &deep("[", "]"))
            });
        }
    }

    /// Spoils what is inside the valid `value`.
    fn within(&mut self, shape: &'static Shape, value: &Value) {
        match (shape, value) {
            (Shape::Structure { members, .. }, Value::Object(object)) => {
                for member in *members {
                    let valid = object.get(member.name);
                    self.at(Step::Name(member.name.to_owned()), |cases| {
                        if member.required {
                            cases.remove();
                            cases.put("null", Value::Null);
                        }
                        cases.place(member.shape, valid);
                    });
                }
            }
            (Shape::List { member, .. }, Value::Array(items)) => {
                if let Some(first) = items.first() {
                    self.at(Step::Index(0), |cases| cases.element(member, first));
                }
            }
            (Shape::Map { value: shape, .. }, Value::Object(entries)) => {
                if let Some((key, first)) = entries.iter().next() {
                    self.at(Step::Name(key.clone()), |cases| cases.element(shape, first));
                }
            }
            _ => {}
        }
    }

    /// Spoils an element of a list or map, which may not be `null`.
    fn element(&mut self, shape: &'static Shape, valid: &Value) {
        if !matches!(shape, Shape::Document) {
            self.put("null", Value::Null);
        }
        self.place(shape, Some(valid));
    }

    /// Spoils the value at the current place, then what is inside it.
    fn place(&mut self, shape: &'static Shape, valid: Option<&Value>) {
        self.wrong_types(shape);
        match shape {
            Shape::String {
                min,
                max,
                enumeration,
                ..
            } => self.strings(*min, *max, enumeration),
            Shape::Integer { min, max } => self.integers(*min, *max, (i32::MIN.into(), i32::MAX.into())),
            Shape::Long { min, max } => self.integers(*min, *max, (i64::MIN, i64::MAX)),
            Shape::Float { min, max } | Shape::Double { min, max } => {
                self.put_raw("out of all range", "1e999");
                if let Some(min) = min {
                    self.put("below the minimum", json!(min - 0.5));
                }
                if let Some(max) = max {
                    self.put("above the maximum", json!(max + 0.5));
                }
            }
            Shape::Timestamp => {
                self.put("not a timestamp", json!("the day after tomorrow"));
                self.put("out of range", json!(1e18));
            }
            Shape::Blob { .. } => self.put("not base64", json!("!")),
            Shape::List { member, min, max, .. } => self.lists(member, *min, *max),
            Shape::Structure { .. } | Shape::Map { .. } | Shape::Boolean | Shape::Document => {}
        }
        if let Some(valid) = valid {
            self.within(shape, valid);
        }
    }

    fn wrong_types(&mut self, shape: &Shape) {
        let (expected, also) = match shape {
            Shape::Structure { .. } | Shape::Map { .. } => ("object", ""),
            Shape::List { .. } => ("list", ""),
            Shape::String { .. } | Shape::Blob { .. } => ("string", ""),
            Shape::Integer { .. } | Shape::Long { .. } | Shape::Float { .. } | Shape::Double { .. } => {
                ("number", "")
            }
            Shape::Timestamp => ("number", "string"),
            Shape::Boolean => ("boolean", ""),
            Shape::Document => return,
        };
        for (name, wrong) in [
            ("object", json!({"key": {"key": 1}})),
            ("list", json!([[1]])),
            ("string", json!("1")),
            ("number", json!(7)),
            ("boolean", json!(true)),
        ] {
            if name != expected && name != also {
                self.put(&format!("{name} instead of {expected}"), wrong);
            }
        }
    }

    fn strings(&mut self, min: Option<i64>, max: Option<i64>, enumeration: &[&str]) {
        if !enumeration.is_empty() {
            self.put("unknown value", json!("no-such-value"));
            self.put("empty value", json!(""));
            return;
        }
        self.put("null character", json!("a\0b"));
        if min.is_some_and(|min| min > 0) {
            self.put("too short", json!(""));
        }
        if let Some(max) = max.and_then(|max| usize::try_from(max).ok()) {
            self.put("too long", json!("a".repeat(max + 1)));
        }
        self.put("huge string", json!("a".repeat(HUGE_STRING)));
    }

    fn integers(&mut self, min: Option<i64>, max: Option<i64>, (lowest, highest): (i64, i64)) {
        self.put("fraction", json!(1.5));
        self.put_raw("out of all range", "1e300");
        let (min, max) = (min.unwrap_or(lowest), max.unwrap_or(highest));
        self.put_raw("below the minimum", &(i128::from(min) - 1).to_string());
        self.put_raw("above the maximum", &(i128::from(max) + 1).to_string());
    }

    fn lists(&mut self, member: &'static Shape, min: Option<i64>, max: Option<i64>) {
        let element = sample::minimal(member);
        let of = |count: usize| Value::Array(vec![element.clone(); count]);
        if min.is_some_and(|min| min > 0) {
            self.put("too short", of(0));
        }
        if let Some(max) = max.and_then(|max| usize::try_from(max).ok()) {
            self.put("too long", of(max + 1));
        }
        let enumeration = matches!(member, Shape::String { enumeration, .. } if !enumeration.is_empty());
        if !enumeration {
            self.put("huge list", of(HUGE_LIST));
        }
    }

    fn at(&mut self, step: Step, spoil: impl FnOnce(&mut Self)) {
        self.path.push(step);
        spoil(self);
        self.path.pop();
    }

    /// The valid body with another value at the current place.
    fn put(&mut self, how: &str, value: Value) {
        let mut body = self.valid.clone();
        set(&mut body, &self.path, Some(value));
        self.add(how, body.to_string().into_bytes());
    }

    /// The valid body with any text at the current place.
    fn put_raw(&mut self, how: &str, text: &str) {
        let mut body = self.valid.clone();
        set(&mut body, &self.path, Some(json!(RAW)));
        self.add(
            how,
            body.to_string().replace(&format!("\"{RAW}\""), text).into_bytes(),
        );
    }

    /// The valid body without the member at the current place.
    fn remove(&mut self) {
        let mut body = self.valid.clone();
        set(&mut body, &self.path, None);
        self.add("missing", body.to_string().into_bytes());
    }

    fn add(&mut self, how: &str, body: Vec<u8>) {
        let mut name = String::new();
        for step in &self.path {
            match step {
                Step::Name(member) if name.is_empty() => name += member,
                Step::Name(member) => name += &format!(".{member}"),
                Step::Index(at) => name += &format!("[{at}]"),
            }
        }
        let name = if name.is_empty() {
            format!("body: {how}")
        } else {
            format!("{name}: {how}")
        };
        self.made.push((name, body));
    }
}

/// Puts a value at a path, or removes the member there.
fn set(body: &mut Value, path: &[Step], value: Option<Value>) {
    let (Some((last, above)), mut place) = (path.split_last(), body) else {
        return;
    };
    for step in above {
        place = match step {
            Step::Name(name) => &mut place[name.as_str()],
            Step::Index(at) => &mut place[*at],
        };
    }
    match (last, value) {
        (Step::Name(name), Some(value)) => place[name.as_str()] = value,
        (Step::Index(at), Some(value)) => place[*at] = value,
        (Step::Name(name), None) => {
            place.as_object_mut().and_then(|object| object.remove(name));
        }
        (Step::Index(_), None) => {}
    }
}

fn deep(open: &str, close: &str) -> String {
    open.repeat(DEEP) + &close.repeat(DEEP)
}
