//! Each service in its own protocol: what is asked is found, and what is wrong is told in the service's form.

use axum::http::{Request, StatusCode, header};
use serde_json::json;

use crate::{Server, form_parts, parts, service};

const ELB_NAMESPACE: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";
const EC2_NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

#[tokio::test]
async fn w01_w03_each_service_is_answered_in_its_protocol() {
    let server = Server::start().await;
    let ecs = server
        .json("ecs", "AmazonEC2ContainerServiceV20141113.ListClusters", "{}")
        .await;
    assert_eq!(
        (ecs.status, ecs.json()["clusterArns"].clone()),
        (StatusCode::OK, json!([]))
    );
    let acm = server
        .json("acm", "CertificateManager.ListCertificates", "{}")
        .await;
    assert_eq!(acm.header("content-type"), "application/x-amz-json-1.1");

    let elb = server
        .query(
            service("elasticloadbalancing"),
            "DescribeLoadBalancers",
            &json!({}),
        )
        .await;
    assert_eq!(elb.status, StatusCode::OK);
    assert_eq!(elb.header("content-type"), "text/xml;charset=UTF-8");
    let id = elb.header("x-amzn-requestid");
    assert_eq!(
        elb.body,
        format!(
            "<DescribeLoadBalancersResponse xmlns=\"{ELB_NAMESPACE}\"><DescribeLoadBalancersResult><LoadBalancers></LoadBalancers>\
             </DescribeLoadBalancersResult><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\
             </DescribeLoadBalancersResponse>"
        )
    );

    let ec2 = server
        .query(
            service("ec2"),
            "DescribeRegions",
            &json!({"RegionNames": ["us-east-1"]}),
        )
        .await;
    assert_eq!(ec2.status, StatusCode::OK, "{ec2:?}");
    assert!(
        ec2.body.contains(&format!(
            "<DescribeRegionsResponse xmlns=\"{EC2_NAMESPACE}\"><requestId>"
        )),
        "{ec2:?}"
    );
    assert!(ec2.body.contains("<regionInfo><item>"), "{ec2:?}");
    assert_eq!(ec2.element("requestId"), Some(ec2.header("x-amzn-requestid")));
}

#[tokio::test]
async fn w03_a_get_may_ask_and_so_may_a_post_without_a_body() {
    let server = Server::start().await;
    let address = "http://localhost/?Action=DescribeLoadBalancers&Version=2015-12-01";
    for method in ["GET", "POST"] {
        let request = Request::builder()
            .method(method)
            .uri(address)
            .header(header::HOST, "localhost");
        let answer = server
            .signed(parts(request), Vec::new(), "elasticloadbalancing")
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{method} {answer:?}");
        assert!(
            answer.element("DescribeLoadBalancersResult").is_some(),
            "{answer:?}"
        );
    }
    let hello = Request::get("http://localhost/?a=b").header(header::HOST, "localhost");
    let answer = server.send(parts(hello), Vec::new()).await;
    assert!(answer.body.starts_with("This is Berth"), "{answer:?}");
}

#[tokio::test]
async fn w08_operations_and_versions_that_there_are_not_are_named() {
    let server = Server::start().await;
    for signing_name in ["elasticloadbalancing", "ec2"] {
        let version = service(signing_name).model.api_version;
        let ask = async |form: String| server.form(service(signing_name), form).await;
        let unknown = ask(format!("Action=RunRabbit&Version={version}")).await;
        assert_eq!(
            unknown.error(),
            (
                400,
                "InvalidAction",
                "The action RunRabbit is not valid for this web service."
            )
        );
        let old = ask("Action=DescribeLoadBalancers&Version=2012-06-01".to_owned()).await;
        let text = "Could not find operation DescribeLoadBalancers for version 2012-06-01.";
        assert_eq!(old.error(), (400, "InvalidAction", text));
        for nothing in [format!("Version={version}"), "Action=".to_owned(), String::new()] {
            let missing = ask(nothing).await;
            assert_eq!(missing.error().1, "MissingAction", "{missing:?}");
        }
        let broken = ask("Action=%zz".to_owned()).await;
        assert_eq!(
            (broken.error().0, broken.error().1),
            (400, "MalformedQueryString")
        );
    }
    let acm = server.json("acm", "CertificateManager.RunRabbit", "{}").await;
    assert_eq!(acm.json()["__type"], "UnknownOperationException");
    let unreadable = server
        .json("acm", "CertificateManager.DescribeCertificate", "[]")
        .await;
    assert_eq!(
        (unreadable.status.as_u16(), &unreadable.json()["__type"]),
        (400, &json!("SerializationException"))
    );
}

