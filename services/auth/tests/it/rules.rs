//! The rules of W-07: what is refused, with which code and words, in which order.

use std::time::Duration;

use auth::{KeyRecord, KeyStatus, Secret, Signer, VerifierSettings};
use chrono::TimeDelta;

use crate::support::{
    Checked, FixedKeys, ID, credentials, ecs_call, key, now, presigned, refused, set, signed, signer,
};

#[test]
fn w07_a_right_signature_names_the_caller_and_its_scope() {
    for (parts, body) in [signed(), presigned(60)] {
        let caller = Checked::with_example_key().verify(&parts, &body, now()).unwrap();
        assert_eq!(caller.scope().account.as_str(), "123456789012");
        assert_eq!(caller.scope().region.as_str(), "us-east-1");
        assert_eq!(
            (caller.service.as_str(), caller.access_key_id.as_str()),
            ("ecs", ID)
        );
        assert_eq!(caller.principal_arn, "arn:aws:iam::123456789012:user/ada");
        assert_eq!(caller.user_id, "AIDAEXAMPLE");
    }
}

#[test]
fn w07_no_signature_is_a_missing_token() {
    let (mut parts, body) = ecs_call();
    for authorization in [None, Some("Bearer abc"), Some("Basic YTpi"), Some("")] {
        if let Some(text) = authorization {
            set(&mut parts, "authorization", text);
        }
        let error = refused(&parts, &body);
        assert_eq!(
            error.code(),
            "MissingAuthenticationTokenException",
            "{authorization:?}"
        );
        assert_eq!(
            (error.query_code(), error.status(), error.query_status()),
            ("MissingAuthenticationToken", 400, 403)
        );
        assert_eq!(error.to_string(), "Missing Authentication Token");
    }
}

#[test]
fn w07_an_unknown_or_inactive_key_is_an_invalid_token() {
    let mut requests = Vec::new();
    for id in ["AKIDNOBODY", "INACTIVE", "%00", "a b", ""] {
        let (mut parts, body) = ecs_call();
        Signer::new(credentials(id, None), "us-east-1", "ecs")
            .sign(&mut parts, &body, now())
            .unwrap();
        requests.push((parts, body));
    }
    let inactive = KeyRecord {
        status: KeyStatus::Inactive,
        ..key("INACTIVE")
    };
    let verifier = Checked::new(FixedKeys::default().with(inactive), VerifierSettings::default());
    for (parts, body) in requests {
        let error = verifier.verify(&parts, &body, now()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "The security token included in the request is invalid."
        );
        assert_eq!(
            (error.code(), error.query_code()),
            ("UnrecognizedClientException", "InvalidClientTokenId")
        );
        assert_eq!((error.status(), error.query_status()), (400, 403));
    }
}

#[test]
fn w07_a_wrong_secret_is_a_wrong_signature() {
    let (parts, body) = signed();
    let other = KeyRecord {
        secret: Secret::new("other"),
        ..key(ID)
    };
    let verifier = Checked::new(FixedKeys::default().with(other), VerifierSettings::default());
    let error = verifier.verify(&parts, &body, now()).unwrap_err();
    assert_eq!(
        (error.code(), error.query_code()),
        ("InvalidSignatureException", "SignatureDoesNotMatch")
    );
    assert_eq!(
        error.to_string(),
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    );
}

#[test]
fn w07_a_clock_may_be_five_minutes_off_and_no_second_more() {
    let (parts, body) = signed();
    let verifier = Checked::with_example_key();
    for seconds in [-300, 0, 300] {
        verifier
            .verify(&parts, &body, now() + TimeDelta::seconds(seconds))
            .unwrap();
    }
    let late = verifier
        .verify(&parts, &body, now() + TimeDelta::seconds(301))
        .unwrap_err();
    assert_eq!(
        late.to_string(),
        "Signature expired: 20261123T100000Z is now earlier than 20261123T100001Z (20261123T100501Z - 5 min.)"
    );
    let early = verifier
        .verify(&parts, &body, now() - TimeDelta::seconds(301))
        .unwrap_err();
    assert_eq!(
        early.to_string(),
        "Signature not yet current: 20261123T100000Z is still later than 20261123T095959Z (20261123T095459Z + 5 min.)"
    );
    assert_eq!(
        (late.code(), early.query_code()),
        ("InvalidSignatureException", "SignatureDoesNotMatch")
    );
}

#[test]
fn the_allowed_skew_is_configurable() {
    let (parts, body) = signed();
    let settings = VerifierSettings {
        clock_skew: TimeDelta::hours(1),
        ..VerifierSettings::default()
    };
    let verifier = Checked::new(FixedKeys::default().with(key(ID)), settings);
    verifier
        .verify(&parts, &body, now() + TimeDelta::minutes(60))
        .unwrap();
    assert!(
        verifier
            .verify(&parts, &body, now() + TimeDelta::minutes(61))
            .is_err()
    );
}

