//! Requests that are wrong before anybody looks at an operation: signatures, headers, paths, sizes.

use std::time::Duration;

use auth::{Credentials, Signer};
use berth_tests::World;
use bytes::Bytes;
use chrono::TimeDelta;
use http::{HeaderValue, Request, StatusCode};
use kit::Clock;
use test_support::client::Answer;
use test_support::control_plane::key_pair;

pub const LIST: &str = "AmazonEC2ContainerServiceV20141113.ListClusters";

/// A request for ListClusters with this body, not signed.
pub fn request(world: &World, body: &'static str) -> Request<Bytes> {
    Request::post(format!("{}/", world.server.url()))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", LIST)
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

fn signed_at(world: &World, request: Request<Bytes>, ahead: TimeDelta) -> Request<Bytes> {
    let (mut parts, body) = request.into_parts();
    world
        .client
        .signer()
        .sign(&mut parts, &body, world.server.clock().now() + ahead)
        .unwrap();
    Request::from_parts(parts, body)
}

pub fn signed(world: &World, request: Request<Bytes>) -> Request<Bytes> {
    signed_at(world, request, TimeDelta::zero())
}

async fn send(world: &World, request: Request<Bytes>) -> Answer {
    world.client.send(request).await.unwrap()
}

/// Checks that the request is refused in the protocol's form with this code.
async fn is_refused(world: &World, request: Request<Bytes>, code: &str) {
    let answer = send(world, request).await;
    assert_eq!(
        (answer.flaw(), answer.json()["__type"].as_str()),
        (None, Some(code)),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn w07_requests_with_a_bad_signature_are_refused() {
    let world = World::with_hosts(0).await;
    is_refused(
        &world,
        request(&world, "{}"),
        "MissingAuthenticationTokenException",
    )
    .await;
    assert_eq!(
        send(&world, signed(&world, request(&world, "{}"))).await.status,
        StatusCode::OK
    );

    let mut other_body = signed(&world, request(&world, "{}"));
    *other_body.body_mut() = Bytes::from_static(b"{\"maxResults\": 1}");
    is_refused(&world, other_body, "InvalidSignatureException").await;
    let mut other_operation = signed(&world, request(&world, "{}"));
    other_operation.headers_mut().insert(
        "x-amz-target",
        HeaderValue::from_static("AmazonEC2ContainerServiceV20141113.ListServices"),
    );
    is_refused(&world, other_operation, "InvalidSignatureException").await;
    for minutes in [-16, 16] {
        is_refused(
            &world,
            signed_at(&world, request(&world, "{}"), TimeDelta::minutes(minutes)),
            "InvalidSignatureException",
        )
        .await;
    }
    let unknown = Signer::new(
        Credentials {
            access_key_id: "AKIANOBODYKNOWSTHIS0".to_owned(),
            ..Credentials::from(key_pair())
        },
        "us-east-1",
        "ecs",
    );
    let (mut parts, body) = request(&world, "{}").into_parts();
    unknown
        .sign(&mut parts, &body, world.server.clock().now())
        .unwrap();
    is_refused(
        &world,
        Request::from_parts(parts, body),
        "UnrecognizedClientException",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w07_nonsense_in_the_authorization_header_is_refused() {
    let world = World::with_hosts(0).await;
    let now = world.server.clock().now().format("%Y%m%dT%H%M%SZ").to_string();
    for nonsense in [
        "",
        " ",
        "Basic dXNlcjpwYXNz",
        "Bearer x",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=",
        "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=AKIATESTCONTROLPLANE/20260101/us-east-1/ecs/aws4_request, SignedHeaders=, Signature=",
        "AWS4-HMAC-SHA256 Credential=AKIATESTCONTROLPLANE/20260101/../ecs/aws4_request, SignedHeaders=host, Signature=zz",
        "AWS4-HMAC-SHA512 Credential=x",
        "=,=,=,=",
        "AWS4-HMAC-SHA256 ,,,,,,,,",
    ] {
        let mut request = request(&world, "{}");
        request
            .headers_mut()
            .insert("authorization", HeaderValue::from_str(nonsense).unwrap());
        request
            .headers_mut()
            .insert("x-amz-date", HeaderValue::from_str(&now).unwrap());
        let answer = send(&world, request).await;
        assert_eq!(answer.flaw(), None, "{nonsense:?}: {answer:?}");
    }
    let mut twice = signed(&world, request(&world, "{}"));
    let first = twice.headers()["authorization"].clone();
    twice.headers_mut().append("authorization", first);
    assert_eq!(send(&world, twice).await.flaw(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn presigned_addresses_work_until_they_expire() {
    let world = World::with_hosts(0).await;
    let presigned = |ahead: TimeDelta| {
        let (mut parts, body) = request(&world, "{}").into_parts();
        let at = world.server.clock().now() + ahead;
        world
            .client
            .signer()
            .presign(&mut parts, &body, at, Duration::from_secs(60))
            .unwrap();
        Request::from_parts(parts, body)
    };
    assert_eq!(
        send(&world, presigned(TimeDelta::zero())).await.status,
        StatusCode::OK
    );
    assert_eq!(
        send(&world, presigned(TimeDelta::seconds(-90))).await.flaw(),
        None
    );
    let (mut parts, body) = presigned(TimeDelta::zero()).into_parts();
    parts.uri = format!("{}&X-Amz-Expires=604801", parts.uri).parse().unwrap();
    assert_eq!(send(&world, Request::from_parts(parts, body)).await.flaw(), None);
    for query in [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Signature=",
        "X-Amz-Credential=%FF%FE&X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "%",
    ] {
        let (mut parts, body) = request(&world, "{}").into_parts();
        parts.uri = format!("{}/?{query}", world.server.url()).parse().unwrap();
        let answer = send(&world, Request::from_parts(parts, body)).await;
        assert_eq!(answer.flaw(), None, "{query}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w08_unknown_targets_and_other_content_types_are_answered() {
    let world = World::with_hosts(0).await;
    for target in [
        "",
        "ListClusters",
        "AmazonEC2ContainerServiceV20141113",
        "AmazonEC2ContainerServiceV20141113.",
        "AmazonEC2ContainerServiceV20141113.listClusters",
        "DynamoDB_20120810.ListTables",
    ] {
        let mut request = request(&world, "{}");
        request
            .headers_mut()
            .insert("x-amz-target", HeaderValue::from_str(target).unwrap());
        is_refused(&world, signed(&world, request), "UnknownOperationException").await;
    }
    let mut bytes = request(&world, "{}");
    bytes
        .headers_mut()
        .insert("x-amz-target", HeaderValue::from_bytes(b"\xff\xfe").unwrap());
    let answer = send(&world, signed_or_not(&world, bytes)).await;
    assert_eq!(answer.flaw(), None, "{answer:?}");
    for content_type in [
        "text/xml",
        "application/json",
        "application/x-www-form-urlencoded",
        "application/cbor",
        ";;;",
    ] {
        let mut request = request(&world, "{}");
        request
            .headers_mut()
            .insert("content-type", HeaderValue::from_str(content_type).unwrap());
        let answer = send(&world, signed(&world, request)).await;
        assert!(
            answer.status == StatusCode::OK || answer.flaw().is_none(),
            "{content_type}: {answer:?}"
        );
    }
    let mut squeezed = request(&world, "\u{1f}not gzip at all");
    squeezed
        .headers_mut()
        .insert("content-encoding", HeaderValue::from_static("gzip"));
    assert_eq!(send(&world, signed(&world, squeezed)).await.flaw(), None);
}

/// Some headers cannot be signed by our own signer either.
fn signed_or_not(world: &World, request: Request<Bytes>) -> Request<Bytes> {
    let (mut parts, body) = request.into_parts();
    let _ = world
        .client
        .signer()
        .sign(&mut parts, &body, world.server.clock().now());
    Request::from_parts(parts, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_large_are_refused() {
    let world = World::with_hosts(0).await;
    let huge = format!("{{\"nextToken\": \"{}\"}}", "a".repeat(3 << 20));
    let answer = world.client.post("ListClusters", huge).await.unwrap();
    assert_eq!(
        (answer.status, answer.flaw()),
        (StatusCode::PAYLOAD_TOO_LARGE, None)
    );
    let just_fits = format!("{{\"nextToken\": \"{}\"}}", "a".repeat(1 << 20));
    assert_eq!(
        world.client.post("ListClusters", just_fits).await.unwrap().flaw(),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_and_methods_are_client_errors() {
    let world = World::with_hosts(0).await;
    for path in [
        "//",
        "/favicon.ico",
        "/..%2f..%2fetc/passwd",
        "/agent/acs/ws",
        "/agent/tcs/ws",
        "/_berth/reset",
        "/%00",
        "/?a=b&c",
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            if path.starts_with("/?") && method == "GET" {
                continue;
            }
            let request = Request::builder()
                .method(method)
                .uri(format!("{}{path}", world.server.url()))
                .body(Bytes::new())
                .unwrap();
            let answer = send(&world, request).await;
            assert!(answer.status.is_client_error(), "{method} {path}: {answer:?}");
        }
    }
    for path in ["/", "/healthz", "/readyz"] {
        let request = Request::get(format!("{}{path}", world.server.url()))
            .body(Bytes::new())
            .unwrap();
        assert_eq!(send(&world, request).await.status, StatusCode::OK, "{path}");
    }
    for upgrade in ["/agent/acs/ws", "/agent/tcs/ws"] {
        let request = Request::get(format!(
            "{}{upgrade}?containerInstanceArn=%00&clusterArn=x",
            world.server.url()
        ))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==");
        let answer = send(&world, signed(&world, request.body(Bytes::new()).unwrap())).await;
        assert!(answer.status.is_client_error(), "{upgrade}: {answer:?}");
    }
}