#[tokio::test]
async fn w07_refused_signatures_are_told_in_the_services_own_words() {
    let server = Server::start().await;
    let form = b"Action=DescribeVpcs&Version=2016-11-15".to_vec();
    let unsigned = server.send(form_parts(), form.clone()).await;
    assert_eq!(unsigned.error().0, 403);
    assert_eq!(unsigned.error().1, "MissingAuthenticationToken");
    assert!(
        unsigned
            .body
            .starts_with("<ErrorResponse><Error><Type>Sender</Type>"),
        "{unsigned:?}"
    );

    let mut request = form_parts();
    let credential = "AWS4-HMAC-SHA256 Credential=AKIANOBODY/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=00";
    request
        .headers
        .insert("authorization", credential.parse().unwrap());
    request
        .headers
        .insert("x-amz-date", "20260101T000000Z".parse().unwrap());
    let unknown = server.send(request.clone(), form.clone()).await;
    assert_eq!((unknown.error().0, unknown.error().1), (401, "AuthFailure"));
    assert!(
        unknown
            .body
            .contains("<Response><Errors><Error><Code>AuthFailure</Code>"),
        "{unknown:?}"
    );

    let credential = credential.replace("/ec2/", "/elasticloadbalancing/");
    request
        .headers
        .insert("authorization", credential.parse().unwrap());
    let unknown = server.send(request, form.clone()).await;
    assert_eq!(
        (unknown.error().0, unknown.error().1),
        (403, "InvalidClientTokenId")
    );
    assert!(
        unknown
            .body
            .starts_with(&format!("<ErrorResponse xmlns=\"{ELB_NAMESPACE}\">")),
        "{unknown:?}"
    );

    let elsewhere = server.signed(form_parts(), form, "sqs").await;
    let text = "Credential should be scoped to correct service: &apos;ec2&apos;.";
    assert_eq!(elsewhere.error(), (403, "SignatureDoesNotMatch", text));
    let elsewhere = server
        .json("acm", "AmazonEC2ContainerServiceV20141113.ListClusters", "{}")
        .await;
    assert_eq!(elsewhere.json()["__type"], "InvalidSignatureException");
}

#[tokio::test]
async fn w08_values_that_are_not_allowed_are_told_in_the_services_own_words() {
    let server = Server::start().await;
    let (elb, ec2) = (service("elasticloadbalancing"), service("ec2"));
    let missing = server.query(elb, "CreateLoadBalancer", &json!({})).await;
    let text = "1 validation error detected: Value null at &apos;name&apos; failed to satisfy constraint: Member must not be null";
    assert_eq!(missing.error(), (400, "ValidationError", text));
    let unknown = server
        .query(elb, "CreateLoadBalancer", &json!({"Name": "a", "Scheme": "x"}))
        .await;
    let text = "1 validation error detected: Value &apos;x&apos; at &apos;scheme&apos; failed to satisfy constraint: \
                Member must satisfy enum value set: [internet-facing, internal]";
    assert_eq!(unknown.error(), (400, "ValidationError", text));
    let wrong = server
        .query(elb, "DescribeLoadBalancers", &json!({"PageSize": "ten"}))
        .await;
    assert_eq!(
        wrong.error(),
        (
            400,
            "MalformedInput",
            "The parameter PageSize must be an integer."
        )
    );

    let missing = server.query(ec2, "DeleteVpc", &json!({})).await;
    assert_eq!(
        missing.error(),
        (
            400,
            "MissingParameter",
            "The request must contain the parameter VpcId"
        )
    );
    let unknown = server
        .query(
            ec2,
            "CreateVpc",
            &json!({"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "x"}),
        )
        .await;
    let text = "Value (x) for parameter InstanceTenancy is invalid. It must satisfy enum value set: [default, dedicated, host].";
    assert_eq!(unknown.error(), (400, "InvalidParameterValue", text));

    let acm = server
        .json("acm", "CertificateManager.DescribeCertificate", "{}")
        .await;
    assert_eq!(acm.json()["__type"], "ValidationException", "{acm:?}");
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_says_that_it_would_have() {
    let server = Server::start().await;
    let ec2 = service("ec2");
    let before = server
        .query(ec2, "DescribeVpcs", &json!({}))
        .await
        .body
        .matches("<vpcId>")
        .count();
    let dry = server
        .query(
            ec2,
            "CreateVpc",
            &json!({"CidrBlock": "10.0.0.0/16", "DryRun": true}),
        )
        .await;
    let text = "Request would have succeeded, but DryRun flag is set.";
    assert_eq!(dry.error(), (412, "DryRunOperation", text));
    let after = server
        .query(ec2, "DescribeVpcs", &json!({}))
        .await
        .body
        .matches("<vpcId>")
        .count();
    assert_eq!(before, after);
    let wet = server
        .query(
            ec2,
            "CreateVpc",
            &json!({"CidrBlock": "10.0.0.0/16", "DryRun": false}),
        )
        .await;
    assert_eq!(wet.status, StatusCode::OK, "{wet:?}");
}

#[tokio::test]
async fn bodies_that_are_too_large_are_refused_in_the_clients_protocol() {
    let server = Server::start().await;
    let form = format!("Action=DescribeVpcs&Version=2016-11-15&a={}", "a".repeat(3 << 20));
    let large = server.form(service("ec2"), form).await;
    assert_eq!(
        (large.error().0, large.error().1),
        (413, "RequestEntityTooLargeException")
    );
}
