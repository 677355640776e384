//! HTTP/2 when a side is slow, leaves or cheats.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::Reason;
use http::{Request, Response};
use load_balancer::session::Served;
use routing::TargetGroup;
use routing::attributes::DesyncMitigation;
use routing::snapshot::ProtocolVersion;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Barrier, mpsc};
use tokio::time::timeout;

use crate::fixture::*;
use crate::http2::{exchange, get, secure};

type Accepted = (Request<h2::RecvStream>, h2::server::SendResponse<Bytes>);

/// A target that speaks HTTP/2, lets nobody send a body, and does with each request what `serve` says.
async fn target(serve: impl Fn(Accepted) + Clone + Send + 'static) -> TargetGroup {
    let listener = TcpListener::bind((own_address(), 0)).await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let serve = serve.clone();
            tokio::spawn(async move {
                let mut builder = h2::server::Builder::new();
                let connection = builder.initial_window_size(0).handshake(stream).await;
                let mut connection = connection.unwrap();
                while let Some(Ok(accepted)) = connection.accept().await {
                    serve(accepted);
                }
            });
        }
    });
    let mut group = group("tg", &[address]);
    group.protocol_version = ProtocolVersion::Http2;
    group
}

#[tokio::test]
async fn what_waits_for_a_client_that_reads_nothing_is_little() {
    const STREAMS: usize = 100;
    let everybody = Arc::new(Barrier::new(STREAMS));
    let large = raw_target(move |mut conn| {
        let everybody = everybody.clone();
        async move {
            conn.request().await;
            everybody.wait().await;
            conn.send(ok(&"x".repeat(1 << 20))).await;
        }
    });
    let secure = secure(Vec::new());
    secure.rig.proxy.set_target_group(group("tg", &[large.await]));
    let mut balancer = secure.balancer(vec![forward(&[("tg", 1)])]);
    balancer.attributes.idle_timeout_seconds = 1;
    secure.rig.proxy.set_balancer(balancer);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = secure
        .shake(socket.connect(secure.rig.address).await.unwrap())
        .await;
    let mut builder = h2::client::Builder::new();
    builder
        .initial_window_size(1 << 30)
        .initial_connection_window_size(1 << 30);
    let (send, mut connection) = builder.handshake::<_, Bytes>(stream).await.unwrap();
    let mut pings = connection.ping_pong().unwrap();
    let asking = async {
        let mut responses = Vec::new();
        for _ in 0..STREAMS {
            let mut ready = send.clone().ready().await.unwrap();
            responses.push(ready.send_request(get("/"), true).unwrap().0);
        }
        pings.ping(h2::Ping::opaque()).await.unwrap();
        responses
    };
    // From here on nobody reads.
    let _responses = tokio::select! {
        responses = asking => responses,
        _ = &mut connection => panic!("the connection ends"),
    };
    let waiting = secure.rig.notes.wait(|notes| {
        let requests = notes.requests.lock().unwrap();
        let sent = requests.iter().map(|seen| seen.sent).sum::<u64>();
        (requests.len() == STREAMS).then_some(sent)
    });
    let waiting = waiting.await;
    assert!(waiting < 24 << 20, "{waiting} octets");
}

#[tokio::test]
async fn a_target_learns_that_nobody_wants_the_rest_of_its_response() {
    let (told, mut reasons) = mpsc::unbounded_channel();
    let endless = target(move |(_, mut respond)| {
        let mut send = respond.send_response(Response::new(()), false).unwrap();
        let told = told.clone();
        tokio::spawn(async move {
            let reason = std::future::poll_fn(|cx| send.poll_reset(cx)).await;
            told.send(reason.unwrap()).unwrap();
        });
    });
    let secure = secure(vec![forward(&[("tg", 1)])]);
    secure.rig.proxy.set_target_group(endless.await);
    let send = secure.connect().await;
    let mut ready = send.clone().ready().await.unwrap();
    let (response, _) = ready.send_request(get("/"), true).unwrap();
    let response = timeout(PATIENCE, response).await.unwrap().unwrap();
    assert!(reasons.try_recv().is_err());
    drop(response);
    let reason = timeout(PATIENCE, reasons.recv())
        .await
        .expect("long before it is idle");
    assert_eq!(reason, Some(Reason::CANCEL));
}

