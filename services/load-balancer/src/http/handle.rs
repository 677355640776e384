//! One request from its head to its end: the rule is chosen, its steps are taken, and what came of it is accounted for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use routing::Action;
use routing::matcher::RequestFacts;
use routing::rewrite::Place;
use tokio::time::Instant;

use super::account::Account;
use super::answers::Answer;
use super::authenticate::{CALLBACK, Identity, Verdict};
use super::body::Part;
use super::connection::Client;
use super::fields::{FORWARDED_LIMIT, decimal, forwarded_count, trace_id};
use super::forward::{Forwarding, forward};
use super::h1::refusal;
use super::head::{Known, RequestHead, ResponseHead};
use super::side::{H1, Side};
use super::tunnel::Tunnel;
use crate::idle::Idle;
use crate::random;
use crate::record::ExecutedAction;
use crate::state::{LiveListener, LiveTarget, Step};
use crate::wire::Wire;

/// Memory that the requests of a connection use one after the other.
#[derive(Default)]
pub struct Scratch {
    pub url: String,
    pub trace_id: String,
    pub response: ResponseHead,
    pub idle: Idle,
    /// For the time between requests, so that each of both timers is seldom set back.
    pub pause: Idle,
    pub cookies: Vec<String>,
}

/// What is done with the client's connection now.
pub enum After {
    /// Another request may come.
    Stay,
    /// It is ended in good order.
    Close,
    /// It is dropped: the message under way cannot be finished.
    Abort,
    Upgraded(Box<Upgraded>),
}

/// How serving ended.
pub enum End {
    /// We answer ourselves.
    Answer(Answer),
    /// The target's response went over; whether the connection is fit for more.
    Done { stay: bool },
    /// The client went away before its response.
    Gone,
    /// The response broke off in the middle.
    Broken,
    /// The target took the upgrade.
    Upgraded {
        target: Box<H1>,
        outstanding: Outstanding,
    },
}

/// An upgraded request, still without its client's connection.
pub struct Upgraded {
    target: Box<H1>,
    outstanding: Outstanding,
    account: Account,
}

impl Upgraded {
    pub fn into_tunnel(
        self,
        client: Client,
        listener: Arc<LiveListener>,
        request: RequestHead,
        client_wire: Wire,
        scratch: Scratch,
    ) -> Box<Tunnel> {
        Box::new(Tunnel {
            idle_timeout: client.idle_timeout(&listener),
            client,
            client_wire,
            target: self.outstanding.0.clone(),
            target_wire: self.target.wire,
            _counted: self.target.counted,
            _outstanding: self.outstanding,
            listener,
            request,
            account: self.account,
            url: scratch.url,
            trace_id: scratch.trace_id,
        })
    }
}

/// Counts a request as under way at its target until it is dropped.
pub struct Outstanding(pub Arc<LiveTarget>);

impl Outstanding {
    pub fn of(target: &Arc<LiveTarget>) -> Self {
        target.counters.outstanding.fetch_add(1, Ordering::Relaxed);
        Self(target.clone())
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.0.counters.outstanding.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves one request. `may_stay`: the connection may be used on; `seen`: its traffic before this request.
#[expect(
    clippy::too_many_arguments,
    reason = "the parts of a connection live apart, so that each can be borrowed alone"
)]
pub async fn handle(
    client: &Client,
    listener: &Arc<LiveListener>,
    request: &mut RequestHead,
    side: &mut Side,
    scratch: &mut Scratch,
    started: Instant,
    may_stay: bool,
    seen: (u64, u64),
) -> After {
    let mut account = Account::new(started);
    describe(client, listener, request, &account, scratch);
    let end = serve(client, listener, request, side, scratch, &mut account, may_stay).await;
    let after = match end {
        End::Answer(answer) => {
            account.elb_status = Some(answer.status);
            account.replied_at = Some(Instant::now());
            let stay = may_stay && discard(side);
            let head_only = request.method() == "HEAD";
            let sent = answer.send(side, listener, head_only, stay);
            let flush = std::future::poll_fn(|cx| side.poll_flush(cx));
            match (
                sent,
                scratch.idle.within(client.idle_timeout(listener), flush).await,
            ) {
                (Ok(()), Some(Ok(()))) if stay => After::Stay,
                (Ok(()), Some(Ok(()))) => After::Close,
                _ => After::Abort,
            }
        }
        End::Done { stay: true } => After::Stay,
        End::Done { stay: false } => After::Close,
        End::Gone => {
            account.elb_status = Some(460);
            After::Abort
        }
        End::Broken => After::Abort,
        End::Upgraded { target, outstanding } => {
            return After::Upgraded(Box::new(Upgraded {
                target,
                outstanding,
                account,
            }));
        }
    };
    let (received, sent) = side.traffic();
    let traffic = (received - seen.0, sent - seen.1);
    account.close(
        client,
        listener,
        request,
        &scratch.url,
        &scratch.trace_id,
        traffic,
    );
    after
}

