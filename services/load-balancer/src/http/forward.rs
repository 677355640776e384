//! Brings a request to a target: the group and the target are chosen, a connection is taken or made, and what may be tried again is.

use std::future::Future;
use std::sync::Arc;
use std::task::Poll;

use chrono::Utc;
use routing::TargetGroup;
use routing::snapshot::ProtocolVersion;

use super::account::Account;
use super::answers::Answer;
use super::authenticate::Identity;
use super::connection::Client;
use super::exchange::{Exchanged, Failed, exchange};
use super::fields::Origin;
use super::handle::{End, Outstanding, Scratch};
use super::head::{Length, RequestHead, Version};
use super::side::{H1, Side};
use super::write;
use crate::balance::{self, sticky};
use crate::hold::{self, Held};
use crate::pool::{self, ConnectError};
use crate::record::{Classification, ConnectionEvent};
use crate::state::{Group, GroupView, LiveListener, LiveTarget};

/// A request that a forward action applies to.
pub struct Forwarding<'a> {
    pub client: &'a Client,
    pub listener: &'a Arc<LiveListener>,
    pub request: &'a RequestHead,
    pub groups: &'a [(u32, Arc<Group>)],
    pub stickiness_seconds: Option<u32>,
    /// What the rule's transforms put in place of host, and of path and query.
    pub host: Option<String>,
    pub target: Option<String>,
    pub identity: &'a Identity,
    pub may_stay: bool,
}

/// How an exchange with a target ended, once the response had begun.
enum Exchange {
    Done { stay: bool },
    Broken,
    Upgraded(Box<H1>),
}

/// Why a target is given up.
enum Lost {
    Connect(ConnectError),
    Exchange(Failed),
}

/// Serves the request from one of the groups.
pub async fn forward(
    forwarding: &Forwarding<'_>,
    side: &mut Side,
    scratch: &mut Scratch,
    account: &mut Account,
) -> End {
    let request = forwarding.request;
    let known = forwarding
        .stickiness_seconds
        .and_then(|_| sticky::group(&request.fields, forwarding.groups));
    let Some(group) = known.or_else(|| balance::choose_group(forwarding.groups)) else {
        return End::Answer(Answer::page(503));
    };
    account.group = Some(group.clone());
    let mut view = group.view_owned();
    let Some(config) = view.config.clone() else {
        return End::Answer(Answer::page(503));
    };
    account.grpc = is_grpc(request);
    if !speaks(&config, request, account.grpc) {
        return End::Answer(Answer::page(464));
    }
    if let (Some(policy), 0) = (config.wake, view.healthy) {
        match held(forwarding, side, group, policy).await {
            Some(Held::Awake) => view = group.view_owned(),
            Some(Held::GivenUp) => return End::Answer(Answer::page(503)),
            None => return End::Gone,
        }
    }
    let mut tried: Vec<u64> = Vec::new();
    let mut again: Option<Arc<LiveTarget>> = None;
    loop {
        let fresh = again.is_some();
        let chosen = again.take().or_else(|| choose(request, group, &view, &tried));
        let Some(target) = chosen else {
            return End::Answer(Answer::page(if tried.is_empty() { 503 } else { 502 }));
        };
        account.target = Some(target.clone());
        let outstanding = Outstanding::of(&target);
        let lost = match attempt(
            forwarding, group, &view, &config, &target, side, scratch, account, fresh,
        )
        .await
        {
            Ok(Exchange::Done { stay }) => return End::Done { stay },
            Ok(Exchange::Broken) => return End::Broken,
            Ok(Exchange::Upgraded(target)) => return End::Upgraded { target, outstanding },
            Err(lost) => lost,
        };
        match lost {
            // Nothing of the request went out: another target may have it.
            Lost::Connect(error) => {
                tracing::debug!(target = %target.id, port = target.port, %error, "no connection to a target");
                let timed_out = matches!(error, ConnectError::TimedOut);
                tell_connect(forwarding, group, &target, &error);
                tried.push(target.number);
                if timed_out {
                    return End::Answer(Answer::page(504));
                }
                if tried.len() >= forwarding.client.plane.limits.attempts {
                    return End::Answer(Answer::page(502));
                }
                view = group.view_owned();
            }
            Lost::Exchange(Failed::Stale) => again = Some(target),
            Lost::Exchange(Failed::Gone) => return End::Gone,
            Lost::Exchange(Failed::Client(status)) => return End::Answer(Answer::page(status)),
            Lost::Exchange(Failed::Silent) => return End::Answer(Answer::page(504)),
            Lost::Exchange(Failed::Target(error)) => {
                tracing::debug!(target = %target.id, port = target.port, %error, "a target broke off");
                return End::Answer(Answer::page(502));
            }
        }
    }
}

fn choose(request: &RequestHead, group: &Group, view: &GroupView, tried: &[u64]) -> Option<Arc<LiveTarget>> {
    let sticky =
        sticky::target(&request.fields, group, view).filter(|target| !tried.contains(&target.number));
    sticky.or_else(|| balance::choose_target(group, view, tried))
}

/// Waits with the client for the group to wake up; none when the client goes away.
async fn held(
    forwarding: &Forwarding<'_>,
    side: &mut Side,
    group: &Arc<Group>,
    policy: routing::snapshot::WakePolicy,
) -> Option<Held> {
    let mut awake = std::pin::pin!(hold::until_awake(&forwarding.client.plane, group, policy));
    // A client that still sends a body over HTTP/1.1 is not listened to before that body is wanted.
    let listen = forwarding.request.length == Length::None || matches!(side, Side::H2(_));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(held) = awake.as_mut().poll(cx) {
            return Poll::Ready(Some(held));
        }
        if listen && side.poll_gone(cx).is_ready() {
            return Poll::Ready(None);
        }
        Poll::Pending
    })
    .await
}

