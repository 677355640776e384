//! The envelopes of answers and errors (W-03).

use super::xml::Document;
use crate::operation::{Operation, Protocol, Service};
use crate::schema::{self, Shape};

/// Writes a response as XML.
///
/// # Panics
/// Never for generated types: their maps have text keys and nothing else in them can fail.
pub fn encode<Op: Operation>(output: &Op::Output, request_id: &str) -> Vec<u8> {
    let value = serde_json::to_value(output).expect("generated types always serialize");
    let members = |document: &mut Document| document.members(Op::OUTPUT, &value);
    let mut document = Document::new();
    let name = format!("{}Response", Op::NAME);
    if Op::SERVICE.protocol == Protocol::Ec2 {
        document.declaration();
        // The model leaves out the slash that clients with strict parsers expect.
        let namespace = Op::SERVICE.xml_namespace.map(|namespace| format!("{namespace}/"));
        document.root(&name, namespace.as_deref(), |document| {
            document.text("requestId", request_id);
            members(document);
            if std::ptr::eq::<Shape>(Op::OUTPUT, &schema::NOTHING) {
                document.text("return", "true");
            }
        });
    } else {
        document.root(&name, Op::SERVICE.xml_namespace, |document| {
            document.element(&format!("{}Result", Op::NAME), members);
            document.element("ResponseMetadata", |document| {
                document.text("RequestId", request_id)
            });
        });
    }
    document.finish()
}

/// An error to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    /// Such as `LoadBalancerNotFound`.
    pub code: &'a str,
    pub message: &'a str,
    /// The client is to blame, not the server.
    pub of_sender: bool,
}

/// Writes an error as XML, in Query's form when nobody knows which service was meant.
pub fn failure(service: Option<&Service>, failure: Failure<'_>, request_id: &str) -> Vec<u8> {
    let mut document = Document::new();
    if service.is_some_and(|service| service.protocol == Protocol::Ec2) {
        document.declaration();
        document.element("Response", |document| {
            document.element("Errors", |document| {
                document.element("Error", |document| {
                    document.text("Code", failure.code);
                    document.text("Message", failure.message);
                });
            });
            document.text("RequestID", request_id);
        });
    } else {
        let namespace = service.and_then(|service| service.xml_namespace);
        document.root("ErrorResponse", namespace, |document| {
            document.element("Error", |document| {
                document.text("Type", if failure.of_sender { "Sender" } else { "Receiver" });
                document.text("Code", failure.code);
                document.text("Message", failure.message);
            });
            document.text("RequestId", request_id);
        });
    }
    document.finish()
}
