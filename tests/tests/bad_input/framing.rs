//! Requests that are no whole HTTP, or more than one.

use std::net::SocketAddr;
use std::time::Duration;

use berth_tests::World;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::signatures::{LIST, request, signed};

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
