//! From an operation's name to its file.

use aws_model::{Constraint, Violation};

use crate::ec2::codes;
use crate::edge::{Conventions, Payload, operations, query};
use crate::error::Code;
use crate::{Error, Result};

// One line per operation, in the order of the API reference.
operations! {
    ec2 as Ec2 {
    }
}

/// How EC2 says things.
struct Ec2;

impl Conventions for Ec2 {
    const FAULT: Code = codes::INTERNAL_ERROR;

    fn unreadable(text: String) -> Error {
        Error::new(codes::INVALID_PARAMETER_VALUE, text)
    }

    fn invalid(violation: &Violation) -> Error {
        let parameter = violation.parameter();
        if violation.constraint == Constraint::Present {
            let text = format!("The request must contain the parameter {parameter}");
            return Error::new(codes::MISSING_PARAMETER, text);
        }
        let value = violation.value.as_deref().unwrap_or_default();
        let rule = violation.constraint.rule();
        let text = format!("Value ({value}) for parameter {parameter} is invalid. It must {rule}.");
        Error::new(codes::INVALID_PARAMETER_VALUE, text)
    }

    fn unknown(operation: &str) -> Error {
        query::invalid_action(operation)
    }

    fn not_implemented(operation: &str) -> Error {
        query::unsupported(operation)
    }

    /// `DryRun=true` asks whether the request would be carried out, and does nothing.
    fn admit(payload: &Payload) -> Result<()> {
        match payload.flag("DryRun") {
            true => Err(Error::new(
                codes::DRY_RUN_OPERATION,
                "Request would have succeeded, but DryRun flag is set.",
            )),
            false => Ok(()),
        }
    }
}
