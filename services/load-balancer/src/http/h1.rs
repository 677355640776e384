//! HTTP/1.1 connections of clients: one request after the other.

use std::time::Duration;

use bytes::Buf;
use routing::attributes::DesyncMitigation;
use tokio::time::Instant;

use super::account::Account;
use super::answers::Answer;
use super::body::Decoder;
use super::connection::{Client, Current};
use super::handle::{After, Scratch, handle};
use super::head::RequestHead;
use super::parse::{self, Parsed};
use super::side::{H1, Side};
use super::tunnel::Tunnel;
use crate::record::Classification;
use crate::wire::Wire;

/// After a refusal the client's octets are read away for so long, so that it sees the answer and not a reset.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_READS: usize = 64;
/// Heads up to this length are looked at with each read.
const SHORT_HEAD: usize = 1024;
/// How often a connection without a request looks whether the proxy is draining.
const LOOK: Duration = Duration::from_secs(5);

/// Whether another request came.
enum Next {
    Request,
    /// It cannot be taken; the status to answer with.
    Refused(u16),
    /// The client has ended, or was silent for too long between requests.
    Over,
}

/// Serves requests until the connection ends, or becomes a tunnel.
pub async fn serve(client: Client, mut current: Current, wire: Wire) -> Option<Box<Tunnel>> {
    let mut side = Side::H1(Box::new(H1::new(wire)));
    let mut request = RequestHead::default();
    let mut scratch = Scratch::default();
    let mut seen = (0, 0);
    loop {
        let limit = client.idle_timeout(&current.listener);
        let next = next_request(&client, &mut side, &mut request, &mut scratch, limit).await;
        let started = Instant::now();
        current.renew(&client.plane);
        let status = match next {
            Next::Request => refusal(&request, current.listener.balancer.attributes.desync_mitigation),
            Next::Refused(status) => Some(status),
            Next::Over => return None,
        };
        if let Some(status) = status {
            refuse(&client, &current, &mut side, &request, status, started, seen).await;
            return None;
        }
        let may_stay = client.may_stay(&current)
            && request.keep_alive
            && request.classification != Classification::Ambiguous;
        if let Side::H1(side) = &mut side {
            side.decoder = Decoder::new(request.length);
        }
        let after = handle(
            &client,
            &current.listener,
            &mut request,
            &mut side,
            &mut scratch,
            started,
            may_stay,
            seen,
        )
        .await;
        match after {
            After::Stay => seen = side.traffic(),
            After::Close => {
                if let Side::H1(side) = &mut side {
                    linger(&mut side.wire).await;
                }
                return None;
            }
            After::Abort => return None,
            After::Upgraded(upgraded) => {
                let Side::H1(side) = side else { return None };
                return Some(upgraded.into_tunnel(client, current.listener, request, side.wire, scratch));
            }
        }
    }
}

/// Reads the next request's head.
async fn next_request(
    client: &Client,
    side: &mut Side,
    request: &mut RequestHead,
    scratch: &mut Scratch,
    limit: Duration,
) -> Next {
    let Side::H1(side) = side else { return Next::Over };
    let wire = &mut side.wire;
    let mut since = Instant::now();
    let mut seen = 0;
    loop {
        if !wire.input.is_empty() && is_worth_a_look(&wire.input, seen) {
            seen = wire.input.len();
            match parse::request(&wire.input, request) {
                Parsed::Whole(length) => {
                    wire.input.advance(length);
                    return Next::Request;
                }
                Parsed::Refused(status) => return Next::Refused(status),
                Parsed::Partial => {}
            }
        }
        let between = wire.input.is_empty();
        let left = limit.saturating_sub(since.elapsed());
        let patience = if between { left.min(LOOK) } else { left };
        match scratch.pause.within(patience, wire.fill()).await {
            Some(Ok(0) | Err(_)) => return Next::Over,
            Some(Ok(_)) if between => since = Instant::now(),
            Some(Ok(_)) => {}
            None if between && (patience == left || client.plane.draining.is_requested()) => {
                return Next::Over;
            }
            None if between => {}
            None => {
                request.clear();
                return Next::Refused(408);
            }
        }
    }
}

/// The status with which a well framed request is refused by the desync mode.
pub(super) fn refusal(request: &RequestHead, mode: DesyncMitigation) -> Option<u16> {
    let worst = match mode {
        DesyncMitigation::Monitor | DesyncMitigation::Defensive => Classification::Ambiguous,
        DesyncMitigation::Strictest => Classification::Compliant,
    };
    (request.classification > worst).then_some(400)
}

/// Whether a head of which `seen` octets were not the whole may be whole or wrong by now. A head that comes octet by octet is so not
/// read from its beginning with each of them.
fn is_worth_a_look(input: &[u8], seen: usize) -> bool {
    let new = &input[seen.saturating_sub(2)..];
    input.len() <= SHORT_HEAD
        || input.len() >= 2 * seen
        || memchr::memmem::find(new, b"\n\r\n").is_some()
        || memchr::memmem::find(new, b"\n\n").is_some()
}

async fn refuse(
    client: &Client,
    current: &Current,
    side: &mut Side,
    request: &RequestHead,
    status: u16,
    started: Instant,
    seen: (u64, u64),
) {
    let mut account = Account::new(started);
    account.elb_status = Some(status);
    if Answer::page(status)
        .send(side, &current.listener, false, false)
        .is_ok()
        && let Side::H1(side) = side
    {
        linger(&mut side.wire).await;
    }
    let (received, sent) = side.traffic();
    account.close(
        client,
        &current.listener,
        request,
        "-",
        "-",
        (received - seen.0, sent - seen.1),
    );
}

/// Sends what is to be sent, ends our half, and waits a moment for the client to end its own.
async fn linger(wire: &mut Wire) {
    let ending = async {
        wire.drain().await?;
        wire.shutdown().await?;
        for _ in 0..LINGER_READS {
            wire.input.clear();
            if wire.fill().await? == 0 {
                break;
            }
        }
        Ok::<_, std::io::Error>(())
    };
    // Whether the client waited for it is its own affair.
    let _ = tokio::time::timeout(LINGER, ending).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lb36_a_long_head_that_comes_octet_by_octet_is_looked_at_when_it_ends_and_when_it_has_doubled() {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(9000));
        for head in [head.clone(), head.replace('\r', "")] {
            let (mut seen, mut looks) = (0, 0);
            for length in 1..=head.len() {
                if is_worth_a_look(&head.as_bytes()[..length], seen) {
                    (seen, looks) = (length, looks + 1);
                }
            }
            assert_eq!(seen, head.len());
            assert!(looks < SHORT_HEAD + 10, "{looks}");
        }
    }
}
