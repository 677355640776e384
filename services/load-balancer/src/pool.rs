//! Connections to targets. Each worker keeps its own, so taking one and giving it back needs no lock; the one used last is taken first.

mod connect;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;

use crate::http::side::H1;
use crate::plane::{Limits, Plane};
use crate::state::LiveTarget;

pub use connect::{ConnectError, connect_h1, connect_h2};

/// How often a worker looks for connections that ended while nobody used them.
const SWEEP: Duration = Duration::from_secs(5);
/// Streams on one HTTP/2 connection before another one is opened.
const STREAMS: usize = 100;

thread_local! {
    static PARKED: RefCell<HashMap<u64, Parked>> = RefCell::new(HashMap::new());
}

/// A worker's connections to one target.
struct Parked {
    target: Arc<LiveTarget>,
    idle: Vec<(Box<H1>, Instant)>,
    shared: Vec<Shared>,
}

/// An HTTP/2 connection, for many requests at a time.
struct Shared {
    send: SendRequest<Bytes>,
    streams: Arc<AtomicUsize>,
}

/// A stream's place on an HTTP/2 connection; given back on drop.
pub struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts a connection as its target's until it is dropped.
pub struct Counted(Arc<LiveTarget>);

impl Counted {
    pub fn new(target: &Arc<LiveTarget>) -> Self {
        target.counters.connections.fetch_add(1, Ordering::Relaxed);
        Self(target.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.counters.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An idle HTTP/1.1 connection that still seems to be alive.
pub fn take(target: &LiveTarget) -> Option<Box<H1>> {
    PARKED.with_borrow_mut(|parked| {
        let idle = &mut parked.get_mut(&target.number)?.idle;
        while let Some((mut side, _)) = idle.pop() {
            if side.wire.is_quiet(&mut Context::from_waker(Waker::noop())) {
                return Some(side);
            }
        }
        None
    })
}

/// Keeps a connection for the next request, unless there are enough or the target takes no more.
pub fn put(target: &Arc<LiveTarget>, side: Box<H1>, limits: &Limits) {
    if target.is_draining() || target.is_ended() {
        return;
    }
    with_parked(target, |parked| {
        if parked.idle.len() < limits.idle_per_target {
            parked.idle.push((side, Instant::now()));
        }
    });
}

/// A place on an HTTP/2 connection that has room.
pub fn take_shared(target: &LiveTarget) -> Option<(SendRequest<Bytes>, Slot)> {
    PARKED.with_borrow_mut(|parked| {
        let shared = &mut parked.get_mut(&target.number)?.shared;
        let room = |shared: &&Shared| {
            let streams = shared.streams.load(Ordering::Relaxed);
            streams < STREAMS.min(shared.send.current_max_send_streams())
        };
        let found = shared.iter().find(room)?;
        found.streams.fetch_add(1, Ordering::Relaxed);
        Some((found.send.clone(), Slot(found.streams.clone())))
    })
}

/// Makes a new HTTP/2 connection known, and takes the first place on it.
pub fn share(target: &Arc<LiveTarget>, send: SendRequest<Bytes>) -> (SendRequest<Bytes>, Slot) {
    let streams = Arc::new(AtomicUsize::new(1));
    with_parked(target, |parked| {
        parked.shared.push(Shared {
            send: send.clone(),
            streams: streams.clone(),
        });
    });
    (send, Slot(streams))
}

/// Takes an HTTP/2 connection out, since it is broken or going away; its streams end by themselves.
pub fn unshare(target: &LiveTarget, slot: &Slot) {
    PARKED.with_borrow_mut(|parked| {
        if let Some(parked) = parked.get_mut(&target.number) {
            parked
                .shared
                .retain(|shared| !Arc::ptr_eq(&shared.streams, &slot.0));
        }
    });
}

fn with_parked(target: &Arc<LiveTarget>, change: impl FnOnce(&mut Parked)) {
    PARKED.with_borrow_mut(|parked| {
        let new = || Parked {
            target: target.clone(),
            idle: Vec::new(),
            shared: Vec::new(),
        };
        change(parked.entry(target.number).or_insert_with(new));
    });
}

/// Drops connections of this worker that ended, that were idle for too long, or whose target takes no more. Runs on each worker for as
/// long as `plane` is used elsewhere.
pub async fn sweep(plane: std::sync::Weak<Plane>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(limits) = plane.upgrade().map(|plane| plane.limits) else {
            return;
        };
        let mut cx = Context::from_waker(Waker::noop());
        PARKED.with_borrow_mut(|parked| {
            parked.retain(|_, parked| {
                if parked.target.is_draining() || parked.target.is_ended() {
                    return false;
                }
                parked.idle.retain_mut(|(side, since)| {
                    since.elapsed() < limits.idle_time && side.wire.is_quiet(&mut cx)
                });
                // One connection waits for more requests; those that a burst left behind are closed.
                let mut waiting = false;
                parked.shared.retain_mut(|shared| {
                    let unused = shared.streams.load(Ordering::Relaxed) == 0;
                    let spare = unused && std::mem::replace(&mut waiting, true);
                    !spare && !matches!(shared.send.poll_ready(&mut cx), Poll::Ready(Err(_)))
                });
                !parked.idle.is_empty() || !parked.shared.is_empty()
            });
        });
    }
}
