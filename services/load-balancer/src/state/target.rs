//! A target as the workers see it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use routing::{HealthState, Target};
use tokio::sync::Notify;

use crate::metrics::TargetSeries;

use crate::balance::anomaly::FULL_WEIGHT;

/// Counts of a target, all since the process began.
#[derive(Debug)]
pub struct TargetCounters {
    /// Requests or connections under way.
    pub outstanding: AtomicU32,
    pub requests: AtomicU64,
    /// Answers of 500 and above, and requests without an answer.
    pub failures: AtomicU64,
    /// Connections that are open now.
    pub connections: AtomicU32,
    /// The target's part in weighted random routing, in thousandths of a full one.
    pub weight: AtomicU32,
}

impl Default for TargetCounters {
    fn default() -> Self {
        Self {
            outstanding: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            connections: AtomicU32::new(0),
            weight: AtomicU32::new(FULL_WEIGHT),
        }
    }
}

/// A target at one address: the same value for as long as it is registered, through every change of its health.
#[derive(Debug)]
pub struct LiveTarget {
    /// Unlike any other target of this process; keys the workers' pools.
    pub number: u64,
    /// As registered.
    pub id: String,
    pub port: u16,
    pub address: Option<SocketAddr>,
    pub counters: TargetCounters,
    /// What stickiness cookies name this target by, the same on every proxy.
    pub fingerprint: u64,
    /// Where [`crate::metrics`] counts what it gets.
    pub series: OnceLock<Arc<TargetSeries>>,
    /// As the snapshot says; a [`HealthState`].
    told: AtomicU8,
    /// As this proxy's checks say; [`NOT_OBSERVED`] when it does not check.
    observed: AtomicU8,
    /// Milliseconds since 1970 since when it has been healthy; 0: it is not.
    healthy_since: AtomicI64,
    /// Milliseconds since 1970 at which draining ends; 0: it does not drain.
    draining_until: AtomicI64,
    ended: AtomicBool,
    end: Notify,
}

const NOT_OBSERVED: u8 = u8::MAX;

const STATES: [HealthState; 7] = [
    HealthState::Initial,
    HealthState::Healthy,
    HealthState::Unhealthy,
    HealthState::Unused,
    HealthState::Draining,
    HealthState::UnhealthyDraining,
    HealthState::Unavailable,
];

impl LiveTarget {
    pub(super) fn new(target: &Target) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let live = Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            id: target.id.clone(),
            port: target.port,
            address: target.socket(),
            counters: TargetCounters::default(),
            fingerprint: fingerprint(&[target.id.as_bytes(), &target.port.to_be_bytes()]),
            series: OnceLock::new(),
            told: AtomicU8::new(0),
            observed: AtomicU8::new(NOT_OBSERVED),
            healthy_since: AtomicI64::new(0),
            draining_until: AtomicI64::new(0),
            ended: AtomicBool::new(false),
            end: Notify::new(),
        };
        live.update(target);
        live
    }

    /// Whether `target` is this registration at this address.
    pub(super) fn is(&self, target: &Target) -> bool {
        self.id == target.id && self.port == target.port && self.address == target.socket()
    }

    pub(super) fn update(&self, target: &Target) {
        self.told.store(code(target.health.state), Ordering::Relaxed);
        let until = target.draining_until.map_or(0, |at| at.timestamp_millis().max(1));
        self.draining_until.store(until, Ordering::Relaxed);
        if self.observed.load(Ordering::Relaxed) == NOT_OBSERVED {
            let since = target.healthy_since.map_or(0, |at| at.timestamp_millis().max(1));
            self.healthy_since.store(since, Ordering::Relaxed);
        }
    }

    pub(super) fn drain_until(&self, at: DateTime<Utc>) {
        self.draining_until
            .store(at.timestamp_millis().max(1), Ordering::Relaxed);
    }

    /// True if that changes what the target is taken for.
    pub(super) fn observe(&self, state: HealthState, since: DateTime<Utc>) -> bool {
        let before = self.state();
        self.observed.store(code(state), Ordering::Relaxed);
        if state == before {
            return false;
        }
        let since = if state == HealthState::Healthy {
            since.timestamp_millis().max(1)
        } else {
            0
        };
        self.healthy_since.store(since, Ordering::Relaxed);
        true
    }

    pub(super) fn forget_checks(&self) {
        self.observed.store(NOT_OBSERVED, Ordering::Relaxed);
    }

    /// The state that requests are sent by.
    pub fn state(&self) -> HealthState {
        if self.is_draining() {
            return HealthState::Draining;
        }
        let observed = self.observed.load(Ordering::Relaxed);
        let code = if observed == NOT_OBSERVED {
            self.told.load(Ordering::Relaxed)
        } else {
            observed
        };
        STATES
            .get(usize::from(code))
            .copied()
            .unwrap_or(HealthState::Initial)
    }

    pub fn is_draining(&self) -> bool {
        self.draining_until.load(Ordering::Relaxed) != 0
    }

    /// Milliseconds since 1970 at which its connections are closed, if it drains.
    pub fn draining_until(&self) -> Option<i64> {
        Some(self.draining_until.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    /// Milliseconds since 1970 since when it has been healthy without a break.
    pub fn healthy_since(&self) -> Option<i64> {
        Some(self.healthy_since.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    /// Its connections have to be closed now: draining is over, or it is no longer registered.
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Waits until [`Self::is_ended`].
    pub async fn ended(&self) {
        let notified = self.end.notified();
        if !self.is_ended() {
            notified.await;
        }
    }

    /// Ends what is still under way with this target.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.end.notify_waiters();
    }
}

fn code(state: HealthState) -> u8 {
    STATES.iter().position(|known| *known == state).unwrap_or(0) as u8
}

/// 64 bits that are the same on every proxy and in every build (FNV-1a). They name things, they hide nothing.
pub fn fingerprint(parts: &[&[u8]]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.iter().copied().chain([0xff]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // FNV leaves neighbours alike in the high bits; this spreads them.
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}
