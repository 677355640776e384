//! Requests that are wrong before anybody looks at an operation: signatures, headers, framing.

use std::net::SocketAddr;
use std::time::Duration;

use auth::{Credentials, Signer};
use berth_tests::World;
use bytes::Bytes;
use chrono::TimeDelta;
use http::{HeaderValue, Request, StatusCode};
use kit::Clock;
use serde_json::json;
use test_support::client::Answer;
use test_support::control_plane::key_pair;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIST: &str = "AmazonEC2ContainerServiceV20141113.ListClusters";

/// A request for ListClusters with this body, not signed.
fn request(world: &World, body: &'static str) -> Request<Bytes> {
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

fn signed(world: &World, request: Request<Bytes>) -> Request<Bytes> {
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

/// Sends bytes, closes our half if asked to, and gives all that comes back until the server closes or is silent for a while.
async fn exchange(address: SocketAddr, bytes: &[u8], close: bool) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may have answered and closed before it has read all.
    let _ = stream.write_all(bytes).await;
    if close {
        let _ = stream.shutdown().await;
    }
    let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(Ok(count)) = tokio::time::timeout(Duration::from_millis(700), stream.read(&mut chunk)).await
    {
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The request line, the headers and the body of a signed ListClusters as text.
fn as_text(world: &World, version: &str, more: &str) -> String {
    let request = signed(world, request(world, "{}"));
    let mut text = format!("POST / HTTP/{version}\r\n");
    for (name, value) in request.headers() {
        text += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    format!("{text}content-length: 2\r\n{more}\r\n{{}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_and_pipelined_requests_are_answered_in_order() {
    let world = World::with_hosts(0).await;
    let old = exchange(
        world.server.address(),
        as_text(&world, "1.0", "").as_bytes(),
        false,
    )
    .await;
    assert!(old.starts_with("HTTP/1.0 200"), "{old}");
    let many = as_text(&world, "1.1", "").repeat(3) + &as_text(&world, "1.1", "connection: close\r\n");
    let answers = exchange(world.server.address(), many.as_bytes(), false).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 4, "{answers}");
    let expecting = exchange(
        world.server.address(),
        as_text(&world, "1.1", "expect: 100-continue\r\n").as_bytes(),
        false,
    )
    .await;
    assert!(expecting.contains("HTTP/1.1 200"), "{expecting}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_with_broken_framing_are_refused_and_the_server_goes_on() {
    let world = World::with_hosts(0).await;
    let address = world.server.address();
    let head = format!("POST / HTTP/1.1\r\nhost: {address}\r\nx-amz-target: {LIST}\r\n");
    let chunked = |body: &str| format!("{head}transfer-encoding: chunked\r\n\r\n{body}").into_bytes();
    let long = "x".repeat(20_000);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a chunk size that is no number", chunked("zz\r\n{}\r\n0\r\n\r\n")),
        (
            "a chunk that is longer than it says",
            chunked("1\r\n{}}}}}\r\n0\r\n\r\n"),
        ),
        (
            "a chunk of more bytes than there are",
            chunked("ffffffffffffffffff\r\n{}\r\n"),
        ),
        ("a chunk that never ends", chunked("10\r\n{}")),
        (
            "less body than announced",
            format!("{head}content-length: 100\r\n\r\n{{}}").into_bytes(),
        ),
        (
            "two lengths",
            format!("{head}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}").into_bytes(),
        ),
        (
            "a length that is no number",
            format!("{head}content-length: -1\r\n\r\n{{}}").into_bytes(),
        ),
        (
            "a huge length",
            format!("{head}content-length: 99999999999999999999999\r\n\r\n{{}}").into_bytes(),
        ),
        (
            "a length and chunks",
            format!("{head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").into_bytes(),
        ),
        (
            "an unknown transfer encoding",
            format!("{head}transfer-encoding: cow\r\n\r\n{{}}").into_bytes(),
        ),
        (
            "a header without a name",
            format!("{head}: x\r\n\r\n").into_bytes(),
        ),
        (
            "a header with a line feed",
            format!("{head}x: a\nb\r\n\r\n").into_bytes(),
        ),
        ("a NUL in a header", format!("{head}x: \0\r\n\r\n").into_bytes()),
        (
            "no host",
            format!("POST / HTTP/1.1\r\nx-amz-target: {LIST}\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes(),
        ),
        (
            "many headers",
            format!("{head}{}\r\n", "x-a: b\r\n".repeat(2_000)).into_bytes(),
        ),
        (
            "a huge header",
            format!("{head}x: {}\r\n\r\n", "y".repeat(1 << 20)).into_bytes(),
        ),
        (
            "a long path",
            format!("GET /{long} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").into_bytes(),
        ),
        (
            "a huge path",
            format!("GET /{} HTTP/1.1\r\nhost: {address}\r\n\r\n", long.repeat(10)).into_bytes(),
        ),
        ("no method", b"\r\n\r\n\r\n / HTTP/1.1\r\n\r\n".to_vec()),
        ("an unknown version", b"GET / HTTP/9.9\r\n\r\n".to_vec()),
        (
            "the greeting of TLS",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        ),
        ("a random message", vec![0; 4096]),
    ];
    for (name, bytes) in cases {
        let answer = exchange(address, &bytes, true).await;
        // Whoever does not speak HTTP may just be hung up on.
        let status = answer.split_once(' ').map_or("", |(_, rest)| rest);
        assert!(answer.is_empty() || status.starts_with('4'), "{name}: {answer}");
    }
    world.client.ok("ListClusters", json!({})).await;
    assert_eq!(world.server.failure().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_or_go_away_cost_nobody_anything() {
    let world = World::with_hosts(0).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(world.server.address()).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        idle.push(stream);
    }
    world.client.ok("ListClusters", json!({})).await;
    drop(idle);
    for _ in 0..50 {
        let mut stream = TcpStream::connect(world.server.address()).await.unwrap();
        stream
            .write_all(as_text(&world, "1.1", "").as_bytes())
            .await
            .unwrap();
    }
    world.client.ok("ListClusters", json!({})).await;
    assert_eq!(world.server.failure().await, None);
}