#[test]
fn a_presigned_request_is_good_until_it_expires() {
    let verifier = Checked::with_example_key();
    let (parts, body) = presigned(3600);
    for seconds in [-300, 0, 3600] {
        verifier
            .verify(&parts, &body, now() + TimeDelta::seconds(seconds))
            .unwrap();
    }
    let error = verifier
        .verify(&parts, &body, now() + TimeDelta::seconds(3601))
        .unwrap_err();
    assert!(
        error.to_string().ends_with("(20261123T110001Z - 60 min.)"),
        "{error}"
    );
    assert!(
        verifier
            .verify(&parts, &body, now() - TimeDelta::seconds(301))
            .is_err()
    );
    let (parts, body) = presigned(1);
    verifier
        .verify(&parts, &body, now() + TimeDelta::seconds(1))
        .unwrap();
    assert!(
        verifier
            .verify(&parts, &body, now() + TimeDelta::seconds(2))
            .is_err()
    );
}

#[test]
fn a_presigned_life_is_one_second_to_one_week() {
    let (parts, body) = presigned(604_800);
    Checked::with_example_key()
        .verify(&parts, &body, now() + TimeDelta::days(7))
        .unwrap();
    let (mut unsigned, body) = ecs_call();
    for seconds in [0, 604_801, u64::MAX] {
        assert!(
            signer()
                .presign(&mut unsigned, &body, now(), Duration::from_secs(seconds))
                .is_err()
        );
    }
    for text in ["0", "-1", "604801", "1e3", "", "99999999999999999999"] {
        let (mut parts, body) = presigned(60);
        parts.uri = parts
            .uri
            .to_string()
            .replace("X-Amz-Expires=60", &format!("X-Amz-Expires={text}"))
            .parse()
            .unwrap();
        let error = refused(&parts, &body);
        assert_eq!(error.code(), "IncompleteSignatureException", "{text}");
    }
}

#[test]
fn session_tokens_go_with_temporary_keys_only() {
    let temporary = KeyRecord {
        session_token: Some(Secret::new("token/+==")),
        expires_at: Some(now() + TimeDelta::minutes(1)),
        ..key("ASIAEXAMPLE")
    };
    let keys = FixedKeys::default().with(key(ID)).with(temporary);
    let verifier = Checked::new(keys, VerifierSettings::default());
    let verify = |id: &str, token: Option<&str>, seconds: i64| {
        let signer = Signer::new(credentials(id, token), "us-east-1", "ecs");
        let time = now() + TimeDelta::seconds(seconds);
        let ((mut header, body), (mut query, _)) = (ecs_call(), ecs_call());
        signer.sign(&mut header, &body, now()).unwrap();
        signer
            .presign(&mut query, &body, now(), Duration::from_secs(300))
            .unwrap();
        let codes =
            [header, query].map(|parts| verifier.verify(&parts, &body, time).map_err(|error| error.code()));
        assert_eq!(codes[0].is_ok(), codes[1].is_ok());
        codes[0].clone().map(|_| ())
    };
    assert_eq!(verify("ASIAEXAMPLE", Some("token/+=="), 59), Ok(()));
    assert_eq!(
        verify("ASIAEXAMPLE", Some("token/+=="), 60),
        Err("ExpiredTokenException")
    );
    assert_eq!(
        verify("ASIAEXAMPLE", Some("token"), 0),
        Err("UnrecognizedClientException")
    );
    assert_eq!(verify("ASIAEXAMPLE", None, 0), Err("UnrecognizedClientException"));
    assert_eq!(verify(ID, Some("token"), 0), Err("UnrecognizedClientException"));
    assert_eq!(verify(ID, None, 0), Ok(()));
}

#[test]
fn an_incomplete_signature_says_what_is_missing() {
    let (mut parts, body) = signed();
    set(
        &mut parts,
        "authorization",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/e",
    );
    assert_eq!(
        refused(&parts, &body).to_string(),
        "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter."
    );
    set(&mut parts, "authorization", "AWS4-ECDSA-P256-SHA256 Credential=a");
    assert!(
        refused(&parts, &body)
            .to_string()
            .starts_with("Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'")
    );
    set(&mut parts, "authorization", "AWS4-HMAC-SHA256 Credential");
    assert!(refused(&parts, &body).to_string().contains("missing equal-sign"));

    let (mut parts, body) = signed();
    set(&mut parts, "x-amz-date", "2026-11-23T10:00:00Z");
    let error = refused(&parts, &body);
    assert!(
        error
            .to_string()
            .starts_with("Date must be in ISO-8601 'basic format'. Got '2026-11-23T10:00:00Z'.")
    );
    assert_eq!(
        (error.code(), error.status()),
        ("IncompleteSignatureException", 400)
    );
    assert_eq!(
        (error.query_code(), error.query_status()),
        ("IncompleteSignature", 400)
    );

    let (mut parts, body) = ecs_call();
    parts.uri = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261123T100000Z&X-Amz-Expires=60"
        .parse()
        .unwrap();
    assert_eq!(
        refused(&parts, &body).to_string(),
        "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include \
         'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the \
         query-string parameters."
    );
}

#[test]
fn a_failing_key_store_is_the_servers_fault_and_explains_nothing() {
    let (mut parts, body) = ecs_call();
    Signer::new(credentials("BROKEN", None), "us-east-1", "ecs")
        .sign(&mut parts, &body, now())
        .unwrap();
    let error = refused(&parts, &body);
    assert_eq!(
        (error.code(), error.status(), error.query_status()),
        ("InternalFailure", 500, 500)
    );
}
