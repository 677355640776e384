//! What a request says about its signature, in the header form or the presigned (query) form. Nothing is proven yet.

use std::borrow::Cow;

use chrono::TimeDelta;
use http::header::{AUTHORIZATION, DATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::canonical::query_pairs;
use crate::error::AuthError;
use crate::timestamp::Timestamp;
use crate::{ALGORITHM, TERMINATOR};

/// Longest life of a presigned request, in seconds: a week.
pub(crate) const MAX_EXPIRES: i64 = 604_800;

pub(crate) struct Presented<'a> {
    /// Text of the credential: key id and scope.
    pub credential: Cow<'a, str>,
    /// Names of signed headers joined by `;`.
    pub signed_headers: Cow<'a, str>,
    pub signature: Cow<'a, str>,
    pub timestamp: Timestamp,
    pub session_token: Option<Cow<'a, str>>,
    /// How long a presigned request is good; `None` in the header form.
    pub expires: Option<TimeDelta>,
}

/// The parts of a credential: `<key id>/<date>/<region>/<service>/aws4_request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CredentialScope<'a> {
    pub access_key_id: &'a str,
    pub date: &'a str,
    pub region: &'a str,
    pub service: &'a str,
}

impl<'a> CredentialScope<'a> {
    pub fn parse(credential: &'a str) -> Result<Self, AuthError> {
        let mut parts = credential.split('/');
        let mut next = || parts.next();
        let five = (next(), next(), next(), next(), next(), next());
        let (Some(access_key_id), Some(date), Some(region), Some(service), Some(terminator), None) = five
        else {
            return Err(incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
                 '{credential}'"
            )));
        };
        if terminator != TERMINATOR {
            return Err(AuthError::InvalidSignature(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'."
            )));
        }
        Ok(Self {
            access_key_id,
            date,
            region,
            service,
        })
    }
}

impl<'a> Presented<'a> {
    /// Reads the header form if there is an `Authorization` header, else the query form.
    pub fn of(parts: &'a Parts) -> Result<Self, AuthError> {
        let mut authorizations = parts.headers.get_all(AUTHORIZATION).iter();
        match (authorizations.next(), authorizations.next()) {
            (Some(one), None) => Self::in_header(one, &parts.headers),
            (Some(_), Some(_)) => Err(incomplete("Authorization header must be sent once.")),
            (None, _) => Self::in_query(parts.uri.query().unwrap_or_default(), &parts.headers),
        }
    }

    fn in_header(authorization: &'a HeaderValue, headers: &'a HeaderMap) -> Result<Self, AuthError> {
        let text = printable(authorization, "Authorization")?.trim();
        let (algorithm, fields) = text.split_once(' ').unwrap_or((text, ""));
        check_algorithm(algorithm)?;
        let mut found = Fields::default();
        for field in fields.split(',').map(str::trim).filter(|field| !field.is_empty()) {
            let Some((name, value)) = field.split_once('=') else {
                return Err(incomplete(format!(
                    "'{field}' not a valid key=value pair (missing equal-sign) in Authorization header."
                )));
            };
            found.put(name, value.into())?;
        }
        let timestamp = header_timestamp(headers)?;
        let mut missing = found.missing(&["Credential", "Signature", "SignedHeaders"], |name| {
            format!("Authorization header requires '{name}' parameter. ")
        });
        if timestamp.is_none() {
            missing.push_str(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
            );
        }
        match (found.credential, found.signature, found.signed_headers, timestamp) {
            (Some(credential), Some(signature), Some(signed_headers), Some(timestamp)) => Ok(Self {
                credential,
                signature,
                signed_headers,
                timestamp,
                session_token: header_token(headers)?,
                expires: None,
            }),
            _ => Err(incomplete(missing.trim_end())),
        }
    }

