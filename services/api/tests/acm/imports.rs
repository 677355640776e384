use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{acm, describe, imported, input, refused, text, with};

/// P-256 keys: ListCertificates shows them only when asked for.
const ALL: [&str; 3] = ["RSA_2048", "EC_prime256v1", "EC_secp384r1"];

#[tokio::test]
async fn an_imported_certificate_is_described_by_what_it_says() {
    let api = acm().await;
    let arn = imported(&api, "a.test").await;
    assert!(
        arn.starts_with("arn:aws:acm:us-east-1:000000000000:certificate/"),
        "{arn}"
    );
    let detail = describe(&api, &arn).await;
    for (member, value) in [
        ("DomainName", json!("a.test")),
        ("SubjectAlternativeNames", json!(["a.test"])),
        ("Status", json!("ISSUED")),
        ("Type", json!("IMPORTED")),
        ("KeyAlgorithm", json!("EC_prime256v1")),
        ("SignatureAlgorithm", json!("SHA256WITHECDSA")),
        ("InUseBy", json!([])),
        ("RenewalEligibility", json!("INELIGIBLE")),
    ] {
        assert_eq!(detail[member], value, "{member}");
    }
    assert!(
        detail["SubjectAlternativeNames"]
            .as_array()
            .unwrap()
            .contains(&json!("a.test"))
    );
    for member in [
        "Serial",
        "Subject",
        "Issuer",
        "NotBefore",
        "NotAfter",
        "ImportedAt",
        "CreatedAt",
    ] {
        assert!(!detail[member].is_null(), "{member}");
    }
}

#[tokio::test]
async fn the_key_is_sealed_and_never_given_out() {
    let api = acm().await;
    let given = input("a.test");
    let arn = text(&api.ok("ImportCertificate", given.clone()).await["CertificateArn"]);
    let got = api.ok("GetCertificate", json!({ "CertificateArn": arn })).await;
    let leaf = String::from_utf8(STANDARD.decode(text(&given["Certificate"])).unwrap()).unwrap();
    assert_eq!(
        text(&got["Certificate"]).trim().replace('\r', ""),
        leaf.trim().replace('\r', "")
    );
    assert_eq!(got.as_object().unwrap().len(), 1, "no chain, no key");
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed_private_key FROM certificates")
        .fetch_one(api.db().pool())
        .await
        .unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("PRIVATE KEY"));
    let opened = api.api().vault.open(&arn, &sealed).unwrap();
    let key = String::from_utf8(STANDARD.decode(text(&given["PrivateKey"])).unwrap()).unwrap();
    assert_eq!(opened.expose().trim(), key.trim());
}

#[tokio::test]
async fn what_does_not_belong_together_is_refused() {
    let api = acm().await;
    let (a, b) = (input("a.test"), input("b.test"));
    let crossed = with(a.clone(), json!({ "PrivateKey": b["PrivateKey"] }));
    let message = refused(&api, "ImportCertificate", crossed, "ValidationException").await;
    assert_eq!(message, "The private key does not match the certificate.");
    let chained = with(a.clone(), json!({ "CertificateChain": b["Certificate"] }));
    let message = refused(&api, "ImportCertificate", chained, "ValidationException").await;
    assert_eq!(
        message,
        "Could not validate the certificate with the certificate chain."
    );
    let garbage = with(a, json!({ "Certificate": STANDARD.encode("x") }));
    refused(&api, "ImportCertificate", garbage, "ValidationException").await;
}

#[tokio::test]
async fn a_certificate_is_imported_again_under_its_arn() {
    let api = acm().await;
    let arn = imported(&api, "a.test").await;
    let serial = describe(&api, &arn).await["Serial"].clone();
    let again = with(input("b.test"), json!({ "CertificateArn": arn }));
    assert_eq!(
        text(&api.ok("ImportCertificate", again.clone()).await["CertificateArn"]),
        arn
    );
    assert_ne!(describe(&api, &arn).await["Serial"], serial);
    let tagged = with(again.clone(), json!({ "Tags": [{ "Key": "k" }] }));
    refused(&api, "ImportCertificate", tagged, "InvalidParameterException").await;
    let absent = format!("{}00", &arn[..arn.len() - 2]);
    if absent != arn {
        let absent = with(again, json!({ "CertificateArn": absent }));
        refused(&api, "ImportCertificate", absent, "ResourceNotFoundException").await;
    }
}