/// One try with one target.
#[expect(
    clippy::too_many_arguments,
    reason = "what is borrowed for one attempt is kept by the loop around it"
)]
async fn attempt(
    forwarding: &Forwarding<'_>,
    group: &Group,
    view: &GroupView,
    config: &TargetGroup,
    target: &Arc<LiveTarget>,
    side: &mut Side,
    scratch: &mut Scratch,
    account: &mut Account,
    fresh: bool,
) -> Result<Exchange, Lost> {
    let origin = Origin {
        listener: forwarding.listener,
        client: forwarding.client.peer,
        tls: forwarding.client.tls.as_ref(),
        trace_id: &scratch.trace_id,
        host: forwarding.host.as_deref(),
        identity: &forwarding.identity.headers,
    };
    let request = forwarding.request;
    let path = forwarding.target.as_deref();
    let plane = &forwarding.client.plane;
    let (mut upstream, reused) = match config.protocol_version {
        ProtocolVersion::Http1 => {
            let idle = if fresh { None } else { pool::take(target) };
            let reused = idle.is_some();
            let mut upstream = match idle {
                Some(idle) => idle,
                None => pool::connect_h1(plane, config, target)
                    .await
                    .map_err(Lost::Connect)?,
            };
            write::request_h1(&mut upstream, request, path, &origin);
            (Side::H1(upstream), reused)
        }
        ProtocolVersion::Http2 | ProtocolVersion::Grpc => {
            let shared = if fresh { None } else { pool::take_shared(target) };
            let reused = shared.is_some();
            let (send, slot) = match shared {
                Some(shared) => shared,
                None => pool::share(
                    target,
                    pool::connect_h2(plane, config, target)
                        .await
                        .map_err(Lost::Connect)?,
                ),
            };
            let broken = |error| match reused {
                true => Lost::Exchange(Failed::Stale),
                false => Lost::Exchange(Failed::Target(error)),
            };
            let mut send = send.ready().await.map_err(|error| {
                pool::unshare(target, &slot);
                broken(error.into())
            })?;
            let mut upstream = write::request_h2(&mut send, request, path, &origin).map_err(broken)?;
            upstream.slot = Some(slot);
            (Side::H2(Box::new(upstream)), reused)
        }
    };
    let reply = |response: &super::head::ResponseHead, cookies: &mut Vec<String>| {
        cookies.clear();
        cookies.extend_from_slice(&forwarding.identity.cookies);
        if forwarding.stickiness_seconds.is_none() && config.attributes.stickiness.is_none() {
            return;
        }
        let now = Utc::now();
        if let Some(seconds) = forwarding.stickiness_seconds {
            sticky::set_group_cookies(group, seconds, now, |cookie| cookies.push(cookie.to_owned()));
        }
        sticky::set_cookies(&response.fields, group, view, target, now, |cookie| {
            cookies.push(cookie.to_owned())
        });
    };
    let exchanged = exchange(
        forwarding,
        target,
        side,
        &mut upstream,
        scratch,
        account,
        reused,
        reply,
    )
    .await;
    if let (Err(Failed::Silent), Side::H2(upstream)) = (&exchanged, &upstream)
        && let Some(slot) = &upstream.slot
    {
        // Maybe nobody is there any more. Who comes next shall not find that out once more.
        pool::unshare(target, slot);
    }
    let exchanged = exchanged.map_err(Lost::Exchange)?;
    let clean = request.classification < Classification::Ambiguous;
    Ok(match (exchanged, upstream) {
        (Exchanged::Done { stay, reusable }, Side::H1(upstream)) => {
            if reusable
                && clean
                && upstream.decoder.is_done()
                && upstream.wire.input.is_empty()
                && upstream.wire.pending() == 0
            {
                pool::put(target, upstream, &plane.limits);
            }
            Exchange::Done { stay }
        }
        (Exchanged::Done { stay, .. }, Side::H2(_)) => Exchange::Done { stay },
        (Exchanged::Upgraded, Side::H1(upstream)) => Exchange::Upgraded(upstream),
        (Exchanged::Upgraded, Side::H2(_)) | (Exchanged::Broken, _) => Exchange::Broken,
    })
}

fn is_grpc(request: &RequestHead) -> bool {
    request.version == Version::H2
        && request.fields.iter().any(|(_, name, value)| {
            name.eq_ignore_ascii_case(b"content-type")
                && value
                    .get(..16)
                    .is_some_and(|start| start.eq_ignore_ascii_case(b"application/grpc"))
        })
}

/// Whether the group's protocol version can carry the request (464 otherwise).
fn speaks(config: &TargetGroup, request: &RequestHead, grpc: bool) -> bool {
    match config.protocol_version {
        ProtocolVersion::Http1 => !grpc,
        ProtocolVersion::Http2 => request.version == Version::H2,
        ProtocolVersion::Grpc => request.version == Version::H2 && request.method() == "POST",
    }
}

fn tell_connect(forwarding: &Forwarding<'_>, group: &Group, target: &LiveTarget, error: &ConnectError) {
    let event = match error {
        ConnectError::Tls(_) => ConnectionEvent::TargetTlsFailed { group, target },
        _ => ConnectionEvent::TargetConnectFailed { group, target },
    };
    forwarding.client.plane.observe_connection(event);
}
