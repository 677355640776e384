//! HTTP/1.1 from end to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use load_balancer::session::Served;
use routing::action::Redirect;
use routing::attributes::XffProcessing;
use routing::{Action, Balancer};

use crate::fixture::*;

fn with_attributes(change: impl FnOnce(&mut Balancer)) -> Balancer {
    let mut balancer = balancer(vec![forward(&[("tg", 1)])]);
    change(&mut balancer);
    balancer
}

#[tokio::test]
async fn lb35_a_target_is_told_who_asked_and_how() {
    let rig = Rig::with_targets(&[mirror().await]);
    let mut conn = rig.connect().await;
    let client = conn.stream.local_addr().unwrap().ip();
    conn.send(
        "GET /a%20b?c=d HTTP/1.1\r\nHost: Web.Test:99\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: gopher\r\nConnection: keep-alive, x-private\r\nX-Private: 1\r\nX-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678;CalledFrom=app\r\n\r\n",
    )
    .await;
    let got = conn.response().await.text();
    assert!(
        got.starts_with("GET /a%20b?c=d HTTP/1.1\r\nHost: Web.Test:99\r\n"),
        "{got}"
    );
    assert!(
        got.contains(&format!("X-Forwarded-For: 10.0.0.1, {client}\r\n")),
        "{got}"
    );
    assert!(
        got.contains("X-Forwarded-Proto: http\r\n")
            && got.contains("X-Forwarded-Port: 8080\r\n")
            && !got.contains("gopher"),
        "{got}"
    );
    assert!(
        !got.to_lowercase().contains("x-private"),
        "what Connection names concerns one hop: {got}"
    );
    let trace = got
        .lines()
        .find_map(|line| line.strip_prefix("X-Amzn-Trace-Id: "))
        .unwrap();
    assert!(
        trace.starts_with("Self=1-")
            && trace.ends_with(";Root=1-67891233-abcdef012345678912345678;CalledFrom=app"),
        "{trace}"
    );
    let seen = rig.notes.request(|_| true).await;
    assert_eq!(
        (seen.elb_status, seen.target_status, seen.priority, seen.timed),
        (Some(200), Some(200), Some(0), true)
    );
    assert_eq!(seen.url, "http://Web.Test:8080/a%20b?c=d");
}

#[tokio::test]
async fn lb35_x_forwarded_for_is_kept_or_taken_off_by_attribute() {
    let rig = Rig::with_targets(&[mirror().await]);
    for (processing, wanted) in [
        (XffProcessing::Preserve, Some("X-Forwarded-For: 10.0.0.1\r\n")),
        (XffProcessing::Remove, None),
    ] {
        rig.proxy.set_balancer(with_attributes(|balancer| {
            balancer.attributes.xff_processing = processing
        }));
        let mut conn = rig.connect().await;
        conn.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n")
            .await;
        let got = conn.response().await.text();
        match wanted {
            Some(wanted) => assert!(got.contains(wanted), "{got}"),
            None => assert!(!got.contains("X-Forwarded-For"), "{got}"),
        }
    }
}

#[tokio::test]
async fn connections_on_both_sides_serve_many_requests_even_pipelined_ones() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    let target = raw_target(move |mut conn| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            while let Some(request) = conn.request().await {
                conn.send(ok(request.head.lines().next().unwrap())).await;
            }
        }
    })
    .await;
    let rig = Rig::with_targets(&[target]);
    let mut conn = rig.connect().await;
    conn.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    for path in ["GET /1", "POST /2", "GET /3"] {
        assert_eq!(conn.response().await.text(), format!("{path} HTTP/1.1"));
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn chunked_bodies_and_trailers_go_both_ways() {
    let target = answering(|request| {
        assert_eq!(request.header("transfer-encoding"), Some("chunked"));
        let body = String::from_utf8_lossy(&request.body).into_owned();
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n{:x}\r\n{body}\r\n0\r\nX-Sum: 7\r\n\r\n", body.len())
    })
    .await;
    let rig = Rig::with_targets(&[target]);
    let mut conn = rig.connect().await;
    conn.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n")
        .await;
    conn.send("6\r\n world\r\n0\r\nX-Up: 1\r\n\r\n").await;
    assert_eq!(conn.response().await.text(), "hello worldX-Up: 1\r\nX-Sum: 7\r\n");
    conn.send("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        .await;
    assert_eq!(conn.response().await.status, 200, "the connection goes on");
}

#[tokio::test]
async fn a_large_body_streams_both_ways_at_once() {
    let target = raw_target(|mut conn| async move {
        let head = String::from_utf8(conn.until(b"\r\n\r\n").await.unwrap()).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .unwrap()
            .to_owned();
        conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"))
            .await;
        let early = std::mem::take(&mut conn.input);
        conn.send(early).await;
        let (mut read, mut write) = conn.stream.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    })
    .await;
    let rig = Rig::with_targets(&[target]);
    let conn = rig.connect().await;
    let body: Vec<u8> = (0..8_000_000_u32).map(|at| (at % 251) as u8).collect();
    let (mut read, mut write) = conn.stream.into_split();
    let sent = body.clone();
    let sending = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let head = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            sent.len()
        );
        write.write_all(head.as_bytes()).await.unwrap();
        write.write_all(&sent).await.unwrap();
        write
    });
    let mut got = Vec::new();
    use tokio::io::AsyncReadExt;
    tokio::time::timeout(PATIENCE, read.read_to_end(&mut got))
        .await
        .unwrap()
        .unwrap();
    sending.await.unwrap();
    assert!(got.ends_with(&body), "{} octets", got.len());
}

