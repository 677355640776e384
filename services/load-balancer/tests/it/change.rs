//! Changes while requests are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use load_balancer::session::Served;
use routing::{Condition, HealthState, Rule};

use crate::fixture::*;

#[tokio::test]
async fn no_request_fails_while_rules_and_targets_change_all_the_time() {
    let targets = [named("a").await, named("b").await, named("c").await];
    let rig = Rig::with_targets(&targets);
    let stop = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (address, stop, served) = (rig.address, stop.clone(), served.clone());
            tokio::spawn(async move {
                let mut conn = Conn::open(address).await;
                while !stop.load(Ordering::Relaxed) {
                    conn.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
                    let response = conn.response().await;
                    assert_eq!(
                        (response.status, response.header("connection")),
                        (200, Some("keep-alive"))
                    );
                    served.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for round in 0..200 {
        let mut changed = group("tg", &targets);
        changed.targets[round % 3] = target(targets[round % 3], HealthState::Unhealthy);
        if round % 2 == 0 {
            changed.targets.remove((round + 1) % 3);
        }
        rig.proxy.set_target_group(changed);
        let mut rules = balancer(vec![forward(&[("tg", 1)])]);
        rules.attributes.idle_timeout_seconds += round as u32;
        rig.proxy.set_balancer(rules);
        let wanted = served.load(Ordering::Relaxed) + 4;
        let more = async {
            while served.load(Ordering::Relaxed) < wanted {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, more)
            .await
            .expect("the clients go on");
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
}

#[tokio::test]
async fn lb30_a_new_rule_counts_for_the_next_request_of_an_open_connection() {
    let rig = Rig::new();
    rig.proxy.set_balancer(balancer(vec![fixed(200, "default")]));
    let mut conn = rig.connect().await;
    let request = "GET /new HTTP/1.1\r\nHost: a\r\n\r\n";
    conn.send(request).await;
    assert_eq!(conn.response().await.text(), "default");
    let mut ruled = balancer(vec![fixed(200, "default")]);
    ruled.listeners[0].rules.push(Rule {
        arn: "rule/1".to_owned(),
        priority: 7,
        conditions: vec![Condition::PathPattern(routing::rule::Patterns {
            values: vec!["/n*".to_owned()],
            regex_values: Vec::new(),
        })],
        transforms: Vec::new(),
        actions: vec![fixed(200, "ruled")],
    });
    rig.proxy.set_balancer(ruled);
    conn.send(request).await;
    assert_eq!(conn.response().await.text(), "ruled");
    rig.notes.request(|seen| seen.priority == Some(7)).await;
}

#[tokio::test]
async fn a_listener_that_goes_takes_nothing_new_and_drops_nothing_open() {
    let rig = Rig::with_targets(&[named("a").await]);
    let mut conn = rig.connect().await;
    conn.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(conn.response().await.header("connection"), Some("keep-alive"));
    let mut none = balancer(Vec::new());
    none.listeners.clear();
    rig.proxy.set_balancer(none);
    conn.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let response = conn.response().await;
    assert_eq!(
        (response.text().as_str(), response.header("connection")),
        ("a", Some("close"))
    );
    let refused = async {
        while tokio::net::TcpStream::connect(rig.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_a_state_of_the_listener_and_is_tried_again() {
    let rig = Rig::new();
    let taken = std::net::TcpListener::bind(rig.address).unwrap();
    rig.proxy.set_balancer(balancer(vec![fixed(200, "here")]));
    let failure = rig
        .notes
        .wait(|notes| notes.statuses.lock().unwrap().first()?.2[0].failure.clone())
        .await;
    assert_eq!(
        failure,
        format!("port {PORT} of {} is taken by another process", rig.address.ip())
    );
    drop(taken);
    let addresses = rig
        .notes
        .wait(|notes| {
            let statuses = notes.statuses.lock().unwrap();
            let status = &statuses.last()?.2[0];
            status.failure.is_none().then(|| status.addresses.clone())
        })
        .await;
    assert_eq!(addresses, [rig.address]);
    assert_eq!(rig.get("/").await.text(), "here");
}

#[tokio::test]
async fn two_balancers_that_want_one_port_are_told_apart_by_age() {
    let rig = Rig::new();
    let mut second = balancer(vec![fixed(200, "second")]);
    (second.arn, second.name, second.number) = ("lb2".to_owned(), "second".to_owned(), 2);
    second.listeners[0].arn = "listener2".to_owned();
    rig.proxy.set_balancer(balancer(vec![fixed(200, "first")]));
    rig.proxy.set_balancer(second);
    assert_eq!(rig.get("/").await.text(), "first");
    let failed = |notes: &Notes| {
        notes
            .statuses
            .lock()
            .unwrap()
            .iter()
            .find(|(balancer, ..)| balancer == "lb2")?
            .2[0]
            .failure
            .clone()
    };
    assert_eq!(
        rig.notes.wait(failed).await,
        format!("port {PORT} of {} is used by load balancer web", rig.address.ip())
    );
    // The port changes hands without being closed.
    rig.proxy.remove(&["lb".to_owned()]);
    assert_eq!(rig.get("/").await.text(), "second");
}

#[tokio::test]
async fn each_balancer_has_its_own_address_of_a_block() {
    let block = format!("127.240.{}.0/30", std::process::id() % 250);
    let rig = Rig::on(block.parse().unwrap(), None);
    for number in 1..=4 {
        let mut own = balancer(vec![fixed(200, &number.to_string())]);
        (own.arn, own.number) = (format!("lb{number}"), number);
        own.listeners[0].arn = format!("listener{number}");
        rig.proxy.set_balancer(own);
    }
    assert_eq!(rig.get("/").await.text(), "1");
    let mut conn = Conn::open((address_of(&rig, 2), PORT).into()).await;
    conn.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(conn.response().await.text(), "2");
    let failed = |notes: &Notes| {
        let statuses = notes.statuses.lock().unwrap();
        statuses.iter().find(|(balancer, ..)| balancer == "lb4")?.2[0]
            .failure
            .clone()
    };
    assert_eq!(
        rig.notes.wait(failed).await,
        format!("the block {block} has no address for load balancer number 4")
    );
}

/// The address of the balancer with this number, in the block of the first one.
fn address_of(rig: &Rig, number: u8) -> std::net::IpAddr {
    match rig.address.ip() {
        std::net::IpAddr::V4(first) => {
            let [a, b, c, _] = first.octets();
            [a, b, c, number].into()
        }
        other => other,
    }
}