    fn in_query(query: &'a str, headers: &'a HeaderMap) -> Result<Self, AuthError> {
        if !["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"]
            .iter()
            .any(|name| query.contains(name))
        {
            return Err(AuthError::MissingAuthenticationToken);
        }
        let mut found = Fields::default();
        for (name, value) in query_pairs(query).map_err(|error| incomplete(error.to_string()))? {
            let Some(name) = name
                .strip_prefix(b"X-Amz-")
                .and_then(|name| std::str::from_utf8(name).ok())
            else {
                continue;
            };
            let value = String::from_utf8(value.into_owned())
                .map_err(|_| incomplete(format!("'X-Amz-{name}' is not UTF-8 text.")))?;
            found.put(name, value.into())?;
        }
        let required = [
            "Algorithm",
            "Credential",
            "Signature",
            "SignedHeaders",
            "Date",
            "Expires",
        ];
        let missing = found.missing(&required, |name| {
            format!("AWS query-string parameters must include 'X-Amz-{name}'. ")
        });
        if !missing.is_empty() {
            return Err(incomplete(format!(
                "{missing}Re-examine the query-string parameters."
            )));
        }
        check_algorithm(&found.algorithm.unwrap_or_default())?;
        let date = found.date.unwrap_or_default();
        Ok(Self {
            credential: found.credential.unwrap_or_default(),
            signature: found.signature.unwrap_or_default(),
            signed_headers: found.signed_headers.unwrap_or_default(),
            timestamp: Timestamp::parse(&date).ok_or_else(|| bad_date(&date))?,
            session_token: match found.security_token {
                Some(token) => Some(token),
                None => header_token(headers)?,
            },
            expires: Some(expires(&found.expires.unwrap_or_default())?),
        })
    }
}

/// The named parts of a signature, each given at most once.
#[derive(Default)]
struct Fields<'a> {
    algorithm: Option<Cow<'a, str>>,
    credential: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    signed_headers: Option<Cow<'a, str>>,
    date: Option<Cow<'a, str>>,
    expires: Option<Cow<'a, str>>,
    security_token: Option<Cow<'a, str>>,
}

impl<'a> Fields<'a> {
    fn put(&mut self, name: &str, value: Cow<'a, str>) -> Result<(), AuthError> {
        match self.slot(name) {
            Some(slot) if slot.is_some() => Err(incomplete(format!("'{name}' must be given once."))),
            Some(slot) => {
                *slot = Some(value);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<Cow<'a, str>>> {
        Some(match name {
            "Algorithm" => &mut self.algorithm,
            "Credential" => &mut self.credential,
            "Signature" => &mut self.signature,
            "SignedHeaders" => &mut self.signed_headers,
            "Date" => &mut self.date,
            "Expires" => &mut self.expires,
            "Security-Token" => &mut self.security_token,
            _ => return None,
        })
    }

    fn missing(&mut self, required: &[&str], sentence: impl Fn(&str) -> String) -> String {
        required
            .iter()
            .filter(|name| self.slot(name).is_some_and(|slot| slot.is_none()))
            .map(|name| sentence(name))
            .collect()
    }
}

fn check_algorithm(algorithm: &str) -> Result<(), AuthError> {
    if algorithm == ALGORITHM {
        Ok(())
    } else if algorithm.starts_with("AWS") {
        Err(incomplete(format!(
            "Unsupported AWS 'algorithm': '{algorithm}' (only {ALGORITHM} is accepted)."
        )))
    } else {
        Err(AuthError::MissingAuthenticationToken)
    }
}

fn header_timestamp(headers: &HeaderMap) -> Result<Option<Timestamp>, AuthError> {
    if let Some(value) = single(headers, "x-amz-date")? {
        return Timestamp::parse(value).map(Some).ok_or_else(|| bad_date(value));
    }
    let Some(value) = single(headers, DATE.as_str())? else {
        return Ok(None);
    };
    Timestamp::parse_date_header(value)
        .map(Some)
        .ok_or_else(|| bad_date(value))
}

fn header_token(headers: &HeaderMap) -> Result<Option<Cow<'_, str>>, AuthError> {
    Ok(single(headers, "x-amz-security-token")?.map(Cow::from))
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, AuthError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => printable(value, name).map(|text| Some(text.trim())),
        (Some(_), Some(_)) => Err(incomplete(format!("'{name}' header must be sent once."))),
    }
}

fn printable<'a>(value: &'a HeaderValue, name: &str) -> Result<&'a str, AuthError> {
    value
        .to_str()
        .map_err(|_| incomplete(format!("'{name}' header must be printable ASCII text.")))
}

fn expires(text: &str) -> Result<TimeDelta, AuthError> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| (1..=MAX_EXPIRES).contains(seconds));
    let seconds = seconds.ok_or_else(|| {
        incomplete(format!(
            "X-Amz-Expires must be a number of seconds from 1 to {MAX_EXPIRES}, got '{text}'."
        ))
    })?;
    Ok(TimeDelta::seconds(seconds))
}

fn bad_date(text: &str) -> AuthError {
    incomplete(format!(
        "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
    ))
}

fn incomplete(text: impl Into<String>) -> AuthError {
    AuthError::IncompleteSignature(text.into())
}