#[tokio::test]
async fn expect_100_continue_is_answered_at_once() {
    let rig = Rig::with_targets(&[mirror().await]);
    let mut conn = rig.connect().await;
    conn.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await;
    assert_eq!(conn.response().await.status, 100);
    conn.send("hi").await;
    let response = conn.response().await;
    assert!(response.text().ends_with("\r\n\r\nhi") && !response.text().contains("Expect"));
}

#[tokio::test]
async fn old_clients_head_requests_and_absolute_uris_are_served() {
    let target = answering(|request| match request.head.starts_with("HEAD") {
        true => "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n".to_owned(),
        false => format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
            request.head.len(),
            request.head
        ),
    })
    .await;
    let rig = Rig::with_targets(&[target]);
    let mut conn = rig.connect().await;
    conn.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(
        conn.response_to("HEAD").await.header("content-length"),
        Some("99")
    );
    conn.send("GET http://other.test/x HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert!(
        conn.response()
            .await
            .text()
            .starts_with("GET /x HTTP/1.1\r\nHost: other.test\r\n")
    );
    let mut conn = rig.connect().await;
    conn.send("GET /old HTTP/1.0\r\n\r\n").await;
    let response = conn.response().await;
    assert_eq!(
        (
            response.header("transfer-encoding"),
            response.header("connection")
        ),
        (None, Some("close"))
    );
    assert!(
        response
            .text()
            .starts_with("GET /old HTTP/1.1\r\nHost: web-1.eu-central-1.elb.test\r\n"),
        "{}",
        response.text()
    );
}

#[tokio::test]
async fn lb36_the_balancer_answers_for_itself() {
    let rig = Rig::with_targets(&[named("a").await]);
    let forwarded = ["1.1.1.1"; 31].join(", ");
    let long = "a".repeat(17_000);
    let many: String = (0..70)
        .map(|index| format!("X-{index}: {}\r\n", "b".repeat(1000)))
        .collect();
    for (request, status) in [
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 405),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 405),
        (
            format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {forwarded}\r\n\r\n"),
            463,
        ),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 400),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n".to_owned(),
            501,
        ),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n".to_owned(), 505),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
    ] {
        let mut conn = rig.connect().await;
        conn.send(&request).await;
        let response = conn.response().await;
        assert_eq!(response.status, status, "{}", &request[..request.len().min(60)]);
        assert_eq!(response.header("server"), Some("awselb/2.0"));
        assert!(
            response.text().starts_with("<html>\r\n<head><title>"),
            "{}",
            response.text()
        );
        rig.notes
            .request(|seen| seen.elb_status == Some(status) && seen.target_status.is_none())
            .await;
    }
}

