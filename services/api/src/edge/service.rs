//! A service behind the address, and the way from an operation's name to its file.

use std::future::Future;
use std::pin::Pin;

use aws_model::{DecodeError, Operation, OperationInfo, Violation};

use crate::edge::payload::Payload;
use crate::error::Code;
use crate::{Context, Error, Result};

/// A service as the edge knows it. Each has one: `<service>::dispatch::SERVICE`.
pub struct Service {
    /// How it stands on the wire.
    pub model: &'static aws_model::Service,
    /// All operations of its model.
    pub operations: &'static [OperationInfo],
    /// The names of those that are carried out.
    pub implemented: &'static [&'static str],
    /// Decodes, carries out and encodes the operation of that name.
    pub dispatch: for<'a> fn(&'a Context, &'a str, &'a Payload) -> Carried<'a>,
    /// The error for an operation that is not in its model.
    pub unknown: fn(&str) -> Error,
}

/// The body of the answer, in the form of the payload.
pub type Carried<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>>> + Send + 'a>>;

/// What services say each in their own way, about things that are not the business of single operations.
pub trait Conventions {
    /// The code of a fault of ours.
    const FAULT: Code;

    /// The payload can not be read as a request of the operation (W-08).
    fn unreadable(text: String) -> Error;

    /// A value is not what the model allows (W-08).
    fn invalid(violation: &Violation) -> Error;

    /// The model has no such operation (W-08).
    fn unknown(operation: &str) -> Error;

    /// The model has the operation, this version of Berth has not.
    fn not_implemented(operation: &str) -> Error;

    /// What may end a well-formed request before it is carried out.
    fn admit(_payload: &Payload) -> Result<()> {
        Ok(())
    }

    /// A last look at an operation's error.
    fn settle<Op: Operation>(error: Error) -> Error {
        error
    }
}

/// Reads the request, carries the operation out and writes the answer.
pub async fn carry_out<'a, C, Op, F>(
    cx: &'a Context,
    payload: &'a Payload,
    operation: impl FnOnce(&'a Context, Op::Input) -> F,
) -> Result<Vec<u8>>
where
    C: Conventions,
    Op: Operation,
    F: Future<Output = Result<Op::Output>>,
{
    let input = payload.read::<Op>().map_err(|error| match error {
        DecodeError::Serialization(text) => C::unreadable(text),
        DecodeError::Invalid(violation) => C::settle::<Op>(C::invalid(&violation)),
    })?;
    C::admit(payload)?;
    match operation(cx, input).await {
        Ok(output) => Ok(payload.write::<Op>(&output, &cx.request_id)),
        Err(error) => Err(C::settle::<Op>(with_fault::<C>(error))),
    }
}

fn with_fault<C: Conventions>(mut error: Error) -> Error {
    if error.code == Code::FAULT {
        error.code = C::FAULT;
    }
    error
}

/// Lists the operations of a service that are carried out: `<Operation> => <file below ops>`. All others of the model answer that they
/// are not, yet.
macro_rules! operations {
    ($service:ident as $conventions:ty { $($operation:ident => $file:ident),* $(,)? }) => {
        /// The operations that are carried out.
        pub const IMPLEMENTED: &[&str] = &[$(stringify!($operation)),*];

        /// The service at the edge.
        pub static SERVICE: $crate::edge::Service = $crate::edge::Service {
            model: &aws_model::$service::SERVICE,
            operations: aws_model::$service::OPERATIONS,
            implemented: IMPLEMENTED,
            dispatch,
            unknown: <$conventions as $crate::edge::Conventions>::unknown,
        };

        /// Decodes, carries out and encodes one operation.
        #[allow(unused_variables, clippy::match_single_binding, reason = "a service may have no operations yet")]
        pub fn dispatch<'a>(
            cx: &'a $crate::Context,
            operation: &'a str,
            payload: &'a $crate::edge::Payload,
        ) -> $crate::edge::Carried<'a> {
            use $crate::edge::Conventions;
            match operation {
                $(stringify!($operation) => Box::pin(
                    $crate::edge::carry_out::<$conventions, aws_model::$service::ops::$operation, _>(
                        cx,
                        payload,
                        $crate::$service::ops::$file::$file,
                    ),
                ),)*
                other => {
                    let known = SERVICE.operations.iter().any(|known| known.name == other);
                    let error = match known {
                        true => <$conventions>::not_implemented(other),
                        false => <$conventions>::unknown(other),
                    };
                    Box::pin(std::future::ready(Err(error)))
                }
            }
        }
    };
}
pub(crate) use operations;
