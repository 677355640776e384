use serde_json::{Value, json};

use crate::{acm, describe, imported, refused, text, with};

#[tokio::test]
async fn certificates_are_requested_only_where_a_directory_is_configured() {
    let api = acm().await;
    let request = json!({ "DomainName": "a.test" });
    let message = refused(&api, "RequestCertificate", request, "InvalidParameterException").await;
    assert!(message.contains("no ACME directory"), "{message}");
}

#[tokio::test]
async fn a_requested_certificate_waits_for_its_validation() {
    let api = acm().await.issuing_certificates();
    let request = json!({
        "DomainName": "A.test", "SubjectAlternativeNames": ["b.test"], "ValidationMethod": "DNS", "IdempotencyToken": "t1",
        "Tags": [{ "Key": "k", "Value": "v" }],
    });
    let arn = text(&api.ok("RequestCertificate", request.clone()).await["CertificateArn"]);
    assert_eq!(
        text(&api.ok("RequestCertificate", request.clone()).await["CertificateArn"]),
        arn
    );
    let detail = describe(&api, &arn).await;
    assert_eq!(
        (&detail["Status"], &detail["Type"]),
        (&json!("PENDING_VALIDATION"), &json!("AMAZON_ISSUED"))
    );
    assert_eq!(detail["SubjectAlternativeNames"], json!(["a.test", "b.test"]));
    let validation = &detail["DomainValidationOptions"][0];
    assert_eq!(
        (&validation["ValidationStatus"], &validation["ValidationMethod"]),
        (&json!("PENDING_VALIDATION"), &json!("DNS"))
    );
    assert_eq!(validation["ResourceRecord"]["Type"], "CNAME");
    refused(
        &api,
        "GetCertificate",
        json!({ "CertificateArn": arn }),
        "RequestInProgressException",
    )
    .await;
    refused(
        &api,
        "RenewCertificate",
        json!({ "CertificateArn": arn }),
        "ValidationException",
    )
    .await;
    for (more, code) in [
        (
            json!({ "DomainName": "*.a.test" }),
            "InvalidDomainValidationOptionsException",
        ),
        (
            json!({ "ValidationMethod": "EMAIL" }),
            "InvalidParameterException",
        ),
        (json!({ "KeyAlgorithm": "RSA_2048" }), "InvalidParameterException"),
        (
            json!({ "Options": { "Export": "ENABLED" } }),
            "InvalidParameterException",
        ),
    ] {
        refused(&api, "RequestCertificate", with(request.clone(), more), code).await;
    }
    api.ok("DeleteCertificate", json!({ "CertificateArn": arn }))
        .await;
}

/// As when a client does not wait for the answer to its first call.
#[tokio::test]
async fn one_idempotency_token_makes_one_certificate_also_when_requests_meet() {
    let api = acm().await.issuing_certificates();
    let request = json!({ "DomainName": "a.test", "IdempotencyToken": "t1" });
    let calls = (0..8).map(|_| api.ok("RequestCertificate", request.clone()));
    let mut made: Vec<String> = futures::future::join_all(calls)
        .await
        .iter()
        .map(|made| text(&made["CertificateArn"]))
        .collect();
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 1, "{made:?}");
}

#[tokio::test]
async fn options_and_the_accounts_configuration_are_kept() {
    let api = acm().await.issuing_certificates();
    let arn = text(
        &api.ok("RequestCertificate", json!({ "DomainName": "a.test" }))
            .await["CertificateArn"],
    );
    let options = json!({ "CertificateArn": arn, "Options": { "CertificateTransparencyLoggingPreference": "DISABLED" } });
    api.ok("UpdateCertificateOptions", options.clone()).await;
    let detail = describe(&api, &arn).await;
    assert_eq!(
        detail["Options"]["CertificateTransparencyLoggingPreference"],
        "DISABLED"
    );
    let own = imported(&api, "b.test").await;
    refused(
        &api,
        "UpdateCertificateOptions",
        with(options, json!({ "CertificateArn": own })),
        "InvalidStateException",
    )
    .await;
    let days = async || -> Value {
        api.ok("GetAccountConfiguration", json!({})).await["ExpiryEvents"]["DaysBeforeExpiry"].clone()
    };
    assert_eq!(days().await, 45);
    let put = |days: i32| json!({ "ExpiryEvents": { "DaysBeforeExpiry": days }, "IdempotencyToken": "t" });
    api.ok("PutAccountConfiguration", put(10)).await;
    assert_eq!(days().await, 10);
    refused(&api, "PutAccountConfiguration", put(46), "ValidationException").await;
}
