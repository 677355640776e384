//! Keys in memory, requests in text form, and a verifier over both.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use std::time::Duration;

use auth::canonical::PathStyle;
use auth::{
    AuthError, Caller, Credentials, KeyRecord, KeyStatus, Keys, KeysError, Secret, Signer, Verifier,
    VerifierSettings,
};
use chrono::{DateTime, Utc};
use http::request::Parts;
use http::{HeaderValue, Request};

pub const ID: &str = "AKIDEXAMPLE";
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[derive(Default)]
pub struct FixedKeys(HashMap<String, Arc<KeyRecord>>);

#[async_trait]
impl Keys for FixedKeys {
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<KeyRecord>>, KeysError> {
        if access_key_id == "BROKEN" {
            return Err(KeysError::Source("the database is away".into()));
        }
        Ok(self.0.get(access_key_id).cloned())
    }
}

impl FixedKeys {
    pub fn with(mut self, record: KeyRecord) -> Self {
        self.0.insert(record.access_key_id.clone(), Arc::new(record));
        self
    }
}

pub fn key(id: &str) -> KeyRecord {
    KeyRecord {
        access_key_id: id.to_owned(),
        account: "123456789012".parse().unwrap(),
        principal_arn: "arn:aws:iam::123456789012:user/ada".to_owned(),
        user_id: "AIDAEXAMPLE".to_owned(),
        secret: Secret::new(SECRET),
        status: KeyStatus::Active,
        session_token: None,
        expires_at: None,
    }
}

pub fn credentials(id: &str, token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: id.to_owned(),
        secret: Secret::new(SECRET),
        session_token: token.map(Secret::new),
    }
}

pub fn signer() -> Signer {
    Signer::new(credentials(ID, None), "us-east-1", "ecs")
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub fn now() -> DateTime<Utc> {
    at("2026-11-23T10:00:00Z")
}

/// A verifier whose future is simply driven to its end.
pub struct Checked(Verifier);

impl Checked {
    pub fn new(keys: FixedKeys, settings: VerifierSettings) -> Self {
        Self(Verifier::new(Arc::new(keys), settings))
    }

    pub fn with_example_key() -> Self {
        Self::new(FixedKeys::default().with(key(ID)), VerifierSettings::default())
    }

    pub fn with_style(keys: FixedKeys, path_style: PathStyle) -> Self {
        Self::new(
            keys,
            VerifierSettings {
                path_style,
                ..VerifierSettings::default()
            },
        )
    }

    pub fn verify(&self, parts: &Parts, body: &[u8], now: DateTime<Utc>) -> Result<Caller, AuthError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.0.verify(parts, body, now))
    }
}

/// An ECS call as an SDK makes it, not signed yet.
pub fn ecs_call() -> (Parts, Vec<u8>) {
    let request = Request::post("http://127.0.0.1:8400/")
        .header("host", "127.0.0.1:8400")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AmazonEC2ContainerServiceV20141113.ListClusters")
        .header("user-agent", "aws-cli/2")
        .body(())
        .unwrap();
    (request.into_parts().0, br#"{"maxResults":10}"#.to_vec())
}

/// Reads a request in text form: request line, headers (continued lines too), empty line, body.
pub fn read_request(text: &str) -> (Parts, Vec<u8>) {
    let (head, body) = text
        .split_once("\n\n")
        .unwrap_or((text.trim_end_matches('\n'), ""));
    let mut lines = head.split('\n');
    let first = lines.next().unwrap();
    let (method, target) = first
        .strip_suffix(" HTTP/1.1")
        .unwrap_or(first)
        .split_once(' ')
        .unwrap();
    let mut request = Request::builder()
        .method(method)
        .uri(escape_what_no_uri_holds(target));
    let mut headers: Vec<(&str, String)> = Vec::new();
    for line in lines {
        if line.starts_with(' ') {
            headers.last_mut().unwrap().1.push_str(line);
        } else {
            let (name, value) = line.split_once(':').unwrap();
            headers.push((name, value.to_owned()));
        }
    }
    for (name, value) in headers {
        request = request.header(name, value.trim());
    }
    (request.body(()).unwrap().into_parts().0, body.as_bytes().to_vec())
}

fn escape_what_no_uri_holds(target: &str) -> String {
    let escape = |byte: u8| match byte {
        b' ' | 0x80.. => format!("%{byte:02X}"),
        byte => char::from(byte).to_string(),
    };
    target.bytes().map(escape).collect()
}

pub fn signed() -> (Parts, Vec<u8>) {
    let (mut parts, body) = ecs_call();
    signer().sign(&mut parts, &body, now()).unwrap();
    (parts, body)
}

pub fn presigned(expires: u64) -> (Parts, Vec<u8>) {
    let (mut parts, body) = ecs_call();
    signer()
        .presign(&mut parts, &body, now(), Duration::from_secs(expires))
        .unwrap();
    (parts, body)
}

pub fn refused(parts: &Parts, body: &[u8]) -> AuthError {
    Checked::with_example_key()
        .verify(parts, body, now())
        .unwrap_err()
}

pub fn set(parts: &mut Parts, name: &'static str, value: &str) {
    parts.headers.insert(name, HeaderValue::from_str(value).unwrap());
}

pub fn authorization(parts: &Parts) -> String {
    parts.headers["authorization"].to_str().unwrap().to_owned()
}
