//! What a signature has to cover, and for what it is good.

use auth::{AuthError, Signer, VerifierSettings};
use http::{Method, Version};

use crate::support::{
    Checked, FixedKeys, ID, at, authorization, credentials, ecs_call, key, now, presigned, refused, set,
    signed, signer,
};

#[test]
fn the_date_header_stands_in_for_x_amz_date() {
    let (mut parts, body) = ecs_call();
    set(&mut parts, "date", "Mon, 23 Nov 2026 10:00:00 GMT");
    signer().sign(&mut parts, &body, now()).unwrap();
    // Signed without X-Amz-Date, as old clients do: the same moment is taken from Date.
    parts.headers.remove("x-amz-date");
    let canonical = auth::canonical::CanonicalRequest {
        method: &Method::POST,
        path: "/",
        query: None,
        headers: &parts.headers,
        authority: None,
        signed_headers: "date;host;x-amz-target",
        payload_hash: &auth::canonical::sha256_hex(&body),
        path_style: auth::canonical::PathStyle::STANDARD,
    };
    let signature = by_hand("20261123T100000Z", &canonical.hash().unwrap());
    let credential = format!("Credential={ID}/20261123/us-east-1/ecs/aws4_request");
    let text =
        format!("AWS4-HMAC-SHA256 {credential},SignedHeaders=date;host;x-amz-target,Signature={signature}");
    set(&mut parts, "authorization", &text);
    Checked::with_example_key().verify(&parts, &body, now()).unwrap();
    set(&mut parts, "date", "Mon, 23 Nov 2026 10:00:01 GMT");
    assert!(matches!(refused(&parts, &body), AuthError::SignatureMismatch));
    parts.headers.remove("date");
    assert_eq!(
        refused(&parts, &body).to_string(),
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
    );
}

/// The signature of a canonical request, computed without the crate.
fn by_hand(timestamp: &str, request_hash: &str) -> String {
    use hmac::Mac;
    let mac = |key: &[u8], text: &str| {
        hmac::Hmac::<sha2::Sha256>::new_from_slice(key)
            .unwrap()
            .chain_update(text)
            .finalize()
            .into_bytes()
            .to_vec()
    };
    let mut key = format!("AWS4{}", crate::support::SECRET).into_bytes();
    for part in ["20261123", "us-east-1", "ecs", "aws4_request"] {
        key = mac(&key, part);
    }
    let scope = "20261123/us-east-1/ecs/aws4_request";
    hex::encode(mac(
        &key,
        &format!("AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{request_hash}"),
    ))
}

#[test]
fn the_host_and_every_x_amz_header_must_be_signed() {
    let (mut parts, body) = signed();
    set(&mut parts, "x-amz-extra", "1");
    let error = refused(&parts, &body);
    assert_eq!(
        error.to_string(),
        "'x-amz-extra' must be a 'SignedHeader' in the AWS Authorization."
    );
    assert_eq!(error.code(), "InvalidSignatureException");

    let (mut parts, body) = signed();
    let text = authorization(&parts).replace(";host;", ";");
    set(&mut parts, "authorization", &text);
    assert!(
        refused(&parts, &body)
            .to_string()
            .starts_with("'Host' or ':authority' must be")
    );
}

#[test]
fn other_headers_may_come_and_go_on_the_way() {
    let (mut parts, body) = signed();
    set(&mut parts, "user-agent", "proxy");
    set(&mut parts, "x-forwarded-for", "10.0.0.1");
    Checked::with_example_key().verify(&parts, &body, now()).unwrap();
}

#[test]
fn http2_sends_an_authority_instead_of_a_host() {
    let (mut parts, body) = signed();
    parts.headers.remove("host");
    parts.version = Version::HTTP_2;
    Checked::with_example_key().verify(&parts, &body, now()).unwrap();
    parts.uri = "/".parse().unwrap();
    assert!(matches!(refused(&parts, &body), AuthError::SignatureMismatch));
}

