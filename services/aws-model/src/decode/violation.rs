//! A value that the model does not allow: where it stands, what it is, and the sentences that services say about it.

use std::fmt::{self, Display};

use crate::schema::Member;

/// A request's value against a rule of the model. Its [`Display`] is the sentence of ECS; [`Violation::sentence`] is that of
/// most other services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub(super) steps: Vec<Step>,
    /// The value as far as an answer repeats it, the size of a list, map or blob, nothing for a value that is missing.
    pub value: Option<String>,
    pub constraint: Constraint,
}

/// One part of the way from the whole request to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Member {
        /// The model's name.
        name: &'static str,
        /// The name in form parameters.
        query: &'static str,
    },
    Key(String),
    /// Counted from 0.
    Index(usize),
}

impl From<&Member> for Step {
    fn from(member: &Member) -> Self {
        Self::Member {
            name: member.name,
            query: member.query,
        }
    }
}

/// The rule that does not hold. Bounds are inclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constraint {
    /// The member is required.
    Present,
    /// The value is one of these.
    OneOf(&'static [&'static str]),
    /// The text has no character U+0000.
    NoNul,
    /// The whole text matches.
    Pattern(&'static str),
    /// So many characters, bytes, members or entries at least.
    LengthAtLeast { bound: i64, unit: &'static str },
    /// So many characters, bytes, members or entries at most.
    LengthAtMost { bound: i64, unit: &'static str },
    /// The number or time lies between these; `below` tells at which end it does not.
    Within { min: String, max: String, below: bool },
}

impl Violation {
    /// The way to the value, as in `containerDefinitions[0].name`.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.steps {
            let dot = if path.is_empty() { "" } else { "." };
            match step {
                Step::Member { name, .. } => path += &format!("{dot}{name}"),
                Step::Key(key) => path += &format!("{dot}{}", Shortened(key)),
                Step::Index(at) => path += &format!("[{at}]"),
            }
        }
        path
    }

    /// The form parameter that the value stands in, as EC2 counts and calls it: `Filter.1.Name`.
    pub fn parameter(&self) -> String {
        let parts: Vec<String> = self
            .steps
            .iter()
            .map(|step| match step {
                Step::Member { query, .. } => (*query).to_owned(),
                Step::Key(key) => Shortened(key).to_string(),
                Step::Index(at) => (at + 1).to_string(),
            })
            .collect();
        parts.join(".")
    }

    /// The sentence of most services: `1 validation error detected: Value null at 'name' failed to satisfy constraint: Member
    /// must not be null`.
    pub fn sentence(&self) -> String {
        let value = match &self.value {
            Some(value) => format!("'{value}'"),
            None => "null".to_owned(),
        };
        let parts: Vec<String> = self.steps.iter().map(coral).collect();
        let (place, rule) = (parts.join("."), self.constraint.rule());
        format!(
            "1 validation error detected: Value {value} at '{place}' failed to satisfy constraint: Member must {rule}"
        )
    }
}

/// A step as it stands in [`Violation::sentence`].
fn coral(step: &Step) -> String {
    match step {
        Step::Member { name, .. } => {
            let (first, rest) = name.split_at(name.len().min(1));
            first.to_ascii_lowercase() + rest
        }
        Step::Key(key) => format!("{}.member", Shortened(key)),
        Step::Index(at) => format!("{}.member", at + 1),
    }
}

impl Constraint {
    /// What the value must, such as `have length less than or equal to 32`.
    pub fn rule(&self) -> String {
        match self {
            Self::Present => "not be null".to_owned(),
            Self::OneOf(valid) => format!("satisfy enum value set: [{}]", valid.join(", ")),
            Self::NoNul => "not contain the character U+0000".to_owned(),
            Self::Pattern(pattern) => format!("satisfy regular expression pattern: {pattern}"),
            Self::LengthAtLeast { bound, .. } => format!("have length greater than or equal to {bound}"),
            Self::LengthAtMost { bound, .. } => format!("have length less than or equal to {bound}"),
            Self::Within { min, below: true, .. } => format!("have value greater than or equal to {min}"),
            Self::Within { max, .. } => format!("have value less than or equal to {max}"),
        }
    }
}

impl Display for Violation {
    /// As ECS says it; a missing member starts with a capital: "Family can not be blank."
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        let value = self.value.as_deref().unwrap_or_default();
        match &self.constraint {
            Constraint::Present => {
                let (first, rest) = path.split_at(path.chars().next().map_or(0, char::len_utf8));
                write!(f, "{}{rest} can not be blank.", first.to_uppercase())
            }
            Constraint::OneOf(valid) => {
                let valid = valid.join(", ");
                write!(f, "Invalid value '{value}' for {path}. Valid values: {valid}.")
            }
            Constraint::NoNul => write!(f, "{path} must not contain the character U+0000."),
            Constraint::Pattern(pattern) => write!(f, "{path} must match the pattern {pattern}."),
            Constraint::LengthAtLeast { bound, unit } => {
                write!(f, "{path} must have at least {bound} {unit}.")
            }
            Constraint::LengthAtMost { bound, unit } => write!(f, "{path} must have at most {bound} {unit}."),
            Constraint::Within { min, max, .. } => write!(f, "{path} must be between {min} and {max}."),
        }
    }
}

/// A client's text as far as an answer repeats it.
pub(crate) struct Shortened<'a>(pub &'a str);

impl Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 100;
        match self.0.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{}…", &self.0[..end]),
            None => f.write_str(self.0),
        }
    }
}
