//! Counters as the workers raise them: relaxed atomics that hang on what they count, so that a request looks nothing up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use routing::message::Statistics;

use super::count::Count;

/// Upper bounds of the latency histogram's buckets, in microseconds; one more bucket is for what is above.
pub(super) const BOUNDS: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000, 60_000_000,
];

/// How long something took, by buckets.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Histogram {
    pub fn record(&self, took: Duration) {
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < microseconds);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(nanoseconds(took), Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> [u64; BOUNDS.len() + 1] {
        std::array::from_fn(|bucket| self.buckets[bucket].load(Ordering::Relaxed))
    }

    pub(super) fn seconds(&self) -> f64 {
        self.nanoseconds.load(Ordering::Relaxed) as f64 / 1e9
    }
}

/// The extremes of a minute.
#[derive(Debug)]
struct Extremes {
    shortest: AtomicU64,
    longest: AtomicU64,
}

impl Default for Extremes {
    fn default() -> Self {
        Self {
            shortest: AtomicU64::new(u64::MAX),
            longest: AtomicU64::new(0),
        }
    }
}

/// Responses by class, latency and bytes.
#[derive(Debug, Default)]
pub struct Traffic {
    /// By first digit; 0: no response at all.
    classes: [AtomicU64; 6],
    pub latency: Histogram,
    pub received: AtomicU64,
    pub sent: AtomicU64,
}

impl Traffic {
    pub fn response(&self, status: Option<u16>) {
        let class = status.map_or(0, |status| usize::from(status / 100));
        self.classes[class.min(5)].fetch_add(1, Ordering::Relaxed);
    }

    pub fn bytes(&self, received: u64, sent: u64) {
        self.received.fetch_add(received, Ordering::Relaxed);
        self.sent.fetch_add(sent, Ordering::Relaxed);
    }

    pub(super) fn classes(&self) -> [u64; 6] {
        std::array::from_fn(|class| self.classes[class].load(Ordering::Relaxed))
    }
}

/// All that is told to CloudWatch of a load balancer, or of a target group.
#[derive(Debug)]
pub struct Tally {
    counts: [AtomicU64; Count::ALL.len()],
    /// From the request's dispatch to the response's beginning.
    pub response_time: Histogram,
    extremes: Extremes,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            response_time: Histogram::default(),
            extremes: Extremes::default(),
        }
    }
}

impl Tally {
    pub fn count(&self, count: Count) {
        self.add(count, 1);
    }

    pub fn add(&self, count: Count, by: u64) {
        self.counts[count as usize].fetch_add(by, Ordering::Relaxed);
    }

    pub fn get(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Ordering::Relaxed)
    }

    pub fn response_time(&self, took: Duration) {
        self.response_time.record(took);
        let nanoseconds = nanoseconds(took);
        self.extremes.shortest.fetch_min(nanoseconds, Ordering::Relaxed);
        self.extremes.longest.fetch_max(nanoseconds, Ordering::Relaxed);
    }

    /// What was counted since `last`, which becomes what is counted now.
    pub(super) fn since(&self, last: &mut Totals) -> Vec<(String, Statistics)> {
        let mut metrics = Vec::new();
        for count in Count::ALL {
            let now = self.get(count);
            let difference = now - std::mem::replace(&mut last.counts[count as usize], now);
            if difference > 0 {
                metrics.push((count.name().to_owned(), statistics(count, difference)));
            }
        }
        let shortest = self.extremes.shortest.swap(u64::MAX, Ordering::Relaxed);
        let longest = self.extremes.longest.swap(0, Ordering::Relaxed);
        let (samples, seconds) = (
            self.response_time.counts().iter().sum::<u64>(),
            self.response_time.seconds(),
        );
        let times = Statistics {
            samples: samples - std::mem::replace(&mut last.samples, samples),
            sum: seconds - std::mem::replace(&mut last.seconds, seconds),
            minimum: shortest.min(longest) as f64 / 1e9,
            maximum: longest as f64 / 1e9,
        };
        if times.samples > 0 {
            metrics.push(("TargetResponseTime".to_owned(), times));
        }
        metrics
    }
}

