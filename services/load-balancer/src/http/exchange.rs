//! A request and its response between a client and a target, both directions at once.

use std::future::Future;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::Instant;

use super::account::Account;
use super::flow::{Flow, FlowError};
use super::forward::Forwarding;
use super::handle::Scratch;
use super::head::{Length, ResponseHead};
use super::side::{Broken, Side};
use super::write::{self, Reply};
use crate::state::LiveTarget;

/// How an exchange ended, once the response had begun.
pub enum Exchanged {
    /// It is complete. Whether the client's connection may stay, and the target's may be used again.
    Done { stay: bool, reusable: bool },
    /// It broke off in the middle.
    Broken,
    /// Both sides agreed on another protocol.
    Upgraded,
}

/// Why there was no response.
pub enum Failed {
    /// The connection had been used before and ended without a word: the request may be sent once more on a fresh one.
    Stale,
    /// The client went away.
    Gone,
    /// The client is at fault; the status to answer with.
    Client(u16),
    /// The target said nothing for the idle timeout.
    Silent,
    Target(Broken),
}

/// Sends the request, whose head was written to `upstream`, and brings the response to `side`.
#[expect(
    clippy::too_many_arguments,
    reason = "what is borrowed for one exchange is kept by those around it"
)]
pub async fn exchange(
    forwarding: &Forwarding<'_>,
    target: &Arc<LiveTarget>,
    side: &mut Side,
    upstream: &mut Side,
    scratch: &mut Scratch,
    account: &mut Account,
    reused: bool,
    cookies: impl Fn(&ResponseHead, &mut Vec<String>),
) -> Result<Exchanged, Failed> {
    let mut up = if forwarding.request.length == Length::None {
        Flow::empty()
    } else {
        Flow::new()
    };
    if forwarding.request.expects_continue
        && let Side::H1(side) = side
    {
        side.wire
            .output()
            .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        side.wire.drain().await.map_err(|_| Failed::Gone)?;
    }
    response_head(
        forwarding, target, side, upstream, scratch, account, &mut up, reused,
    )
    .await?;
    account.head_at = Some(Instant::now());
    account.target_status = Some(scratch.response.status);
    account.elb_status = account.target_status;
    let upgraded = scratch.response.status == 101;
    if upgraded && !(forwarding.request.upgrade && up.is_finished()) {
        return Err(Failed::Target(Broken::Malformed));
    }
    cookies(&scratch.response, &mut scratch.cookies);
    let reply = Reply {
        listener: forwarding.listener,
        version: forwarding.request.version,
        head_only: forwarding.request.method() == "HEAD",
        // A body that the target did not want would be taken for the next request.
        keep_alive: forwarding.may_stay && up.is_finished() && !upgraded,
        cookies: &scratch.cookies,
    };
    let Ok(stay) = write::response(side, &scratch.response, &reply) else {
        return Ok(Exchanged::Broken);
    };
    account.replied_at = Some(Instant::now());
    if upgraded {
        account.upgraded = true;
        let flushed = std::future::poll_fn(|cx| side.poll_flush(cx)).await;
        return Ok(if flushed.is_ok() {
            Exchanged::Upgraded
        } else {
            Exchanged::Broken
        });
    }
    let complete = response_body(forwarding, target, side, upstream, scratch, &mut up).await;
    if !complete {
        reset(side);
        return Ok(Exchanged::Broken);
    }
    Ok(Exchanged::Done {
        stay: stay && up.is_finished(),
        reusable: scratch.response.keep_alive && up.is_finished(),
    })
}

