//! Static descriptions of shapes: which values a request may hold, and how members are called on the wire.

use std::fmt;

/// What values are allowed at a place in a request. Bounds are inclusive; lengths of strings are counted in characters.
pub enum Shape {
    Structure {
        name: &'static str,
        members: &'static [Member],
    },
    List {
        member: &'static Shape,
        min: Option<i64>,
        max: Option<i64>,
        /// The element of an item in XML, and what stands before the index in Query's parameters.
        item: &'static str,
        /// Whether items stand in Query's parameters and in XML under the list's own name instead.
        flattened: bool,
    },
    Map {
        value: &'static Shape,
        min: Option<i64>,
        max: Option<i64>,
    },
    String {
        min: Option<i64>,
        max: Option<i64>,
        pattern: Option<&'static str>,
        enumeration: &'static [&'static str],
    },
    Integer {
        min: Option<i64>,
        max: Option<i64>,
    },
    Long {
        min: Option<i64>,
        max: Option<i64>,
    },
    Float {
        min: Option<f64>,
        max: Option<f64>,
    },
    Double {
        min: Option<f64>,
        max: Option<f64>,
    },
    Boolean,
    Timestamp,
    /// Base64 text; the length is that of the bytes.
    Blob {
        min: Option<i64>,
        max: Option<i64>,
    },
    /// Any JSON value.
    Document,
}

/// A member of a structure.
pub struct Member {
    /// The model's name, which JSON has.
    pub name: &'static str,
    /// The name in form parameters.
    pub query: &'static str,
    /// The name of the XML element.
    pub xml: &'static str,
    pub shape: &'static Shape,
    pub required: bool,
}

impl Member {
    /// A member that a request must have.
    pub const fn required(name: &'static str, shape: &'static Shape) -> Self {
        Self {
            name,
            query: name,
            xml: name,
            shape,
            required: true,
        }
    }

    /// The member under other names in form parameters and in XML.
    pub const fn on_wire(self, query: &'static str, xml: &'static str) -> Self {
        Self { query, xml, ..self }
    }

    /// A member that a request may leave out.
    pub const fn optional(name: &'static str, shape: &'static Shape) -> Self {
        Self {
            name,
            query: name,
            xml: name,
            shape,
            required: false,
        }
    }
}

pub static STRING: Shape = Shape::String {
    min: None,
    max: None,
    pattern: None,
    enumeration: &[],
};
pub static CHARACTER: Shape = Shape::String {
    min: Some(1),
    max: Some(1),
    pattern: None,
    enumeration: &[],
};
pub static INTEGER: Shape = Shape::Integer { min: None, max: None };
pub static LONG: Shape = Shape::Long { min: None, max: None };
pub static FLOAT: Shape = Shape::Float { min: None, max: None };
pub static DOUBLE: Shape = Shape::Double { min: None, max: None };
pub static BOOLEAN: Shape = Shape::Boolean;
pub static TIMESTAMP: Shape = Shape::Timestamp;
pub static BLOB: Shape = Shape::Blob { min: None, max: None };
pub static DOCUMENT: Shape = Shape::Document;
/// The input of an operation that takes none.
pub static NOTHING: Shape = Shape::Structure {
    name: "Nothing",
    members: &[],
};

impl Shape {
    /// What a value has to be, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Structure { .. } | Self::Map { .. } => "an object",
            Self::List { .. } => "a list",
            Self::String { .. } => "a string",
            Self::Integer { .. } | Self::Long { .. } => "an integer",
            Self::Float { .. } | Self::Double { .. } => "a number",
            Self::Boolean => "a boolean",
            Self::Timestamp => "a timestamp",
            Self::Blob { .. } => "base64 text",
            Self::Document => "a JSON value",
        }
    }

    /// The members of a structure; none for other shapes.
    pub fn members(&self) -> &'static [Member] {
        match self {
            Self::Structure { members, .. } => members,
            _ => &[],
        }
    }
}

impl fmt::Debug for Shape {
    /// Only the type: a structure may hold itself, and whole requests are long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Structure { name, .. } => write!(f, "Structure({name})"),
            Self::List { member, .. } => write!(f, "List({member:?})"),
            Self::Map { value, .. } => write!(f, "Map({value:?})"),
            Self::String { .. } => f.write_str("String"),
            Self::Integer { .. } => f.write_str("Integer"),
            Self::Long { .. } => f.write_str("Long"),
            Self::Float { .. } => f.write_str("Float"),
            Self::Double { .. } => f.write_str("Double"),
            Self::Boolean => f.write_str("Boolean"),
            Self::Timestamp => f.write_str("Timestamp"),
            Self::Blob { .. } => f.write_str("Blob"),
            Self::Document => f.write_str("Document"),
        }
    }
}
