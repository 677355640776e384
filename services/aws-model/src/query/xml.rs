//! XML as the Query protocols write it.

use std::borrow::Cow;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use serde_json::Value;

use crate::Timestamp;
use crate::schema::Shape;

/// A document that is being written.
pub(super) struct Document {
    writer: Writer<Vec<u8>>,
}

impl Document {
    pub fn new() -> Self {
        Self {
            writer: Writer::new(Vec::new()),
        }
    }

    /// `<?xml version="1.0" encoding="UTF-8"?>` and a line's end.
    pub fn declaration(&mut self) {
        self.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        self.event(Event::Text(BytesText::from_escaped("\n")));
    }

    /// The outermost element, within its namespace if it has one.
    pub fn root(&mut self, name: &str, namespace: Option<&str>, inside: impl FnOnce(&mut Self)) {
        let mut start = BytesStart::new(name);
        if let Some(namespace) = namespace {
            start.push_attribute(("xmlns", namespace));
        }
        self.event(Event::Start(start));
        inside(self);
        self.event(Event::End(BytesEnd::new(name)));
    }

    /// An element with other elements inside.
    pub fn element(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.root(name, None, inside);
    }

    /// An element with a text inside.
    pub fn text(&mut self, name: &str, text: &str) {
        self.element(name, |document| {
            document.event(Event::Text(BytesText::from_escaped(escaped(text))));
        });
    }

    /// The members that a structure has, in the model's order.
    pub fn members(&mut self, shape: &Shape, structure: &Value) {
        for member in shape.members() {
            if let Some(value) = structure.get(member.name) {
                self.value(member.xml, member.shape, value);
            }
        }
    }

    fn value(&mut self, name: &str, shape: &Shape, value: &Value) {
        match (shape, value) {
            (Shape::Structure { .. }, _) => self.element(name, |document| document.members(shape, value)),
            (
                Shape::List {
                    member,
                    flattened: true,
                    ..
                },
                Value::Array(items),
            ) => {
                for item in items {
                    self.value(name, member, item);
                }
            }
            (
                Shape::List {
                    member, item: word, ..
                },
                Value::Array(items),
            ) => self.element(name, |document| {
                for item in items {
                    document.value(word, member, item);
                }
            }),
            (Shape::Map { value: shape, .. }, Value::Object(entries)) => self.element(name, |document| {
                for (key, value) in entries {
                    document.element("entry", |document| {
                        document.text("key", key);
                        document.value("value", shape, value);
                    });
                }
            }),
            (Shape::Timestamp, value) => {
                let time = value
                    .as_f64()
                    .and_then(Timestamp::from_seconds)
                    .unwrap_or_default();
                self.text(name, &time.to_string());
            }
            (_, Value::String(text)) => self.text(name, text),
            (_, other) => self.text(name, &other.to_string()),
        }
    }

    pub fn finish(self) -> Vec<u8> {
        self.writer.into_inner()
    }

    fn event(&mut self, event: Event<'_>) {
        self.writer.write_event(event).expect("memory takes every event");
    }
}

/// The text with all that means something in XML escaped. Characters that XML 1.0 does not have become U+FFFD, and a carriage
/// return is written as a reference because parsers read a bare one as a line feed.
fn escaped(text: &str) -> Cow<'_, str> {
    let plain = |letter: char| legal(letter) && !matches!(letter, '<' | '>' | '&' | '\'' | '"' | '\r');
    if text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + text.len() / 4);
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\'' => escaped.push_str("&apos;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            letter if legal(letter) => escaped.push(letter),
            _ => escaped.push(char::REPLACEMENT_CHARACTER),
        }
    }
    Cow::Owned(escaped)
}

/// The characters of XML 1.0.
fn legal(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn everything_that_means_something_in_xml_is_escaped() {
        assert_eq!(escaped("a b"), "a b");
        assert_eq!(
            escaped("<a b='c' d=\"e\">&amp;"),
            "&lt;a b=&apos;c&apos; d=&quot;e&quot;&gt;&amp;amp;"
        );
        assert_eq!(escaped("a\r\n\tb"), "a&#13;\n\tb");
    }

    #[test]
    fn characters_that_xml_does_not_have_are_replaced() {
        assert_eq!(
            escaped("a\0b\u{1b}c\u{fffe}d\u{ffff}"),
            "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}"
        );
        assert_eq!(
            escaped("é😀\u{d7ff}\u{e000}\u{fffd}"),
            "é😀\u{d7ff}\u{e000}\u{fffd}"
        );
    }
}
