//! What is known of an operation and of its service at compile time.

use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::schema::Shape;

/// One API operation. Implemented by a generated unit struct, such as `ecs::ops::RunTask`.
pub trait Operation {
    /// The name as clients send it.
    const NAME: &'static str;
    /// The service it belongs to.
    const SERVICE: &'static Service;
    /// What a request may hold.
    const INPUT: &'static Shape;
    /// What a response holds.
    const OUTPUT: &'static Shape;
    /// Codes of the errors the model lists for this operation, sorted.
    const ERRORS: &'static [&'static str];
    /// The typed request.
    type Input: DeserializeOwned + Serialize + Debug + Clone + Default + PartialEq + Send + Sync + 'static;
    /// The typed response.
    type Output: DeserializeOwned + Serialize + Debug + Clone + Default + PartialEq + Send + Sync + 'static;
}

/// Does something with the type of each operation of a service, as `ecs::ops::visit` shows them.
pub trait OperationVisitor {
    fn visit<Op: Operation>(&mut self);
}

/// An [`Operation`] as a value, for tables.
#[derive(Debug, Clone, Copy)]
pub struct OperationInfo {
    /// The name as clients send it.
    pub name: &'static str,
    /// What a request may hold.
    pub input: &'static Shape,
    /// What a response holds.
    pub output: &'static Shape,
    /// Codes of the errors the model lists for this operation, sorted.
    pub errors: &'static [&'static str],
}

impl OperationInfo {
    /// The value for an operation's type.
    pub const fn of<Op: Operation>() -> Self {
        Self {
            name: Op::NAME,
            input: Op::INPUT,
            output: Op::OUTPUT,
            errors: Op::ERRORS,
        }
    }
}

/// How a service stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The service's id, such as `ECS`.
    pub id: &'static str,
    /// The name in a signature's credential scope.
    pub signing_name: &'static str,
    /// The API version, a date.
    pub api_version: &'static str,
    /// How requests and responses are written.
    pub protocol: Protocol,
    /// What stands before the operation in `X-Amz-Target` (W-01); JSON services only.
    pub target_prefix: Option<&'static str>,
    /// The namespace of its XML answers; Query services only.
    pub xml_namespace: Option<&'static str>,
}

/// A wire protocol of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `application/x-amz-json-1.0`.
    Json10,
    /// `application/x-amz-json-1.1` (W-01).
    Json11,
    /// Form parameters in, XML out (W-03).
    Query,
    /// The same as EC2 has it: other names, lists without a word before the index, another envelope.
    Ec2,
}

/// The input or output of an operation that has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}