#[test]
fn a_declared_body_hash_has_to_be_the_bodys() {
    let (mut parts, body) = ecs_call();
    set(
        &mut parts,
        "x-amz-content-sha256",
        &auth::canonical::sha256_hex(&body),
    );
    signer().sign(&mut parts, &body, now()).unwrap();
    Checked::with_example_key().verify(&parts, &body, now()).unwrap();
    for declared in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", ""] {
        let (mut parts, body) = ecs_call();
        set(&mut parts, "x-amz-content-sha256", declared);
        signer().sign(&mut parts, &body, now()).unwrap();
        assert!(
            matches!(refused(&parts, &body), AuthError::SignatureMismatch),
            "{declared}"
        );
    }
}

#[test]
fn the_scope_has_to_fit_the_request() {
    let change = |from: &str, to: &str| {
        let (mut parts, body) = signed();
        let text = authorization(&parts).replace(from, to);
        set(&mut parts, "authorization", &text);
        refused(&parts, &body)
    };
    let date = change("/20261123/", "/20261122/");
    assert_eq!(
        date.to_string(),
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261122' != \
         '20261123', from '20261123T100000Z'."
    );
    let region = change("/us-east-1/", "/nowhere/");
    assert_eq!(
        region.to_string(),
        "Credential should be scoped to a valid region, not 'nowhere'."
    );
    let terminator = change("/aws4_request", "/aws5_request");
    assert!(
        terminator
            .to_string()
            .starts_with("Credential should be scoped with a valid terminator")
    );
    assert!(
        [&date, &region, &terminator]
            .iter()
            .all(|error| error.code() == "InvalidSignatureException")
    );
    assert!(matches!(
        change("/us-east-1/", "/eu-west-1/"),
        AuthError::SignatureMismatch
    ));
    assert!(matches!(change("/ecs/", "/sts/"), AuthError::SignatureMismatch));
    assert_eq!(change("/ecs/", "/").code(), "IncompleteSignatureException");
}

#[test]
fn regions_can_be_narrowed() {
    let regions = Some(["eu-west-1".parse().unwrap()].into());
    let settings = VerifierSettings {
        regions,
        ..VerifierSettings::default()
    };
    let verifier = Checked::new(FixedKeys::default().with(key(ID)), settings);
    let (parts, body) = signed();
    let error = verifier.verify(&parts, &body, now()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Credential should be scoped to a valid region, not 'us-east-1'."
    );
    let (mut parts, body) = ecs_call();
    Signer::new(credentials(ID, None), "eu-west-1", "ecs")
        .sign(&mut parts, &body, now())
        .unwrap();
    verifier.verify(&parts, &body, now()).unwrap();
}

#[test]
fn nothing_is_given_twice() {
    for name in ["authorization", "x-amz-date", "x-amz-security-token"] {
        let (mut parts, body) = signed();
        set(&mut parts, "x-amz-security-token", "t");
        let again = parts.headers[name].clone();
        parts.headers.append(name, again);
        assert_eq!(
            refused(&parts, &body).code(),
            "IncompleteSignatureException",
            "{name}"
        );
    }
    let (mut parts, body) = presigned(60);
    parts.uri = format!("{}&X-Amz-Expires=61", parts.uri).parse().unwrap();
    assert_eq!(
        refused(&parts, &body).to_string(),
        "'Expires' must be given once."
    );
}

#[test]
fn a_signature_made_twice_replaces_the_first() {
    let (mut parts, body) = signed();
    let later = at("2026-11-23T10:04:00Z");
    signer().sign(&mut parts, &body, later).unwrap();
    assert_eq!(parts.headers.get_all("authorization").iter().count(), 1);
    Checked::with_example_key().verify(&parts, &body, later).unwrap();
}

#[test]
fn a_request_without_any_host_cannot_be_signed() {
    let (mut parts, _) = http::Request::get("/").body(()).unwrap().into_parts();
    assert!(signer().sign(&mut parts, b"", now()).is_err());
}