/// What was told already.
#[derive(Debug)]
pub(super) struct Totals {
    counts: [u64; Count::ALL.len()],
    samples: u64,
    seconds: f64,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            counts: [0; Count::ALL.len()],
            samples: 0,
            seconds: 0.0,
        }
    }
}

impl Totals {
    pub fn requests(&self) -> u64 {
        self.counts[Count::Requests as usize]
    }
}

fn statistics(count: Count, difference: u64) -> Statistics {
    let sum = difference as f64;
    if count.is_of_events() {
        Statistics {
            samples: difference,
            sum,
            minimum: 1.0,
            maximum: 1.0,
        }
    } else {
        gauge(sum)
    }
}

/// One observation.
pub(super) fn gauge(value: f64) -> Statistics {
    Statistics {
        samples: 1,
        sum: value,
        minimum: value,
        maximum: value,
    }
}

fn nanoseconds(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

/// Counters of a load balancer.
#[derive(Debug, Default)]
pub struct BalancerSeries {
    pub tally: Tally,
    /// Connections of clients, or flows, that are open now.
    pub active: AtomicU64,
    pub active_tcp: AtomicU64,
    pub active_tls: AtomicU64,
    pub active_udp: AtomicU64,
}

/// Counters of a listener.
#[derive(Debug)]
pub struct ListenerSeries {
    pub balancer: Arc<BalancerSeries>,
    /// Latency is from the request's beginning to the response's end.
    pub traffic: Traffic,
    pub active: AtomicU64,
    pub opened: AtomicU64,
    pub rejected: AtomicU64,
    pub tls_failures: AtomicU64,
}

/// Counters of a rule.
#[derive(Debug, Default)]
pub struct RuleSeries {
    pub traffic: Traffic,
}

/// Counters of a target group.
#[derive(Debug, Default)]
pub struct GroupSeries {
    pub tally: Tally,
}

/// Counters of a target.
#[derive(Debug, Default)]
pub struct TargetSeries {
    /// Latency is the time until its response began.
    pub traffic: Traffic,
    /// Flows that network balancers brought to it.
    pub flows: AtomicU64,
    pub connect_failures: AtomicU64,
}

pub(super) fn raise(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn lower(counter: &AtomicU64) {
    counter.fetch_sub(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lb40_a_minute_holds_what_came_since_the_last_one() {
        let tally = Tally::default();
        let mut last = Totals::default();
        tally.count(Count::Requests);
        tally.count(Count::Requests);
        tally.add(Count::ProcessedBytes, 700);
        tally.response_time(Duration::from_millis(2));
        tally.response_time(Duration::from_millis(6));
        let metrics = tally.since(&mut last);
        let find = |name: &str| metrics.iter().find(|(known, _)| known == name).unwrap().1;
        assert_eq!((find("RequestCount").samples, find("RequestCount").sum), (2, 2.0));
        assert_eq!(
            (find("ProcessedBytes").samples, find("ProcessedBytes").sum),
            (1, 700.0)
        );
        let times = find("TargetResponseTime");
        assert_eq!((times.samples, times.minimum, times.maximum), (2, 0.002, 0.006));
        assert!((times.sum - 0.008).abs() < 1e-9);
        assert_eq!(tally.since(&mut last), [], "nothing came since");
    }

    #[test]
    fn a_duration_falls_into_the_first_bucket_whose_bound_it_does_not_exceed() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_micros(500));
        histogram.record(Duration::from_micros(501));
        histogram.record(Duration::from_secs(3600));
        let counts = histogram.counts();
        assert_eq!((counts[0], counts[1], counts[BOUNDS.len()]), (1, 1, 1));
    }
}
