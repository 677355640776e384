//! What could be framed in two ways is refused; what departs from the standard harmlessly goes on by the desync mode (LB-35).

use load_balancer::session::Served;
use routing::attributes::DesyncMitigation::{self, Defensive, Monitor, Strictest};
use routing::rule::{Condition, Patterns, Rule};

use crate::fixture::*;

async fn rig(mode: DesyncMitigation) -> Rig {
    let rig = Rig::with_targets(&[mirror().await]);
    let mut balancer = balancer(vec![forward(&[("tg", 1)])]);
    balancer.attributes.desync_mitigation = mode;
    rig.proxy.set_balancer(balancer);
    rig
}

/// Sends a request and says what came back, and whether the connection was closed after it.
async fn answer(rig: &Rig, request: &str) -> (Response, bool) {
    let mut conn = rig.connect().await;
    conn.send(request).await;
    let response = conn.response().await;
    let closed = response.header("connection") == Some("close");
    if closed {
        assert!(conn.is_closed().await, "only one answer comes for {request:?}");
    }
    (response, closed)
}

#[tokio::test]
async fn requests_with_two_meanings_are_refused_in_every_mode() {
    for mode in [Monitor, Defensive, Strictest] {
        let rig = rig(mode).await;
        for (request, reason) in [
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                "MultipleContentLength",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
                "BadContentLength",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na",
                "BadContentLength",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na",
                "BadContentLength",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
                "BadTransferEncoding",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n",
                "BadTransferEncoding",
            ),
            (
                "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "BadTransferEncoding",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\na",
                "BadHeader",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nX: 1\r\n Content-Length: 1\r\n\r\na",
                "BadHeader",
            ),
            ("GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n", "BadHeader"),
            ("GET / HTTP/1.1\nHost: a\n\n", "BadHeader"),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "BadHeader"),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", "BadHeader"),
            ("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", "BadHeader"),
            ("GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n", "BadHeader"),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "BadHeader"),
            ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "BadMethod"),
            ("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", "BadUri"),
            ("GET / HTTP/x.1\r\nHost: a\r\n\r\n", "BadVersion"),
            ("GET /\r\n\r\n", "BadVersion"),
        ] {
            let (response, closed) = answer(&rig, request).await;
            assert_eq!((response.status, closed), (400, true), "{mode:?} {request:?}");
            let seen = rig
                .notes
                .request(|seen| seen.classification_reason == Some(reason))
                .await;
            assert_eq!((seen.elb_status, seen.target), (Some(400), None));
            rig.notes.requests.lock().unwrap().clear();
        }
    }
}

#[tokio::test]
async fn bodies_that_are_framed_wrongly_never_reach_their_end() {
    let rig = rig(Defensive).await;
    for body in [
        "1\nA\r\n0\r\n\r\n",
        "1 \r\nA\r\n0\r\n\r\n",
        "-1\r\nA\r\n0\r\n\r\n",
        "0x1\r\nA\r\n0\r\n\r\n",
        "1\r\nAB\r\n0\r\n\r\n",
        "1;a\nb\r\nA\r\n0\r\n\r\n",
        "ffffffffffffffff1\r\nA\r\n",
    ] {
        let (response, closed) = answer(
            &rig,
            &format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}"),
        )
        .await;
        assert_eq!((response.status, closed), (400, true), "{body:?}");
    }
}

#[tokio::test]
async fn ambiguous_requests_are_made_unambiguous_and_end_their_connections() {
    for (request, reason) in [
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nZ\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
            "BothTeClPresent",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nZ\r\n0\r\n\r\n",
            "MultipleTransferEncodingChunked",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nZ",
            "DuplicateContentLength",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nZ",
            "UndefinedContentLengthSemantics",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 9\r\nContent-Length: 1\r\n\r\nZ",
            "SuspiciousHeader",
        ),
    ] {
        let defensive = rig(Defensive).await;
        let (response, closed) = answer(&defensive, request).await;
        let got = response.text();
        assert_eq!((response.status, closed), (200, true), "{request:?}");
        let framings = got
            .lines()
            .filter(|line| line.starts_with("Content-Length:") || line.starts_with("Transfer-Encoding:"))
            .count();
        assert!(
            framings == 1 && got.ends_with('Z') && !got.contains("smuggled"),
            "{got}"
        );
        defensive
            .notes
            .request(|seen| seen.classification_reason == Some(reason))
            .await;
        let (response, closed) = answer(&rig(Strictest).await, request).await;
        assert_eq!((response.status, closed), (400, true), "{request:?}");
    }
}

