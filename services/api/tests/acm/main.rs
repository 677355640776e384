//! Certificate Manager: imported certificates, lists, tags, requests.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod imports;
mod requests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use test_support::TestApi;

async fn acm() -> TestApi {
    TestApi::new().await.acm()
}

/// The input of ImportCertificate for a fresh self-signed certificate.
fn input(name: &str) -> Value {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    json!({
        "Certificate": STANDARD.encode(made.cert.pem()),
        "PrivateKey": STANDARD.encode(made.signing_key.serialize_pem()),
    })
}

fn with(mut input: Value, more: Value) -> Value {
    input
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    input
}

async fn imported(api: &TestApi, name: &str) -> String {
    text(&api.ok("ImportCertificate", input(name)).await["CertificateArn"])
}

async fn describe(api: &TestApi, arn: &str) -> Value {
    api.ok("DescribeCertificate", json!({ "CertificateArn": arn }))
        .await["Certificate"]
        .clone()
}

/// Asserts a refusal's code; gives its text.
async fn refused(api: &TestApi, operation: &str, input: Value, code: &str) -> String {
    let refusal = api.refused(operation, input.clone()).await;
    assert_eq!(refusal.code, code, "{operation} {input}: {}", refusal.message);
    refusal.message
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}