#[tokio::test]
async fn certificates_are_listed_by_key_type_in_pages() {
    let api = acm().await;
    let (a, b) = (imported(&api, "a.test").await, imported(&api, "b.test").await);
    let none = api.ok("ListCertificates", json!({})).await;
    assert_eq!(
        none["CertificateSummaryList"],
        json!([]),
        "without a filter only RSA keys are shown"
    );
    let all = json!({ "Includes": { "keyTypes": ALL } });
    let listed = api.ok("ListCertificates", all.clone()).await;
    let mut arns: Vec<String> = listed["CertificateSummaryList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["CertificateArn"]))
        .collect();
    arns.sort();
    let mut expected = [a, b];
    expected.sort();
    assert_eq!(arns, expected);
    let first = api
        .ok("ListCertificates", with(all.clone(), json!({ "MaxItems": 1 })))
        .await;
    let next = api
        .ok(
            "ListCertificates",
            with(
                all.clone(),
                json!({ "MaxItems": 1, "NextToken": first["NextToken"] }),
            ),
        )
        .await;
    assert_eq!(next["NextToken"], Value::Null);
    assert_ne!(first["CertificateSummaryList"], next["CertificateSummaryList"]);
    let pending = with(all, json!({ "CertificateStatuses": ["PENDING_VALIDATION"] }));
    assert_eq!(
        api.ok("ListCertificates", pending).await["CertificateSummaryList"],
        json!([])
    );
    let forged = json!({ "NextToken": "x" });
    refused(&api, "ListCertificates", forged, "InvalidArgsException").await;
}

/// As when certificates are replaced while somebody lists them.
#[tokio::test]
async fn pages_go_on_when_the_certificate_that_the_last_one_ended_with_is_gone() {
    let api = acm().await;
    for name in ["a.test", "b.test", "c.test"] {
        imported(&api, name).await;
    }
    let all = api
        .ok("ListCertificates", json!({ "Includes": { "keyTypes": ALL } }))
        .await;
    let all = all["CertificateSummaryList"].as_array().unwrap().iter();
    let mut arns: Vec<String> = all.map(|one| text(&one["CertificateArn"])).collect();
    for order in ["ASCENDING", "DESCENDING"] {
        let page = json!({ "Includes": { "keyTypes": ALL }, "MaxItems": 1, "SortBy": "CREATED_AT", "SortOrder": order });
        let first = api.ok("ListCertificates", page.clone()).await;
        let shown = text(&first["CertificateSummaryList"][0]["CertificateArn"]);
        api.ok("DeleteCertificate", json!({ "CertificateArn": shown }))
            .await;
        arns.retain(|arn| *arn != shown);
        let next = json!({ "NextToken": first["NextToken"] });
        let second = api.ok("ListCertificates", with(page, next)).await;
        let expected = if order == "ASCENDING" {
            arns.first()
        } else {
            arns.last()
        };
        assert_eq!(
            Some(&text(&second["CertificateSummaryList"][0]["CertificateArn"])),
            expected,
            "{order}"
        );
    }
}

#[tokio::test]
async fn tg01_certificates_have_tags() {
    let api = acm().await;
    let made = with(input("a.test"), json!({ "Tags": [{ "Key": "a", "Value": "1" }] }));
    let arn = text(&api.ok("ImportCertificate", made).await["CertificateArn"]);
    let named = |tags: Value| json!({ "CertificateArn": arn, "Tags": tags });
    api.ok(
        "AddTagsToCertificate",
        named(json!([{ "Key": "a", "Value": "2" }, { "Key": "b" }])),
    )
    .await;
    let list = json!({ "CertificateArn": arn });
    let tags = api.ok("ListTagsForCertificate", list.clone()).await;
    assert_eq!(
        tags["Tags"],
        json!([{ "Key": "a", "Value": "2" }, { "Key": "b", "Value": "" }])
    );
    api.ok(
        "RemoveTagsFromCertificate",
        named(json!([{ "Key": "a", "Value": "other" }, { "Key": "b" }])),
    )
    .await;
    let tags = api.ok("ListTagsForCertificate", list).await;
    assert_eq!(tags["Tags"], json!([{ "Key": "a", "Value": "2" }]));
    refused(
        &api,
        "AddTagsToCertificate",
        named(json!([{ "Key": "aws:x" }])),
        "InvalidTagException",
    )
    .await;
    let many: Vec<Value> = (0..50).map(|n| json!({ "Key": format!("k{n}") })).collect();
    refused(
        &api,
        "AddTagsToCertificate",
        named(json!(many)),
        "TooManyTagsException",
    )
    .await;
}

#[tokio::test]
async fn absent_and_foreign_certificates_are_not_found() {
    let api = acm().await;
    let arn = imported(&api, "a.test").await;
    let elsewhere = api.elsewhere("111111111111", "us-east-1").acm();
    for operation in [
        "DescribeCertificate",
        "GetCertificate",
        "DeleteCertificate",
        "ListTagsForCertificate",
    ] {
        let input = json!({ "CertificateArn": arn });
        let message = refused(&elsewhere, operation, input, "ResourceNotFoundException").await;
        assert_eq!(message, format!("Could not find certificate {arn}."));
    }
    let other = json!({ "CertificateArn": arn.replace("certificate/", "other/") });
    refused(&api, "DescribeCertificate", other, "InvalidArnException").await;
    api.ok("DeleteCertificate", json!({ "CertificateArn": arn }))
        .await;
    refused(
        &api,
        "DescribeCertificate",
        json!({ "CertificateArn": arn }),
        "ResourceNotFoundException",
    )
    .await;
}

#[tokio::test]
async fn an_expired_certificate_says_so() {
    let api = acm().await;
    let arn = imported(&api, "a.test").await;
    sqlx::query("UPDATE certificates SET not_after = '2025-06-01'")
        .execute(api.db().pool())
        .await
        .unwrap();
    assert_eq!(describe(&api, &arn).await["Status"], "EXPIRED");
    let expired = json!({ "CertificateStatuses": ["EXPIRED"], "Includes": { "keyTypes": ALL } });
    let listed = api.ok("ListCertificates", expired).await;
    assert_eq!(listed["CertificateSummaryList"][0]["CertificateArn"], json!(arn));
}
