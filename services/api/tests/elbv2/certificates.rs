//! Certificates of listeners, SSL policies, mutual authentication and trust stores (LB-39).

use serde_json::{Value, json};

use crate::world::{World, fixed, import, text};

fn https(world: &World, certificate: &str) -> Value {
    json!({
        "LoadBalancerArn": world.balancer, "Protocol": "HTTPS", "Port": 443, "DefaultActions": [fixed("200")],
        "Certificates": [{ "CertificateArn": certificate }],
    })
}

fn with(mut input: Value, more: Value) -> Value {
    input
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    input
}

#[tokio::test]
async fn lb39_an_https_listener_has_a_certificate_and_a_policy() {
    let world = World::new().await;
    let certificate = world.certificate("a.test").await;
    let input = https(&world, &certificate);
    let bare = json!({ "LoadBalancerArn": world.balancer, "Protocol": "HTTPS", "Port": 443, "DefaultActions": [fixed("200")] });
    world.refused("CreateListener", bare, "ValidationError").await;
    let absent = certificate.replace("certificate/", "certificate/0");
    let text_of = world
        .refused("CreateListener", https(&world, &absent), "CertificateNotFound")
        .await;
    assert_eq!(text_of, format!("Certificate '{absent}' not found"));
    world
        .refused(
            "CreateListener",
            with(input.clone(), json!({ "SslPolicy": "mine" })),
            "SSLPolicyNotFound",
        )
        .await;
    let plain = with(input.clone(), json!({ "Protocol": "HTTP" }));
    world
        .refused("CreateListener", plain, "InvalidConfigurationRequest")
        .await;
    let alpn = with(input.clone(), json!({ "AlpnPolicy": ["HTTP2Only"] }));
    world
        .refused("CreateListener", alpn, "InvalidConfigurationRequest")
        .await;
    let made = world.api.ok("CreateListener", input).await["Listeners"][0].clone();
    assert_eq!(made["Certificates"], json!([{ "CertificateArn": certificate }]));
    assert_eq!(made["SslPolicy"], "ELBSecurityPolicy-2016-08");
    assert_eq!(made["MutualAuthentication"], json!({ "Mode": "off" }));
    let down = json!({ "ListenerArn": made["ListenerArn"], "Protocol": "HTTP" });
    let down = world.api.ok("ModifyListener", down).await["Listeners"][0].clone();
    assert_eq!(
        (&down["Certificates"], &down["SslPolicy"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn lb39_a_tls_listener_offers_protocols_by_its_alpn_policy() {
    let world = World::new().await;
    let network = world.balancer("net", "network").await;
    let certificate = world.certificate("a.test").await;
    let group = world.group_of("tls", json!({ "Protocol": "TLS" })).await;
    let input = json!({
        "LoadBalancerArn": network, "Protocol": "TLS", "Port": 443, "AlpnPolicy": ["HTTP2Preferred"],
        "Certificates": [{ "CertificateArn": certificate }], "DefaultActions": [crate::world::forward(&group)],
    });
    let unknown = with(input.clone(), json!({ "AlpnPolicy": ["HTTP3"] }));
    world
        .refused("CreateListener", unknown, "ALPNPolicyNotFound")
        .await;
    let made = world.api.ok("CreateListener", input).await["Listeners"][0].clone();
    assert_eq!(
        (&made["AlpnPolicy"], &made["MutualAuthentication"]),
        (&json!(["HTTP2Preferred"]), &Value::Null)
    );
}

#[tokio::test]
async fn lb39_certificates_for_sni_come_beside_the_default_one() {
    let world = World::new().await;
    let (default, extra) = (
        world.certificate("a.test").await,
        world.certificate("b.test").await,
    );
    let listener = world.create_listener(https(&world, &default)).await;
    let named = |arn: &str| json!({ "ListenerArn": listener, "Certificates": [{ "CertificateArn": arn }] });
    let added = world.api.ok("AddListenerCertificates", named(&extra)).await;
    assert_eq!(
        added["Certificates"],
        json!([{ "CertificateArn": extra, "IsDefault": false }])
    );
    world.api.ok("AddListenerCertificates", named(&extra)).await;
    let both = json!({ "Certificates": [
        { "CertificateArn": default, "IsDefault": true }, { "CertificateArn": extra, "IsDefault": false },
    ]});
    assert_eq!(
        world
            .api
            .ok("DescribeListenerCertificates", json!({ "ListenerArn": listener }))
            .await,
        both
    );
    let first = world
        .api
        .ok(
            "DescribeListenerCertificates",
            json!({ "ListenerArn": listener, "PageSize": 1 }),
        )
        .await;
    let next = json!({ "ListenerArn": listener, "PageSize": 1, "Marker": first["NextMarker"] });
    let next = world.api.ok("DescribeListenerCertificates", next).await;
    assert_eq!(
        (&next["Certificates"][0], &next["NextMarker"]),
        (&both["Certificates"][1], &Value::Null)
    );
    world
        .refused(
            "RemoveListenerCertificates",
            named(&default),
            "OperationNotPermitted",
        )
        .await;
    let acm = world.api.acm();
    for arn in [&default, &extra] {
        let refusal = acm
            .refused("DeleteCertificate", json!({ "CertificateArn": arn }))
            .await;
        assert_eq!(refusal.code, "ResourceInUseException");
        let detail = acm
            .ok("DescribeCertificate", json!({ "CertificateArn": arn }))
            .await;
        assert_eq!(detail["Certificate"]["InUseBy"], json!([world.balancer]));
    }
    world.api.ok("RemoveListenerCertificates", named(&extra)).await;
    acm.ok("DeleteCertificate", json!({ "CertificateArn": extra }))
        .await;
    world
        .refused("AddListenerCertificates", named(&extra), "CertificateNotFound")
        .await;
}

#[tokio::test]
async fn lb41_a_listener_has_at_most_twenty_five_certificates_for_sni() {
    let world = World::new().await;
    let default = world.certificate("a.test").await;
    let listener = world.create_listener(https(&world, &default)).await;
    let mut list = Vec::new();
    for number in 0..26 {
        list.push(json!({ "CertificateArn": world.certificate(&format!("n{number}.test")).await }));
    }
    let all = json!({ "ListenerArn": listener, "Certificates": list });
    world
        .refused("AddListenerCertificates", all, "TooManyCertificates")
        .await;
    let fits = json!({ "ListenerArn": listener, "Certificates": list[..25] });
    world.api.ok("AddListenerCertificates", fits).await;
}

#[tokio::test]
async fn lb39_a_certificate_that_is_imported_again_is_a_new_revision_of_the_same_one() {
    let world = World::new().await;
    let certificate = world.certificate("a.test").await;
    let revision = async || -> i64 {
        let query = sqlx::query_scalar("SELECT revision FROM certificates WHERE arn = $1").bind(&certificate);
        query.fetch_one(world.api.db().pool()).await.unwrap()
    };
    let before = revision().await;
    let again = with(import("b.test"), json!({ "CertificateArn": certificate }));
    world.api.acm().ok("ImportCertificate", again).await;
    assert!(revision().await > before);
    let detail = world
        .api
        .acm()
        .ok("DescribeCertificate", json!({ "CertificateArn": certificate }))
        .await;
    assert_eq!(
        text(&detail["Certificate"]["SubjectAlternativeNames"][0]),
        "b.test"
    );
}

#[tokio::test]
async fn lb39_clients_certificates_are_verified_by_a_trust_store() {
    let world = World::new().await;
    let certificate = world.certificate("a.test").await;
    let mutual = |mutual: Value| {
        with(
            https(&world, &certificate),
            json!({ "MutualAuthentication": mutual }),
        )
    };
    let passthrough = mutual(json!({ "Mode": "passthrough" }));
    let listener = world.create_listener(passthrough).await;
    let store = world.balancer.replace(":loadbalancer/app/", ":truststore/");
    for (bad, code) in [
        (json!({ "Mode": "verify" }), "InvalidConfigurationRequest"),
        (
            json!({ "Mode": "verify", "TrustStoreArn": store }),
            "TrustStoreNotFound",
        ),
        (
            json!({ "Mode": "off", "TrustStoreArn": store }),
            "InvalidConfigurationRequest",
        ),
        (json!({ "Mode": "maybe" }), "ValidationError"),
    ] {
        let input = json!({ "ListenerArn": listener, "MutualAuthentication": bad });
        world.refused("ModifyListener", input, code).await;
    }
    let input =
        json!({ "Name": "mine", "CaCertificatesBundleS3Bucket": "b", "CaCertificatesBundleS3Key": "k" });
    let text_of = world
        .refused("CreateTrustStore", input, "CaCertificatesBundleNotFound")
        .await;
    assert!(text_of.contains("no folder of objects"), "{text_of}");
    assert_eq!(
        world.api.ok("DescribeTrustStores", json!({})).await,
        json!({ "TrustStores": [] })
    );
    world
        .refused(
            "DescribeTrustStores",
            json!({ "Names": ["mine"] }),
            "TrustStoreNotFound",
        )
        .await;
    world
        .refused(
            "DeleteTrustStore",
            json!({ "TrustStoreArn": store }),
            "TrustStoreNotFound",
        )
        .await;
}

#[tokio::test]
async fn lb39_a_trust_store_holds_the_authorities_of_an_object_and_is_not_deleted_in_use() {
    let folder = std::env::temp_dir().join(format!("berth-objects-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(folder.join("bucket")).unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    std::fs::write(folder.join("bucket/ca.pem"), &authority).unwrap();
    std::fs::write(folder.join("bucket/none.pem"), "x").unwrap();
    let mut world = World::new().await;
    world.api = world.api.with_objects(&folder);
    let input = |key: &str| json!({ "Name": "mine", "CaCertificatesBundleS3Bucket": "bucket", "CaCertificatesBundleS3Key": key });
    world
        .refused(
            "CreateTrustStore",
            input("none.pem"),
            "InvalidCaCertificatesBundle",
        )
        .await;
    world
        .refused("CreateTrustStore", input("../x"), "CaCertificatesBundleNotFound")
        .await;
    let made = world.api.ok("CreateTrustStore", input("ca.pem")).await["TrustStores"][0].clone();
    assert_eq!(
        (&made["Status"], &made["NumberOfCaCertificates"]),
        (&json!("ACTIVE"), &json!(1))
    );
    world
        .refused("CreateTrustStore", input("ca.pem"), "DuplicateTrustStoreName")
        .await;
    let certificate = world.certificate("a.test").await;
    let arn = json!({ "TrustStoreArn": made["TrustStoreArn"] });
    let verify = json!({ "MutualAuthentication": with(arn.clone(), json!({ "Mode": "verify" })) });
    let listener = world
        .api
        .ok("CreateListener", with(https(&world, &certificate), verify))
        .await["Listeners"][0]
        .clone();
    assert_eq!(
        listener["MutualAuthentication"],
        json!({
            "Mode": "verify", "TrustStoreArn": made["TrustStoreArn"], "IgnoreClientCertificateExpiry": false,
            "TrustStoreAssociationStatus": "active", "AdvertiseTrustStoreCaNames": "off",
        })
    );
    let users = world.api.ok("DescribeTrustStoreAssociations", arn.clone()).await;
    assert_eq!(
        users["TrustStoreAssociations"],
        json!([{ "ResourceArn": listener["ListenerArn"] }])
    );
    world
        .refused("DeleteTrustStore", arn.clone(), "TrustStoreInUse")
        .await;
    let shared = with(arn.clone(), json!({ "ResourceArn": listener["ListenerArn"] }));
    world
        .refused(
            "DeleteSharedTrustStoreAssociation",
            shared,
            "DeleteAssociationSameAccount",
        )
        .await;
    let before = world.revision().await;
    let replace = with(
        arn.clone(),
        json!({ "CaCertificatesBundleS3Bucket": "bucket", "CaCertificatesBundleS3Key": "ca.pem" }),
    );
    world.api.ok("ModifyTrustStore", replace).await;
    assert!(world.revision().await > before, "the balancer is told");
    let bundle = world
        .api
        .ok("GetTrustStoreCaCertificatesBundle", arn.clone())
        .await;
    assert!(text(&bundle["Location"]).starts_with("data:"));
    world
        .api
        .ok(
            "DeleteListener",
            json!({ "ListenerArn": listener["ListenerArn"] }),
        )
        .await;
    world.api.ok("DeleteTrustStore", arn).await;
    std::fs::remove_dir_all(folder).unwrap();
}