#[tokio::test]
async fn acceptable_departures_pass_unless_the_mode_is_strictest() {
    for (request, reason) in [
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "SpaceInUri"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nX: \u{e9}\r\n\r\n",
            "NonCompliantHeader",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
            "GetHeadZeroContentLength",
        ),
        ("GET / HTTP/1.7\r\nHost: a\r\n\r\n", "NonCompliantVersion"),
    ] {
        let defensive = rig(Defensive).await;
        let (response, closed) = answer(&defensive, request).await;
        assert_eq!((response.status, closed), (200, false), "{request:?}");
        assert!(
            !response.text().starts_with("GET /a b"),
            "a blank goes on escaped"
        );
        defensive
            .notes
            .request(|seen| seen.classification_reason == Some(reason))
            .await;
        assert_eq!(
            answer(&rig(Strictest).await, request).await.0.status,
            400,
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn lb35_header_names_that_are_no_plain_words_are_dropped_by_attribute() {
    let rig = Rig::with_targets(&[mirror().await]);
    let request = "GET / HTTP/1.1\r\nHost: a\r\nx_under: 1\r\nx-dash: 1\r\n\r\n";
    assert!(answer(&rig, request).await.0.text().contains("x_under"));
    let mut strict = balancer(vec![forward(&[("tg", 1)])]);
    strict.attributes.drop_invalid_header_fields = true;
    rig.proxy.set_balancer(strict);
    let got = answer(&rig, request).await.0.text();
    assert!(!got.contains("x_under") && got.contains("x-dash"), "{got}");
}

#[tokio::test]
async fn a_client_cannot_speak_for_the_balancer() {
    let rig = Rig::with_targets(&[mirror().await]);
    let got = answer(&rig, "GET / HTTP/1.1\r\nHost: a\r\nX-Amzn-Mtls-Clientcert-Subject: CN=root\r\nX-Amzn-Tls-Version: TLSv9\r\nConnection: X-Forwarded-For\r\n\r\n").await.0.text();
    assert!(
        !got.to_lowercase().contains("mtls")
            && !got.contains("TLSv9")
            && got.contains("X-Forwarded-For: 127."),
        "{got}"
    );
}

#[tokio::test]
async fn nor_can_it_in_trailers() {
    let rig = Rig::with_targets(&[mirror().await]);
    let got = answer(&rig, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\nX-Amzn-Oidc-Identity: root\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n").await.0.text();
    assert!(
        got.contains("X-Sum: 1") && !got.contains("Identity") && !got.contains("6.6.6.6"),
        "{got}"
    );
}

#[tokio::test]
async fn no_other_protocol_than_websocket_is_upgraded_to() {
    let rig = Rig::with_targets(&[mirror().await]);
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    let got = answer(&rig, request).await.0.text();
    assert!(
        !got.to_lowercase().contains("upgrade") && !got.contains("HTTP2"),
        "{got}"
    );
}

#[tokio::test]
async fn octets_that_are_no_text_lead_past_no_rule() {
    let rig = Rig::new();
    let mut ruled = balancer(vec![fixed(200, "open")]);
    ruled.listeners[0].rules.push(Rule {
        arn: "rule/1".to_owned(),
        priority: 1,
        conditions: vec![Condition::PathPattern(Patterns {
            values: vec!["/admin*".to_owned()],
            regex_values: Vec::new(),
        })],
        transforms: Vec::new(),
        actions: vec![fixed(403, "closed")],
    });
    rig.proxy.set_balancer(ruled);
    let cases: [(&[u8], u16); 5] = [
        (b"GET /admin?\xff HTTP/1.1\r\nHost: a\r\n\r\n", 403),
        (b"GET /admin\xc3\xbc HTTP/1.1\r\nHost: a\r\n\r\n", 403),
        (b"GET /b HTTP/1.1\r\nHost: \xff\r\n\r\n", 400),
        (b"GET /b HTTP/1.1\r\nHost: a\tb\r\n\r\n", 400),
        (b"GET http://\xff/b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ];
    for (request, status) in cases {
        let mut conn = rig.connect().await;
        conn.send(request).await;
        let response = conn.response().await;
        assert_eq!(response.status, status, "{}", request.escape_ascii());
    }
    rig.notes
        .request(|seen| seen.url.ends_with("/admin?%FF") && seen.priority == Some(1))
        .await;
}