#[tokio::test]
async fn what_a_target_may_have_begun_is_not_repeated_and_what_it_refused_is() {
    for (reason, status, times) in [(Reason::INTERNAL_ERROR, 502, 1), (Reason::REFUSED_STREAM, 200, 2)] {
        let posts = Arc::new(AtomicUsize::new(0));
        let seen = posts.clone();
        let resetting = target(move |(request, mut respond)| {
            if request.method() == "POST" && seen.fetch_add(1, Ordering::SeqCst) == 0 {
                respond.send_reset(reason);
            } else {
                respond.send_response(Response::new(()), true).unwrap();
            }
        });
        let secure = secure(vec![forward(&[("tg", 1)])]);
        secure.rig.proxy.set_target_group(resetting.await);
        let mut send = secure.connect().await;
        // Only a connection that has served before may have gone stale.
        assert_eq!(exchange(&mut send, get("/"), &[]).await.0.status(), 200);
        let post = Request::post("https://web.test/").body(()).unwrap();
        let (response, ..) = exchange(&mut send, post, &["body"]).await;
        assert_eq!(
            (response.status().as_u16(), posts.load(Ordering::SeqCst)),
            (status, times),
            "{reason:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_back_gets_no_more_requests() {
    // The first connection is to a target that is gone without a word, as behind a firewall that forgot it.
    let listener = TcpListener::bind((own_address(), 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mute, _) = listener.accept().await.unwrap();
        let mut mute = h2::server::handshake(mute).await.unwrap();
        let _unanswered = mute.accept().await;
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            respond.send_response(Response::new(()), true).unwrap();
        }
    });
    let secure = secure(Vec::new());
    let mut group = group("tg", &[address]);
    group.protocol_version = ProtocolVersion::Http2;
    secure.rig.proxy.set_target_group(group);
    let mut balancer = secure.balancer(vec![forward(&[("tg", 1)])]);
    balancer.attributes.idle_timeout_seconds = 1;
    secure.rig.proxy.set_balancer(balancer);
    let mut send = secure.connect().await;
    for status in [504, 200] {
        let (response, ..) = exchange(&mut send, get("/"), &[]).await;
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn a_client_that_resets_stream_after_stream_is_turned_away() {
    // Its queue is full after two connections: to connect takes for ever.
    let stuck = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    stuck.bind(&SocketAddr::new(own_address(), 0).into()).unwrap();
    stuck.listen(0).unwrap();
    let address = stuck.local_addr().unwrap().as_socket().unwrap();
    let secure = secure(vec![forward(&[("tg", 1)])]);
    secure.rig.proxy.set_target_group(group("tg", &[address]));
    let stream = secure
        .shake(TcpStream::connect(secure.rig.address).await.unwrap())
        .await;
    let (send, mut connection) = h2::client::handshake(stream).await.unwrap();
    let mut pings = connection.ping_pong().unwrap();
    let connection = tokio::spawn(connection);
    for _ in 0..2000 {
        let Ok(mut ready) = send.clone().ready().await else {
            break;
        };
        let Ok((response, _)) = ready.send_request(get("/"), true) else {
            break;
        };
        // When the answer is here, the stream was taken.
        if pings.ping(h2::Ping::opaque()).await.is_err() {
            break;
        }
        drop(response);
    }
    let end = timeout(PATIENCE, connection).await.expect("the proxy has enough");
    let error = end.unwrap().unwrap_err();
    // The goodbye may be lost with what nobody read any more.
    assert!(
        error.is_io() || error.reason() == Some(Reason::ENHANCE_YOUR_CALM),
        "{error}"
    );
}

#[tokio::test]
async fn lb35_http2_requests_are_classified_like_others() {
    let secure = secure(vec![fixed(200, "")]);
    let mut send = secure.connect().await;
    let suspicious = || {
        let request = Request::get("https://web.test/").header("transfer_encoding", "chunked");
        request.body(()).unwrap()
    };
    let forged = Request::get("https://admin.test:x@web.test/").body(()).unwrap();
    assert_eq!(exchange(&mut send, forged, &[]).await.0.status(), 400);
    secure
        .rig
        .notes
        .request(|seen| seen.classification_reason == Some("BadHeader"))
        .await;
    assert_eq!(exchange(&mut send, suspicious(), &[]).await.0.status(), 200);
    let mut strictest = secure.balancer(vec![fixed(200, "")]);
    strictest.attributes.desync_mitigation = DesyncMitigation::Strictest;
    secure.rig.proxy.set_balancer(strictest);
    assert_eq!(exchange(&mut send, suspicious(), &[]).await.0.status(), 400);
}
