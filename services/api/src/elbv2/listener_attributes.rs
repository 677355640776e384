//! Attributes of listeners: names of headers that carry TLS facts, headers that answers get, idle timeouts.

use store::listeners::ListenerRow;

use super::attributes::{Attribute, Catalogue, Map, SWITCH, Values, invalid_configuration};
use crate::Result;

/// What decides which attributes a listener has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    protocol: String,
}

impl Subject {
    pub fn of(row: &ListenerRow) -> Self {
        Self {
            protocol: row.protocol.clone(),
        }
    }
}

pub static CATALOGUE: Catalogue<Subject> = Catalogue {
    noun: "Listener",
    attributes: ATTRIBUTES,
    unsupported: |subject, key| {
        format!(
            "Listener attribute key '{key}' is not supported for {} listeners",
            subject.protocol
        )
    },
    check,
};

/// Longest name of a header, and longest value.
const NAME: Values = Values::Text { max: 40 };
const VALUE: Values = Values::Text { max: 1024 };

fn http(subject: &Subject) -> bool {
    matches!(subject.protocol.as_str(), "HTTP" | "HTTPS")
}

fn https(subject: &Subject) -> bool {
    subject.protocol == "HTTPS"
}

fn tcp(subject: &Subject) -> bool {
    subject.protocol == "TCP"
}

const fn renamed(key: &'static str, default: fn(&Subject) -> &'static str) -> Attribute<Subject> {
    Attribute {
        key,
        values: NAME,
        applies: https,
        default,
        has_effect: true,
    }
}

const fn answered(key: &'static str, values: Values) -> Attribute<Subject> {
    Attribute {
        key,
        values,
        applies: http,
        default: |_| "",
        has_effect: true,
    }
}

const NAMES_END: &str = ".header_name";
const MAX_AGE: &str = "routing.http.response.access_control_max_age.header_value";
const TRANSPORT_SECURITY: &str = "routing.http.response.strict_transport_security.header_value";

static ATTRIBUTES: &[Attribute<Subject>] = &[
    Attribute {
        key: "tcp.idle_timeout.seconds",
        values: Values::Number {
            min: 60,
            max: 6000,
            or: None,
        },
        applies: tcp,
        default: |_| "350",
        has_effect: true,
    },
    renamed(
        "routing.http.request.x_amzn_tls_version.header_name",
        |_| "X-Amzn-Tls-Version",
    ),
    renamed(
        "routing.http.request.x_amzn_tls_cipher_suite.header_name",
        |_| "X-Amzn-Tls-Cipher-Suite",
    ),
    renamed(
        "routing.http.request.x_amzn_mtls_clientcert.header_name",
        |_| "X-Amzn-Mtls-Clientcert",
    ),
    renamed(
        "routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name",
        |_| "X-Amzn-Mtls-Clientcert-Serial-Number",
    ),
    renamed(
        "routing.http.request.x_amzn_mtls_clientcert_issuer.header_name",
        |_| "X-Amzn-Mtls-Clientcert-Issuer",
    ),
    renamed(
        "routing.http.request.x_amzn_mtls_clientcert_subject.header_name",
        |_| "X-Amzn-Mtls-Clientcert-Subject",
    ),
    renamed(
        "routing.http.request.x_amzn_mtls_clientcert_validity.header_name",
        |_| "X-Amzn-Mtls-Clientcert-Validity",
    ),
    renamed(
        "routing.http.request.x_amzn_mtls_clientcert_leaf.header_name",
        |_| "X-Amzn-Mtls-Clientcert-Leaf",
    ),
    Attribute {
        key: "routing.http.response.server.enabled",
        values: SWITCH,
        applies: http,
        default: |_| "true",
        has_effect: true,
    },
    answered(TRANSPORT_SECURITY, VALUE),
    answered(
        "routing.http.response.access_control_allow_origin.header_value",
        VALUE,
    ),
    answered(
        "routing.http.response.access_control_allow_methods.header_value",
        VALUE,
    ),
    answered(
        "routing.http.response.access_control_allow_headers.header_value",
        VALUE,
    ),
    answered(
        "routing.http.response.access_control_allow_credentials.header_value",
        Values::OneOf(&["true", ""]),
    ),
    answered(
        "routing.http.response.access_control_expose_headers.header_value",
        VALUE,
    ),
    answered(MAX_AGE, VALUE),
    answered(
        "routing.http.response.content_security_policy.header_value",
        VALUE,
    ),
    answered(
        "routing.http.response.x_content_type_options.header_value",
        Values::OneOf(&["nosniff", ""]),
    ),
    answered(
        "routing.http.response.x_frame_options.header_value",
        Values::OneOf(&["DENY", "SAMEORIGIN", ""]),
    ),
];

fn check(_: &Subject, whole: &Map) -> Result<()> {
    let token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    for (key, value) in whole {
        let refused = match key.as_str() {
            name if name.ends_with(NAMES_END) => value.is_empty() || !value.chars().all(token),
            MAX_AGE => !value.is_empty() && !value.parse::<u32>().is_ok_and(|age| age <= 86_400),
            _ => value.chars().any(|c| c.is_control() || !c.is_ascii()),
        };
        if refused {
            return Err(invalid_configuration(format!(
                "Listener attribute value '{value}' for key '{key}' is not valid"
            )));
        }
    }
    Ok(())
}