#[tokio::test]
async fn lb36_what_targets_do_wrong_shows_as_502_503_and_504() {
    let rig = Rig::new();
    let mut impatient = with_attributes(|balancer| balancer.attributes.idle_timeout_seconds = 1);
    impatient.revision = revision();
    rig.proxy.set_balancer(impatient);
    assert_eq!(rig.get("/").await.status, 503, "the group is not known");
    rig.proxy.set_target_group(group("tg", &[]));
    assert_eq!(rig.get("/").await.status, 503, "there are no targets");
    let garbage = answering(|_| "SMTP ready\r\n\r\n".to_owned()).await;
    let silent = raw_target(|mut conn| async move { while conn.request().await.is_some() {} }).await;
    let hasty = raw_target(|mut conn| async move { drop(conn.request().await) }).await;
    let large = answering(|_| format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(40_000))).await;
    let torn = answering(|_| {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned()
    })
    .await;
    let split = answering(|_| "HTTP/1.1 200 OK\rX: 1\r\nContent-Length: 0\r\n\r\n".to_owned()).await;
    for (target, status) in [
        (garbage, 502),
        (split, 502),
        (silent, 504),
        (hasty, 502),
        (large, 502),
        (torn, 502),
        (nobody().await, 502),
    ] {
        rig.proxy.set_target_group(group("tg", &[target]));
        let response = rig.get("/").await;
        assert_eq!(response.status, status);
        rig.notes
            .request(|seen| seen.elb_status == Some(status) && seen.target == Some(target))
            .await;
    }
}

#[tokio::test]
async fn lb36_a_silent_client_gets_408_for_half_a_request_and_nothing_for_none() {
    let rig = Rig::with_targets(&[named("a").await]);
    rig.proxy.set_balancer(with_attributes(|balancer| {
        balancer.attributes.idle_timeout_seconds = 1
    }));
    let mut conn = rig.connect().await;
    conn.send("GET / HTTP/1.1\r\nHo").await;
    assert_eq!(conn.response().await.status, 408);
    let mut conn = rig.connect().await;
    conn.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        .await;
    assert_eq!(conn.response().await.status, 408);
    assert!(rig.connect().await.is_closed().await);
}

#[tokio::test]
async fn lb36_a_client_that_leaves_early_is_noted_with_460() {
    let (got, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let target = raw_target(move |mut conn| {
        let got = got.clone();
        async move {
            conn.request().await;
            got.send(()).unwrap();
            assert!(
                conn.is_closed().await,
                "the target's connection ends with the client's"
            );
            got.send(()).unwrap();
        }
    })
    .await;
    let rig = Rig::with_targets(&[target]);
    let mut conn = rig.connect().await;
    conn.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    asked.recv().await.unwrap();
    drop(conn);
    rig.notes.request(|seen| seen.elb_status == Some(460)).await;
    asked.recv().await.unwrap();
}

#[tokio::test]
async fn an_unreachable_target_is_passed_over_since_nothing_was_sent() {
    let rig = Rig::with_targets(&[nobody().await, named("alive").await]);
    for _ in 0..4 {
        assert_eq!(rig.get("/").await.text(), "alive");
    }
}

#[tokio::test]
async fn a_connection_that_died_while_idle_is_replaced_for_what_may_be_repeated() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    // Each connection serves one request; the second one on it finds the end.
    let target = raw_target(move |mut conn| {
        let counted = counted.clone();
        async move {
            conn.request().await.unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            conn.send(ok("once")).await;
            conn.request().await;
        }
    })
    .await;
    let rig = Rig::with_targets(&[target]);
    let mut conn = rig.connect().await;
    for _ in 0..3 {
        conn.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(conn.response().await.text(), "once");
    }
    assert_eq!(requests.load(Ordering::Relaxed), 3);
    conn.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
        .await;
    assert_eq!(conn.response().await.status, 502, "a POST may have been acted on");
}

#[tokio::test]
async fn lb33_redirects_and_fixed_responses_keep_the_connection() {
    let rig = Rig::new();
    rig.proxy.set_balancer(balancer(vec![Action::Redirect(Redirect {
        status: 301,
        protocol: "HTTPS".to_owned(),
        host: "#{host}".to_owned(),
        port: "443".to_owned(),
        path: "/new/#{path}".to_owned(),
        query: "#{query}".to_owned(),
    })]));
    let mut conn = rig.connect().await;
    conn.send("GET /a?b HTTP/1.1\r\nHost: x.test:8080\r\n\r\n").await;
    let response = conn.response().await;
    assert_eq!(
        (response.status, response.header("location")),
        (301, Some("https://x.test:443/new/a?b"))
    );
    rig.proxy.set_balancer(balancer(vec![fixed(418, "teapot")]));
    conn.send("POST /a HTTP/1.1\r\nHost: x.test\r\nContent-Length: 3\r\n\r\nabc")
        .await;
    let response = conn.response().await;
    assert_eq!((response.status, response.text().as_str()), (418, "teapot"));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    conn.send("HEAD /a HTTP/1.1\r\nHost: x.test\r\n\r\n").await;
    assert_eq!(conn.response_to("HEAD").await.header("content-length"), Some("6"));
}

