//! Static descriptions of shapes: which values a request may hold.

/// What values are allowed at a place in a request. Bounds are inclusive; lengths of strings are counted in characters.
#[derive(Debug)]
pub enum Shape {
    Structure {
        name: &'static str,
        members: &'static [Member],
    },
    List {
        member: &'static Shape,
        min: Option<i64>,
        max: Option<i64>,
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
#[derive(Debug)]
pub struct Member {
    /// The exact name in a request.
    pub name: &'static str,
    pub shape: &'static Shape,
    pub required: bool,
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
    /// The members of a structure; none for other shapes.
    pub fn members(&self) -> &'static [Member] {
        match self {
            Self::Structure { members, .. } => members,
            _ => &[],
        }
    }
}
