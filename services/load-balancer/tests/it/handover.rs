//! A proxy follows another one without a refused connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use load_balancer::session::Served;

use crate::fixture::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_takes_the_sockets_and_no_request_fails() {
    let directory = std::env::temp_dir().join(format!("berth-handover-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("proxy.sock");
    let target = named("target").await;
    let address = own_address();
    let serve = |rig: &Rig| {
        rig.proxy.set_target_group(group("tg", &[target]));
        rig.proxy.set_balancer(balancer(vec![forward(&[("tg", 1)])]));
    };
    let old = Rig::at(address, Some(path.clone()));
    serve(&old);
    let offering = old.proxy.clone();
    let offer = tokio::spawn(async move { offering.offer(&kit::Shutdown::new()).await });
    while !path.exists() {
        tokio::task::yield_now().await;
    }

    let stop = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let (stop, served) = (stop.clone(), served.clone());
            let place = old.address;
            tokio::spawn(async move {
                let mut conn = Conn::open(place).await;
                while !stop.load(Ordering::Relaxed) {
                    conn.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
                    let response = conn.response().await;
                    assert_eq!(response.status, 200);
                    served.fetch_add(1, Ordering::Relaxed);
                    // Half of the clients make a connection for each request.
                    if client % 2 == 0 || response.header("connection") == Some("close") {
                        conn = Conn::open(place).await;
                    }
                }
            })
        })
        .collect();
    let more = |count| {
        let wanted = served.load(Ordering::Relaxed) + count;
        let served = served.clone();
        let more = async move {
            while served.load(Ordering::Relaxed) < wanted {
                tokio::task::yield_now().await;
            }
        };
        async {
            tokio::time::timeout(PATIENCE, more)
                .await
                .expect("the clients go on")
        }
    };
    more(200).await;
    let start = {
        let path = path.clone();
        let runtime = tokio::runtime::Handle::current();
        move || {
            let _entered = runtime.enter();
            Rig::at(address, Some(path))
        }
    };
    let new = tokio::task::spawn_blocking(start).await.unwrap();
    serve(&new);
    more(200).await;
    new.proxy.relieve().await.unwrap();
    assert!(
        offer.await.unwrap().unwrap(),
        "the old one knows that it was relieved"
    );
    let before = new.notes.requests.lock().unwrap().len();
    assert_eq!(
        old.proxy.drain(PATIENCE).await,
        0,
        "what the old one had came to its end"
    );
    more(200).await;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    assert!(new.notes.requests.lock().unwrap().len() > before);
    std::fs::remove_dir_all(&directory).unwrap();
}
