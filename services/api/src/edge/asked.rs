//! What a request asks for, as far as it says so before anybody has verified who asks.

use std::borrow::Cow;

use aws_model::Protocol;
use aws_model::query::Form;
use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;

use crate::edge::{Payload, SERVICES, Service, json, query};
use crate::{Error, Result};

/// An operation of a service, with its parameters.
pub struct Call {
    pub service: &'static Service,
    pub operation: String,
    pub payload: Payload,
}

/// How the client wants answers and errors.
#[derive(Clone, Copy)]
pub enum Tongue {
    Json,
    /// Of a Query service, or of Query in general when nobody knows which was meant.
    Xml(Option<&'static Service>),
}

impl Tongue {
    /// From the headers alone: `X-Amz-Target` is for JSON, a form for Query.
    pub fn of(parts: &Parts) -> Self {
        match parts.headers.contains_key("x-amz-target") || !has_form(parts) {
            true => Self::Json,
            false => Self::Xml(signed_for(parts)),
        }
    }

    /// The answer of an operation.
    pub fn reply(self, request_id: &str, body: Vec<u8>) -> Response {
        match self {
            Self::Json => json::reply(request_id, StatusCode::OK, body),
            Self::Xml(_) => query::reply(request_id, StatusCode::OK, body),
        }
    }

    /// An error as this client reads it.
    pub fn refusal(self, request_id: &str, error: &Error) -> Response {
        match self {
            Self::Json => json::refusal(request_id, error),
            Self::Xml(service) => query::refusal(service, request_id, error),
        }
    }
}

impl Call {
    /// # Errors
    /// What the client is told once it is known to be somebody: an operation that there is not, or parameters that are no form.
    pub fn read(parts: &Parts, body: Bytes) -> Result<Self> {
        match Tongue::of(parts) {
            Tongue::Json => Self::by_target(&parts.headers, body),
            Tongue::Xml(service) => Self::by_action(parts, &body, service),
        }
    }

    /// `X-Amz-Target: <prefix>.<Operation>` (W-01).
    fn by_target(headers: &HeaderMap, body: Bytes) -> Result<Self> {
        let target = text(headers, "x-amz-target").unwrap_or_default();
        let found = target.rsplit_once('.').and_then(|(prefix, operation)| {
            let known = |service: &&Service| service.model.target_prefix == Some(prefix);
            Some((SERVICES.into_iter().find(known)?, operation))
        });
        let Some((service, operation)) = found else {
            return Err(json::unknown_operation(target));
        };
        Ok(Self {
            service,
            operation: operation.to_owned(),
            payload: Payload::Json(body),
        })
    }

    /// `Action` and `Version` among the parameters of the body, or of the address when there is no body (W-03).
    fn by_action(parts: &Parts, body: &[u8], service: Option<&'static Service>) -> Result<Self> {
        let form = match body.is_empty() {
            true => Form::parse(parts.uri.query().unwrap_or_default().as_bytes()),
            false => Form::parse(body),
        };
        let form = form.map_err(|error| query::malformed_query_string(error.to_string()))?;
        let action = form.get("Action").unwrap_or_default();
        if action.is_empty() {
            return Err(query::missing_action());
        }
        let version = form.get("Version");
        // Signed for no service that speaks Query: the version tells which one was meant, and verification that it was not signed for.
        let meant = || query_services().find(|service| version == Some(service.model.api_version));
        let Some(service) = service.or_else(meant) else {
            return Err(query::invalid_action(action));
        };
        if let Some(version) = version.filter(|version| *version != service.model.api_version) {
            return Err(query::unknown_version(action, version));
        }
        Ok(Self {
            service,
            operation: action.to_owned(),
            payload: Payload::Form(form),
        })
    }
}

fn has_form(parts: &Parts) -> bool {
    let content_type = text(&parts.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") || has_action(parts)
}

/// Whether the address itself asks for an operation, as a GET may (W-03).
pub fn has_action(parts: &Parts) -> bool {
    let mut pairs = parts.uri.query().unwrap_or_default().split('&');
    pairs.any(|pair| pair.starts_with("Action="))
}

/// The Query service that the credential is scoped to.
fn signed_for(parts: &Parts) -> Option<&'static Service> {
    let name = scoped_to(parts)?;
    query_services().find(|service| service.model.signing_name == name)
}

/// The service's name in the credential `<key id>/<date>/<region>/<service>/aws4_request`.
fn scoped_to(parts: &Parts) -> Option<String> {
    let credential = match text(&parts.headers, header::AUTHORIZATION.as_str()) {
        Some(authorization) => {
            let (_, rest) = authorization.split_once("Credential=")?;
            Cow::Borrowed(rest.split([',', ' ']).next()?)
        }
        None => {
            let form = Form::parse(parts.uri.query()?.as_bytes()).ok()?;
            Cow::Owned(form.get("X-Amz-Credential")?.to_owned())
        }
    };
    credential.split('/').nth(3).map(str::to_owned)
}

fn query_services() -> impl Iterator<Item = &'static Service> {
    let speaks_query =
        |service: &&'static Service| matches!(service.model.protocol, Protocol::Query | Protocol::Ec2);
    SERVICES.into_iter().filter(speaks_query)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
