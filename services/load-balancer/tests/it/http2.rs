//! HTTP/2 to clients over TLS, to targets in clear text, and gRPC between both.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, HeaderValue, Request};
use load_balancer::session::Served;
use routing::snapshot::{ListenerProtocol, ListenerTls, MutualAuthentication, ProtocolVersion};
use routing::{Balancer, Certificate};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fixture::*;

pub struct Secure {
    pub rig: Rig,
    client: Arc<ClientConfig>,
}

/// A proxy with an HTTPS listener, and what its clients believe.
pub fn secure(actions: Vec<routing::Action>) -> Secure {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["web.test".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let rig = Rig::new();
    rig.proxy.set_certificate(Certificate {
        arn: "certificate".to_owned(),
        revision: revision(),
        chain: certificate.pem(),
        private_key: key.serialize_pem(),
    });
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let mut client = client.with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec()];
    let secure = Secure {
        rig,
        client: Arc::new(client),
    };
    secure.rig.proxy.set_balancer(secure.balancer(actions));
    secure
}

impl Secure {
    /// The balancer with its HTTPS listener.
    pub fn balancer(&self, actions: Vec<routing::Action>) -> Balancer {
        let mut balancer = balancer(actions);
        balancer.listeners[0].protocol = ListenerProtocol::Https;
        balancer.listeners[0].tls = Some(ListenerTls {
            default_certificate: "certificate".to_owned(),
            certificates: Vec::new(),
            policy: "ELBSecurityPolicy-TLS13-1-2-2021-06".to_owned(),
            alpn_policy: None,
            mutual: MutualAuthentication::Off,
        });
        balancer.attributes.tls_version_and_cipher_headers = true;
        balancer
    }

    pub async fn shake(&self, stream: TcpStream) -> TlsStream<TcpStream> {
        let name = ServerName::try_from("web.test").unwrap();
        let connector = TlsConnector::from(self.client.clone());
        connector.connect(name, stream).await.unwrap()
    }

    pub async fn connect(&self) -> SendRequest<Bytes> {
        let stream = self
            .shake(TcpStream::connect(self.rig.address).await.unwrap())
            .await;
        let (send, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
        });
        send
    }
}

