//! From an operation's name to its file.

use aws_model::Violation;

use crate::Error;
use crate::edge::{Conventions, operations, query};
use crate::error::Code;

// One line per operation, in the order of the API reference.
operations! {
    elbv2 as Elbv2 {
    }
}

/// How Elastic Load Balancing says things.
struct Elbv2;

impl Conventions for Elbv2 {
    const FAULT: Code = Code::with_status("InternalFailure", 500);

    fn unreadable(text: String) -> Error {
        query::malformed_input(text)
    }

    fn invalid(violation: &Violation) -> Error {
        Error::validation(violation.sentence())
    }

    fn unknown(operation: &str) -> Error {
        query::invalid_action(operation)
    }

    fn not_implemented(operation: &str) -> Error {
        query::unsupported(operation)
    }
}
