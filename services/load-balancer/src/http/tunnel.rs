//! An upgraded connection (WebSocket): octets both ways until one side ends or both are silent for too long. It holds no memory while
//! nothing flows.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::account::Account;
use super::connection::Client;
use super::head::RequestHead;
use crate::idle::Idle;
use crate::state::{LiveListener, LiveTarget};
use crate::wire::Wire;

/// All that is left of an upgraded request.
pub struct Tunnel {
    pub client: Client,
    pub client_wire: Wire,
    pub target: Arc<LiveTarget>,
    pub target_wire: Wire,
    /// Counts the tunnel as the target's for as long as it lives.
    pub _outstanding: super::handle::Outstanding,
    pub _counted: Option<crate::pool::Counted>,
    pub listener: Arc<LiveListener>,
    pub request: RequestHead,
    pub account: Account,
    pub url: String,
    pub trace_id: String,
    pub idle_timeout: Duration,
}

/// Carries octets until an end.
pub async fn run(mut tunnel: Box<Tunnel>) {
    let mut idle = Idle::new();
    let mut last = Instant::now();
    let (client, target) = (&mut tunnel.client_wire, &mut tunnel.target_wire);
    client.shrink();
    target.shrink();
    {
        let mut ended = std::pin::pin!(tunnel.target.ended());
        let mut closing = [false, false];
        std::future::poll_fn(|cx| {
            let before = client.received + target.received + client.sent + target.sent;
            let up = poll_copy(cx, client, target, &mut closing[0]);
            let down = poll_copy(cx, target, client, &mut closing[1]);
            // A half that was ended is passed on; the other half may go on for a while.
            match (up, down) {
                (Poll::Ready(Err(())), _)
                | (_, Poll::Ready(Err(())))
                | (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(()),
                _ => {}
            }
            if client.received + target.received + client.sent + target.sent != before {
                last = Instant::now();
            }
            if ended.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            idle.poll_past(cx, last + tunnel.idle_timeout)
        })
        .await;
    }
    let traffic = (client.received, client.sent);
    let Tunnel {
        client,
        listener,
        request,
        account,
        url,
        trace_id,
        ..
    } = *tunnel;
    account.close(&client, &listener, &request, &url, &trace_id, traffic);
}

/// Ready when `from` has ended and `to` knows.
fn poll_copy(
    cx: &mut Context<'_>,
    from: &mut Wire,
    to: &mut Wire,
    closing: &mut bool,
) -> Poll<Result<(), ()>> {
    loop {
        if *closing {
            ready!(to.poll_drain(cx)).map_err(drop)?;
            return to.poll_shutdown(cx).map_err(drop);
        }
        ready!(to.poll_room(cx)).map_err(drop)?;
        if from.input.is_empty() {
            match from.poll_fill(cx) {
                Poll::Ready(Ok(0)) => *closing = true,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Err(())),
                Poll::Pending => {
                    ready!(to.poll_drain(cx)).map_err(drop)?;
                    to.shrink();
                    return Poll::Pending;
                }
            }
        }
        let data: Bytes = from.input.split().freeze();
        from.shrink();
        to.write(data);
    }
}