/// Writes the request's URL and trace id.
fn describe(
    client: &Client,
    listener: &LiveListener,
    request: &RequestHead,
    account: &Account,
    scratch: &mut Scratch,
) {
    let mut digits = [0; 20];
    let port = decimal(u64::from(listener.config.port), &mut digits);
    scratch.url.clear();
    for piece in [
        if client.tls.is_some() {
            "https://"
        } else {
            "http://"
        },
        request.host(),
        ":",
        std::str::from_utf8(port).unwrap_or_default(),
        request.fields.str(request.target),
    ] {
        scratch.url.push_str(piece);
    }
    let random = u128::from(random::bits()) << 64 | u128::from(random::bits());
    let seconds = u64::try_from(account.created_at.timestamp()).unwrap_or_default();
    trace_id(
        request.fields.first(Known::AmznTraceId),
        seconds,
        random,
        &mut scratch.trace_id,
    );
}

async fn serve(
    client: &Client,
    listener: &Arc<LiveListener>,
    request: &mut RequestHead,
    side: &mut Side,
    scratch: &mut Scratch,
    account: &mut Account,
    may_stay: bool,
) -> End {
    if let Some(status) = refusal(request, listener.balancer.attributes.desync_mitigation) {
        return End::Answer(Answer::page(status));
    }
    if matches!(request.method(), "TRACE" | "CONNECT") {
        return End::Answer(Answer::page(405));
    }
    if forwarded_count(&request.fields) > FORWARDED_LIMIT {
        return End::Answer(Answer::page(463));
    }
    if request.path() == CALLBACK {
        let authentication = &client.plane.authentication;
        if let Some((rule, answer)) = Box::pin(authentication.call_back(listener, request)).await {
            account.rule_priority = Some(rule.priority);
            account.executed(ExecutedAction::Authenticate);
            return End::Answer(answer);
        }
    }
    let matched = listener.matcher.choose(&RequestFacts {
        host: request.host(),
        path: request.path(),
        query: request.query(),
        method: request.method(),
        headers: &request.fields,
        peer: client.peer.ip().to_canonical(),
    });
    let rule = listener.rule(matched.rule);
    account.rules_evaluated = matched.evaluated;
    account.rule_priority = Some(rule.priority);
    let mut identity = Identity::default();
    for step in &rule.steps {
        match step {
            Step::Forward {
                groups,
                stickiness_seconds,
            } => {
                account.executed(ExecutedAction::Forward);
                let forwarding = Forwarding {
                    client,
                    listener,
                    request,
                    groups,
                    stickiness_seconds: *stickiness_seconds,
                    host: rule.transforms.host(request.host()),
                    target: rule.transforms.url(request.fields.str(request.target)),
                    identity: &identity,
                    may_stay,
                };
                return forward(&forwarding, side, scratch, account).await;
            }
            Step::Other(action @ (Action::AuthenticateOidc(_) | Action::JwtValidation(_))) => {
                account.executed(match action {
                    Action::JwtValidation(_) => ExecutedAction::JwtValidation,
                    _ => ExecutedAction::Authenticate,
                });
                let authentication = &client.plane.authentication;
                match Box::pin(authentication.check(action, listener, request)).await {
                    Verdict::Pass(found) => identity = found,
                    Verdict::Answer(answer) => return End::Answer(answer),
                }
            }
            Step::Other(action) => {
                if let Some(mut answer) = answer(action, client, listener, request, account) {
                    let cookies = identity.cookies.into_iter();
                    answer.fields.extend(cookies.map(|cookie| ("Set-Cookie", cookie)));
                    return End::Answer(answer);
                }
            }
        }
    }
    // The API lets no rule pass without a terminal action.
    End::Answer(Answer::page(500))
}

/// The answer of an action that gives one itself.
fn answer(
    action: &Action,
    client: &Client,
    listener: &LiveListener,
    request: &RequestHead,
    account: &mut Account,
) -> Option<Answer> {
    match action {
        Action::Redirect(redirect) => {
            account.executed(ExecutedAction::Redirect);
            let location = redirect.location(&Place {
                protocol: if client.tls.is_some() { "HTTPS" } else { "HTTP" },
                host: request.host(),
                port: listener.config.port,
                path: request.path(),
                query: request.query(),
            });
            account.redirect_url = Some(location.clone());
            Some(Answer::redirect(redirect.status, location))
        }
        Action::FixedResponse(fixed) => {
            account.executed(ExecutedAction::FixedResponse);
            Some(Answer::fixed(
                fixed.status,
                fixed.content_type.as_deref(),
                &fixed.body,
            ))
        }
        Action::Forward(_) | Action::AuthenticateOidc(_) | Action::JwtValidation(_) => None,
    }
}

/// Throws away what is here already of a request's body. True if that was all of it.
fn discard(side: &mut Side) -> bool {
    match side {
        Side::H1(side) => loop {
            match side.decoder.next(&mut side.wire.input) {
                Ok(Some(Part::End)) => return true,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return false,
            }
        },
        Side::H2(side) => {
            side.receive = None;
            true
        }
    }
}