#[tokio::test]
async fn lb33_a_response_that_may_have_no_body_has_none() {
    let rig = Rig::new();
    rig.proxy
        .set_balancer(balancer(vec![fixed(204, "HTTP/1.1 200 OK\r\n\r\n")]));
    let mut conn = rig.connect().await;
    for _ in 0..2 {
        conn.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let response = conn.response().await;
        assert_eq!((response.status, response.header("content-length")), (204, None));
    }
}

#[tokio::test]
async fn old_clients_get_no_interim_response() {
    let rig = Rig::with_targets(&[named("a").await]);
    let mut conn = rig.connect().await;
    conn.send("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nZ")
        .await;
    assert_eq!(conn.response().await.status, 200);
}

#[tokio::test]
async fn response_headers_are_set_by_the_listeners_attributes() {
    let target = answering(|_| "HTTP/1.1 200 OK\r\nServer: mine\r\nX-Frame-Options: ALLOW\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n".to_owned()).await;
    let rig = Rig::with_targets(&[target]);
    rig.proxy.set_balancer(with_attributes(|balancer| {
        let attributes = &mut balancer.listeners[0].attributes;
        attributes.response_headers = vec![("X-Frame-Options".to_owned(), "DENY".to_owned())];
        attributes.server_header = false;
    }));
    let response = rig.get("/").await;
    assert_eq!(response.header("x-frame-options"), Some("DENY"));
    assert_eq!(
        (response.header("server"), response.header("keep-alive")),
        (Some("mine"), None),
        "a target's own Server header stays"
    );
}

#[tokio::test]
async fn websockets_are_tunnelled_in_both_directions() {
    let target = raw_target(|mut conn| async move {
        let request = conn.request().await.unwrap();
        assert_eq!((request.header("connection"), request.header("upgrade")), (Some("upgrade"), Some("websocket")));
        // The first frame comes with the head.
        conn.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nwelcome;").await;
        while let Some(text) = conn.until(b";").await {
            conn.send(text).await;
        }
    })
    .await;
    let rig = Rig::with_targets(&[target]);
    let mut conn = rig.connect().await;
    conn.send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n").await;
    let response = conn.response().await;
    assert_eq!(
        (response.status, response.header("upgrade")),
        (101, Some("websocket"))
    );
    assert_eq!(conn.until(b";").await.unwrap(), b"welcome;");
    for text in ["one;", "two;"] {
        conn.send(text).await;
        assert_eq!(conn.until(b";").await.unwrap(), text.as_bytes());
    }
    drop(conn);
    rig.notes
        .request(|seen| seen.elb_status == Some(101) && seen.target_status == Some(101))
        .await;
}

#[tokio::test]
async fn an_upgrade_that_is_refused_is_an_ordinary_response() {
    let rig = Rig::with_targets(&[named("plain").await]);
    let mut conn = rig.connect().await;
    for _ in 0..2 {
        conn.send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            .await;
        assert_eq!(conn.response().await.text(), "plain");
    }
}

#[tokio::test]
async fn server_sent_events_are_not_held_back() {
    let (next, events) = tokio::sync::mpsc::unbounded_channel::<&str>();
    let events = Arc::new(tokio::sync::Mutex::new(events));
    let target = raw_target(move |mut conn| {
        let events = events.clone();
        async move {
            conn.request().await;
            conn.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
                .await;
            while let Some(event) = events.lock().await.recv().await {
                conn.send(event).await;
            }
        }
    })
    .await;
    let rig = Rig::with_targets(&[target]);
    let mut conn = rig.connect().await;
    conn.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n").await;
    conn.until(b"\r\n\r\n").await.unwrap();
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        next.send(event).unwrap();
        assert!(
            conn.until(event.as_bytes()).await.is_some(),
            "an event arrives before the next is sent"
        );
    }
    drop(next);
    assert!(
        conn.until(b"0\r\n\r\n").await.is_some(),
        "the target's end is the body's end"
    );
}