/// Sends the request's body until the response begins.
#[expect(clippy::too_many_arguments, reason = "as above")]
async fn response_head(
    forwarding: &Forwarding<'_>,
    target: &Arc<LiveTarget>,
    side: &mut Side,
    upstream: &mut Side,
    scratch: &mut Scratch,
    account: &mut Account,
    up: &mut Flow,
    reused: bool,
) -> Result<(), Failed> {
    let head_only = forwarding.request.method() == "HEAD";
    let timeout = forwarding.client.idle_timeout(forwarding.listener);
    let before = upstream.traffic();
    let mut refused_body = false;
    let mut ended = std::pin::pin!(target.ended());
    let (mut last, mut moved) = (Instant::now(), 0);
    let Scratch { response, idle, .. } = scratch;
    let head = std::future::poll_fn(|cx| {
        if !up.is_over() {
            match up.poll(cx, side, upstream) {
                Poll::Ready(Ok(())) => account.sent_at = Some(Instant::now()),
                Poll::Ready(Err(FlowError::From(Broken::Malformed))) => {
                    return Poll::Ready(Err(Failed::Client(400)));
                }
                Poll::Ready(Err(FlowError::From(_))) => return Poll::Ready(Err(Failed::Gone)),
                // The target may have answered before it had all of it.
                Poll::Ready(Err(FlowError::To)) => {
                    refused_body = true;
                    up.abandon();
                }
                Poll::Pending => {}
            }
        }
        match upstream.poll_head(cx, head_only, response) {
            Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(Failed::Target(error))),
            Poll::Pending => {}
        }
        if up.is_finished() && side.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Failed::Gone));
        }
        if ended.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(Failed::Target(Broken::Closed)));
        }
        if up.moved != moved {
            moved = up.moved;
            last = Instant::now();
        }
        if idle.poll_past(cx, last + timeout).is_ready() {
            let status = !up.is_over() && up.waits_for_sender();
            return Poll::Ready(Err(if status {
                Failed::Client(408)
            } else {
                Failed::Silent
            }));
        }
        Poll::Pending
    })
    .await;
    let Err(Failed::Target(error)) = head else {
        return head;
    };
    // Not one octet came back on a connection that had served before: it had most likely ended already.
    let silent =
        upstream.traffic().0 == before.0 && matches!(error, Broken::Closed | Broken::Io(_) | Broken::H2(_));
    // Nothing went out, or the target says that it did nothing with it; and the body is still here.
    let unsent = match &error {
        Broken::H2(error) => error.is_remote() && error.reason() == Some(h2::Reason::REFUSED_STREAM),
        _ => refused_body && upstream.traffic().1 == before.1,
    };
    let untouched = unsent && (up.moved == 0 || forwarding.request.length == Length::None);
    if reused && silent && !target.is_ended() && (forwarding.request.is_repeatable() || untouched) {
        return Err(Failed::Stale);
    }
    Err(Failed::Target(error))
}

/// Brings the response's body to the client, and what is left of the request's to the target. True if the response is complete.
async fn response_body(
    forwarding: &Forwarding<'_>,
    target: &Arc<LiveTarget>,
    side: &mut Side,
    upstream: &mut Side,
    scratch: &mut Scratch,
    up: &mut Flow,
) -> bool {
    let timeout = forwarding.client.idle_timeout(forwarding.listener);
    let bodiless = scratch.response.length == Length::None;
    let mut down = if bodiless { Flow::empty() } else { Flow::new() };
    let mut ended = std::pin::pin!(target.ended());
    let (mut last, mut moved) = (Instant::now(), 0);
    let idle = &mut scratch.idle;
    std::future::poll_fn(|cx| {
        if !up.is_over() {
            match up.poll(cx, side, upstream) {
                Poll::Ready(Err(FlowError::From(_))) => return Poll::Ready(false),
                Poll::Ready(Err(FlowError::To)) => up.abandon(),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        match down.poll(cx, upstream, side) {
            Poll::Ready(result) => return Poll::Ready(result.is_ok()),
            Poll::Pending => {}
        }
        // A client that wants no more of a stream says so, and the target need not go on.
        if matches!(side, Side::H2(_)) && side.poll_gone(cx).is_ready() {
            return Poll::Ready(false);
        }
        if up.moved + down.moved != moved {
            moved = up.moved + down.moved;
            last = Instant::now();
        }
        if ended.as_mut().poll(cx).is_ready() || idle.poll_past(cx, last + timeout).is_ready() {
            return Poll::Ready(false);
        }
        Poll::Pending
    })
    .await
}

/// Tells an HTTP/2 client that its response will not be finished.
fn reset(side: &mut Side) {
    if let Side::H2(side) = side
        && let Some(send) = &mut side.send
    {
        send.send_reset(h2::Reason::INTERNAL_ERROR);
    }
}
