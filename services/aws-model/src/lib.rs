//! Requests, responses and errors of the AWS APIs that Berth answers: generated types, static schemas of what a request may
//! hold, and the decoder that checks a body against them.
//!
//! `src/generated` is written by `cargo xtask codegen`; everything else is by hand.

mod blob;
mod decode;
mod error_code;
mod generated;
pub mod malformed;
mod operation;
pub mod query;
pub mod sample;
pub mod schema;
mod string_enum;
mod timestamp;

pub use blob::Blob;
pub use decode::{Constraint, DecodeError, Violation, decode, encode};
pub use generated::{acm, ec2, ecs, elbv2};
pub use operation::{Nothing, Operation, OperationInfo, OperationVisitor, Protocol, Service};
pub use schema::Shape;
pub use string_enum::{StringEnum, UnknownValue};
pub use timestamp::Timestamp;
