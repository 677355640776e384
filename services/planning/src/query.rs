//! The cluster query language: the `expression` of a `memberOf` constraint and the `filter` of ListContainerInstances
//! (section 8 of the behaviour reference, P-20 to P-22).
//!
//! ```
//! use planning::query::Expression;
//! let expression = Expression::parse("attribute:ecs.instance-type =~ g2.* and not(task:group == service:web)")?;
//! assert_eq!(
//!     expression.to_string(),
//!     "attribute:ecs.instance-type =~ 'g2.*' and task:group != 'service:web'"
//! );
//! # Ok::<(), planning::query::ParseError>(())
//! ```
//!
//! What the language leaves open is settled thus:
//! - `!=`, `not_in`, `not_matches` and `not_exists` are the negation of their positive form, so `attribute:stack != prod`
//!   is true for a host without that attribute, and `task:group != a` is true where no task of group `a` runs.
//! - `<`, `<=`, `>`, `>=` on an attribute or a task group compare as numbers where both sides are numbers, else as text.
//! - A capability (an attribute without value) exists and equals nothing.

mod ast;
mod cursor;
mod error;
mod evaluate;
mod parser;
mod pattern;
mod print;
mod version;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::str::FromStr;

pub(crate) use ast::{Node, Test, TextTest};
pub use error::{ParseError, ParseErrorKind};
pub use evaluate::Subject;
pub(crate) use evaluate::{date_holds, version_holds};

/// Greatest length of an expression, in characters (P-22).
pub const MAX_LENGTH: usize = 2000;

/// Greatest depth of parentheses and negations; keeps parsing and evaluation off the end of the stack.
pub const MAX_DEPTH: usize = 64;

/// A parsed expression of the cluster query language.
///
/// `Display` writes it in one canonical form, which parses back to an equal expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    root: Node,
}

impl Expression {
    /// Parses an expression of at most [`MAX_LENGTH`] characters.
    ///
    /// # Errors
    /// Says what is wrong and at which character (P-22).
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parser::parse(text).map(|root| Self { root })
    }

    /// True when the container instance satisfies the expression.
    pub fn matches(&self, subject: &impl Subject) -> bool {
        evaluate::matches(&self.root, subject)
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }
}

impl FromStr for Expression {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}
