//! From an operation's name to its file.

use aws_model::Violation;
use aws_model::acm::ErrorCode;

use crate::Error;
use crate::edge::{Conventions, json, operations};
use crate::error::Code;

// One line per operation, in the order of the API reference.
operations! {
    acm as Acm {
        AddTagsToCertificate => add_tags_to_certificate,
        DeleteCertificate => delete_certificate,
        DescribeCertificate => describe_certificate,
        GetAccountConfiguration => get_account_configuration,
        GetCertificate => get_certificate,
        ImportCertificate => import_certificate,
        ListCertificates => list_certificates,
        ListTagsForCertificate => list_tags_for_certificate,
        PutAccountConfiguration => put_account_configuration,
        RemoveTagsFromCertificate => remove_tags_from_certificate,
        RenewCertificate => renew_certificate,
        RequestCertificate => request_certificate,
        UpdateCertificateOptions => update_certificate_options,
    }
}

/// How Certificate Manager says things.
struct Acm;

impl Conventions for Acm {
    const FAULT: Code = Code::with_status("InternalFailure", 500);

    fn unreadable(text: String) -> Error {
        json::serialization(text)
    }

    fn invalid(violation: &Violation) -> Error {
        Error::new(ErrorCode::ValidationException, violation.sentence())
    }

    fn unknown(operation: &str) -> Error {
        json::unknown_operation(operation)
    }

    fn not_implemented(operation: &str) -> Error {
        let text = format!("{operation} is not implemented by this version of Berth yet.");
        Error::new(Code::client("UnsupportedOperationException"), text)
    }
}
