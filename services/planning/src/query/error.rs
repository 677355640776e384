//! Why a text is not an expression.

use thiserror::Error;

use super::{MAX_DEPTH, MAX_LENGTH};

/// Why a text is not an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{kind} at character {position}")]
pub struct ParseError {
    /// The offending character, counted from 1.
    pub position: usize,
    pub kind: ParseErrorKind,
}

/// What is wrong with a text that is not an expression (P-20, P-22).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseErrorKind {
    #[error("an expression has at most {MAX_LENGTH} characters, one too many")]
    TooLong,
    #[error("more than {MAX_DEPTH} nested parentheses and negations")]
    TooDeep,
    #[error("expected {0}")]
    Expected(&'static str),
    #[error(
        "unknown subject '{0}', expected agentConnected, agentVersion, attribute:<name>, ec2InstanceId, \
         registeredAt, runningTasksCount or task:group"
    )]
    UnknownSubject(String),
    #[error("an attribute's name has 1 to 128 letters, digits, '_', '-', '.', '/' or '\\', got '{0}'")]
    AttributeName(String),
    #[error("operator '{operator}' cannot be used with {subject}")]
    Operator {
        subject: &'static str,
        operator: &'static str,
    },
    #[error("'{0}' is neither true nor false")]
    Boolean(String),
    #[error("'{0}' is not a version such as 1.82.0")]
    Version(String),
    #[error("'{0}' is not a date such as 2018-06-18T22:28:28Z")]
    Date(String),
    #[error("'{0}' is not a whole number")]
    Number(String),
    #[error("the quote is not closed")]
    OpenQuote,
    #[error("invalid pattern '{0}'")]
    Pattern(String),
}