/// Sends a request and gives the response with its body and trailers.
pub async fn exchange(
    send: &mut SendRequest<Bytes>,
    request: Request<()>,
    body: &[&'static str],
) -> (http::Response<()>, String, Option<HeaderMap>) {
    let mut ready = send.clone().ready().await.unwrap();
    let (response, mut stream) = ready.send_request(request, body.is_empty()).unwrap();
    for (index, part) in body.iter().enumerate() {
        stream
            .send_data(Bytes::from_static(part.as_bytes()), index + 1 == body.len())
            .unwrap();
    }
    let (head, mut receive) = tokio::time::timeout(PATIENCE, response)
        .await
        .unwrap()
        .unwrap()
        .into_parts();
    let mut text = Vec::new();
    while let Some(data) = receive.data().await {
        let data = data.unwrap();
        let _ = receive.flow_control().release_capacity(data.len());
        text.extend_from_slice(&data);
    }
    let trailers = receive.trailers().await.unwrap();
    (
        http::Response::from_parts(head, ()),
        String::from_utf8(text).unwrap(),
        trailers,
    )
}

pub fn get(path: &str) -> Request<()> {
    Request::get(format!("https://web.test{path}")).body(()).unwrap()
}

/// A target that speaks HTTP/2 and answers with its request's body, its path, and a gRPC status behind it.
async fn h2_target() -> SocketAddr {
    let listener = TcpListener::bind((own_address(), 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    tokio::spawn(async move {
                        let (head, mut body) = request.into_parts();
                        let kind = head
                            .headers
                            .get("content-type")
                            .cloned()
                            .unwrap_or(HeaderValue::from_static("text/plain"));
                        let te = head
                            .headers
                            .get("te")
                            .cloned()
                            .unwrap_or(HeaderValue::from_static("none"));
                        let response = http::Response::builder()
                            .header("content-type", kind)
                            .header("x-te", te)
                            .body(())
                            .unwrap();
                        let mut send = respond.send_response(response, false).unwrap();
                        send.send_data(Bytes::from(format!("{} ", head.uri.path())), false)
                            .unwrap();
                        while let Some(Ok(data)) = body.data().await {
                            let _ = body.flow_control().release_capacity(data.len());
                            send.send_data(data, false).unwrap();
                        }
                        let mut trailers = HeaderMap::new();
                        trailers.insert("grpc-status", HeaderValue::from_static("0"));
                        send.send_trailers(trailers).unwrap();
                    });
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn lb35_http2_clients_are_served_by_http1_targets() {
    let secure = secure(vec![forward(&[("tg", 1)])]);
    secure.rig.proxy.set_target_group(group("tg", &[mirror().await]));
    let mut send = secure.connect().await;
    let request = Request::post("https://web.test/a?b=c")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(())
        .unwrap();
    let (response, got, _) = exchange(&mut send, request, &["one ", "two"]).await;
    assert_eq!(response.status(), 200);
    assert!(
        got.starts_with("POST /a?b=c HTTP/1.1\r\nHost: web.test\r\n") && got.contains("cookie: a=1; b=2\r\n"),
        "{got}"
    );
    assert!(
        got.contains("X-Forwarded-Proto: https\r\n") && got.contains("X-Amzn-Tls-Version: TLSv1.3\r\n"),
        "{got}"
    );
    assert!(
        got.contains("Transfer-Encoding: chunked\r\n") && got.ends_with("one two"),
        "{got}"
    );
    let (response, ..) = exchange(
        &mut send,
        Request::head("https://web.test/").body(()).unwrap(),
        &[],
    )
    .await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn many_streams_of_one_connection_are_served_at_a_time() {
    let secure = secure(vec![forward(&[("tg", 1)])]);
    let barrier = Arc::new(tokio::sync::Barrier::new(20));
    let target = raw_target(move |mut conn| {
        let barrier = barrier.clone();
        async move {
            conn.request().await;
            // No response comes before all requests are here.
            barrier.wait().await;
            conn.send(ok("all")).await;
        }
    })
    .await;
    secure.rig.proxy.set_target_group(group("tg", &[target]));
    let send = secure.connect().await;
    let requests: Vec<_> = (0..20)
        .map(|_| {
            let mut send = send.clone();
            tokio::spawn(async move { exchange(&mut send, get("/"), &[]).await.1 })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), "all");
    }
}

#[tokio::test]
async fn grpc_goes_through_with_its_trailers() {
    let secure = secure(vec![forward(&[("tg", 1)])]);
    let mut grpc = group("tg", &[h2_target().await]);
    grpc.protocol_version = ProtocolVersion::Grpc;
    secure.rig.proxy.set_target_group(grpc);
    let mut send = secure.connect().await;
    for _ in 0..3 {
        let request = Request::post("https://web.test/svc/call")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .unwrap();
        let (response, got, trailers) = exchange(&mut send, request, &["message"]).await;
        assert_eq!(
            (response.status().as_u16(), got.as_str()),
            (200, "/svc/call message")
        );
        assert_eq!(response.headers()["x-te"], "trailers");
        assert_eq!(trailers.unwrap()["grpc-status"], "0");
    }
    assert_eq!(
        exchange(&mut send, get("/"), &[]).await.0.status(),
        464,
        "gRPC is always a POST"
    );
}

#[tokio::test]
async fn lb36_protocol_versions_that_do_not_fit_are_464() {
    let target = h2_target().await;
    let rig = Rig::new();
    let mut http2 = group("tg", &[target]);
    http2.protocol_version = ProtocolVersion::Http2;
    rig.proxy.set_target_group(http2);
    rig.proxy.set_balancer(balancer(vec![forward(&[("tg", 1)])]));
    assert_eq!(rig.get("/").await.status, 464);
}

#[tokio::test]
async fn answers_of_the_balancer_reach_http2_clients() {
    let secure = secure(vec![fixed(200, "hello")]);
    let mut send = secure.connect().await;
    let (response, body, _) = exchange(&mut send, get("/"), &[]).await;
    assert_eq!((response.status().as_u16(), body.as_str()), (200, "hello"));
    let (response, body, _) = exchange(
        &mut send,
        Request::post("https://web.test/").body(()).unwrap(),
        &["unread"],
    )
    .await;
    assert_eq!((response.status().as_u16(), body.as_str()), (200, "hello"));
    let (response, body, _) = exchange(
        &mut send,
        Request::head("https://web.test/").body(()).unwrap(),
        &[],
    )
    .await;
    assert_eq!(
        (response.headers()["content-length"].as_bytes(), body.as_str()),
        (&b"5"[..], "")
    );
}
