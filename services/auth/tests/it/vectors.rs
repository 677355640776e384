//! Replays the published signing test suite; see `tests/vectors/README.md`.

use std::path::Path;
use std::time::Duration;

use auth::Signer;
use auth::canonical::{CanonicalRequest, PathStyle, canonical_path, sha256_hex};
use http::request::Parts;
use serde::Deserialize;

use crate::support::{Checked, FixedKeys, at, credentials, key, read_request};

#[derive(Deserialize)]
struct Case {
    #[serde(skip)]
    name: String,
    context: Option<Context>,
    request: String,
    header: Form,
    query: Option<Form>,
}

#[derive(Deserialize)]
struct Context {
    credentials: ContextCredentials,
    expiration_in_seconds: u64,
    normalize: bool,
    region: String,
    service: String,
    sign_body: bool,
    timestamp: String,
    #[serde(default)]
    omit_session_token: bool,
}

#[derive(Deserialize)]
struct ContextCredentials {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Form {
    canonical_request: String,
    #[serde(default)]
    string_to_sign: String,
    #[serde(default)]
    signature: String,
    signed_request: String,
}

impl Context {
    fn style(&self) -> PathStyle {
        PathStyle {
            normalize: self.normalize,
            encode_twice: false,
        }
    }

    fn signer(&self) -> Signer {
        assert_eq!(self.credentials.secret_access_key, crate::support::SECRET);
        let token = self
            .credentials
            .token
            .as_deref()
            .filter(|_| !self.omit_session_token);
        Signer::new(
            credentials(&self.credentials.access_key_id, token),
            &self.region,
            &self.service,
        )
        .with_path_style(self.style())
    }

    fn verifier(&self) -> Checked {
        // The suite's region and service are verified as they are; its key belongs to our example account.
        let mut record = key(&self.credentials.access_key_id);
        record.session_token = self.credentials.token.as_deref().map(auth::Secret::new);
        Checked::with_style(FixedKeys::default().with(record), self.style())
    }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let case: Case = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            cases.push(Case {
                name: path.file_stem().unwrap().to_string_lossy().into_owned(),
                ..case
            });
        }
    }
    assert_eq!(cases.len(), 40);
    cases
}

/// The complete cases in both forms.
fn forms(cases: &[Case]) -> impl Iterator<Item = (&Case, &Context, &Form, bool)> {
    cases
        .iter()
        .filter_map(|case| Some((case, case.context.as_ref()?)))
        .flat_map(|(case, context)| {
            let query = case.query.as_ref().unwrap();
            [(case, context, &case.header, false), (case, context, query, true)]
        })
}

fn render(parts: &Parts, body: &[u8], style: PathStyle, like: &str) -> String {
    let signed_headers = like.lines().rev().nth(1).unwrap();
    let request = CanonicalRequest {
        method: &parts.method,
        path: parts.uri.path(),
        query: parts.uri.query(),
        headers: &parts.headers,
        authority: None,
        signed_headers,
        payload_hash: &sha256_hex(body),
        path_style: style,
    };
    String::from_utf8(request.render().unwrap()).unwrap()
}

fn without_token(parts: &mut Parts) {
    let query = parts.uri.query().unwrap_or_default();
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("X-Amz-Security-Token="))
        .collect();
    parts.uri = format!("{}?{}", parts.uri.path(), kept.join("&"))
        .parse()
        .unwrap();
}

#[test]
fn every_vector_has_its_canonical_request_and_string_to_sign() {
    for (case, context, form, presigned) in forms(&cases()) {
        let (mut parts, body) = read_request(&form.signed_request);
        if presigned && context.omit_session_token {
            without_token(&mut parts);
        }
        let canonical = render(&parts, &body, context.style(), &form.canonical_request);
        assert_eq!(canonical, form.canonical_request, "{}", case.name);
        let hash = form.string_to_sign.lines().last().unwrap();
        assert_eq!(sha256_hex(canonical.as_bytes()), hash, "{}", case.name);
    }
}

#[test]
fn every_vector_is_signed_as_published() {
    for (case, context, form, presigned) in forms(&cases()) {
        let (mut parts, body) = read_request(&case.request);
        let (now, signer) = (at(&context.timestamp), context.signer());
        if presigned {
            signer
                .presign(
                    &mut parts,
                    &body,
                    now,
                    Duration::from_secs(context.expiration_in_seconds),
                )
                .unwrap();
            let query = parts.uri.query().unwrap();
            assert!(
                query.ends_with(&format!("&X-Amz-Signature={}", form.signature)),
                "{}: {query}",
                case.name
            );
        } else {
            if context.sign_body {
                parts
                    .headers
                    .insert("x-amz-content-sha256", sha256_hex(&body).parse().unwrap());
            }
            signer.sign(&mut parts, &body, now).unwrap();
            let (expected, _) = read_request(&form.signed_request);
            assert_eq!(
                parts.headers.get("authorization"),
                expected.headers.get("authorization"),
                "{}",
                case.name
            );
        }
    }
}

#[test]
fn every_signed_request_of_the_suite_is_accepted() {
    for (case, context, form, presigned) in forms(&cases()) {
        if presigned && context.omit_session_token {
            continue; // Only AWS IoT takes a token that was added to a signed address.
        }
        let (parts, body) = read_request(&form.signed_request);
        let caller = context.verifier().verify(&parts, &body, at(&context.timestamp));
        let caller = caller.unwrap_or_else(|error| panic!("{} {presigned}: {error}", case.name));
        assert_eq!(
            (caller.region.as_str(), caller.service.as_str()),
            ("us-east-1", "service"),
            "{}",
            case.name
        );
    }
}

#[test]
fn paths_are_encoded_twice_as_published() {
    let cases = cases();
    let twice: Vec<&Case> = cases.iter().filter(|case| case.context.is_none()).collect();
    assert_eq!(twice.len(), 2);
    for case in twice {
        let (parts, _) = read_request(&case.header.signed_request);
        let expected = case.header.canonical_request.lines().nth(1).unwrap();
        assert_eq!(
            canonical_path(parts.uri.path(), PathStyle::STANDARD).unwrap(),
            expected,
            "{}",
            case.name
        );
    }
    let lambda = cases
        .iter()
        .find(|case| case.name == "double-url-encode")
        .unwrap();
    let (parts, body) = read_request(&lambda.header.signed_request);
    Checked::with_example_key()
        .verify(&parts, &body, at("2021-05-11T15:40:45Z"))
        .unwrap();
}
