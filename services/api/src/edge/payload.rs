//! What a request carries, in one of the forms that AWS protocols have.

use aws_model::query::{self, Form};
use aws_model::{DecodeError, Operation};
use bytes::Bytes;
use serde_json::Value;

/// A request's parameters as they came. The answer is written in the form that goes with it.
#[derive(Debug)]
pub enum Payload {
    /// AWS JSON in, JSON out. Understood of all services, so that tests can speak to all in the same way.
    Json(Bytes),
    /// Form parameters in, XML out: the Query protocols.
    Form(Form),
}

impl Payload {
    /// The typed request.
    ///
    /// # Errors
    /// When it is no request of this operation.
    pub fn read<Op: Operation>(&self) -> std::result::Result<Op::Input, DecodeError> {
        match self {
            Self::Json(body) => aws_model::decode::<Op>(body),
            Self::Form(form) => query::decode::<Op>(form),
        }
    }

    /// Whether a member of the request that is a boolean is true.
    pub fn flag(&self, name: &str) -> bool {
        match self {
            Self::Json(body) => serde_json::from_slice::<Value>(body).is_ok_and(|body| body[name] == true),
            Self::Form(form) => form.get(name) == Some("true"),
        }
    }

    /// The body of the answer.
    pub fn write<Op: Operation>(&self, output: &Op::Output, request_id: &str) -> Vec<u8> {
        match self {
            Self::Json(_) => aws_model::encode(output),
            Self::Form(_) => query::encode::<Op>(output, request_id),
        }
    }
}
