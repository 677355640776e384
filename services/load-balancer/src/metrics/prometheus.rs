//! The text format of Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use super::count::Count;
use super::roll_up::Hosts;
use super::series::{BOUNDS, Histogram, Traffic};
use super::{Kept, Registry};
use crate::state::State;

const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// All series, each family under its name.
pub(super) fn exposition(state: &State, registry: &Registry, dropped_lines: u64) -> String {
    let mut page = Page::default();
    balancers(&mut page, registry);
    listeners(&mut page, registry);
    page.family(
        "berth_lb_rule_requests_total",
        "counter",
        "Requests by the rule that they matched.",
    );
    for (arn, series) in &registry.rules {
        page.classes(&labels(&[("rule", arn)]), &series.traffic);
    }
    groups(&mut page, state, registry);
    targets(&mut page, state, registry);
    page.family(
        "berth_lb_access_log_dropped_lines_total",
        "counter",
        "Lines that the writer of access logs could not keep up with.",
    );
    page.total(dropped_lines);
    page.text
}

fn balancers(page: &mut Page, registry: &Registry) {
    let counts: [(&str, &str, Count); 4] = [
        (
            "berth_lb_rule_evaluations_total",
            "Rules that were looked at.",
            Count::RuleEvaluations,
        ),
        (
            "berth_lb_processed_bytes_total",
            "Bytes of requests and responses.",
            Count::ProcessedBytes,
        ),
        (
            "berth_lb_flows_total",
            "Flows through network balancers.",
            Count::NewFlows,
        ),
        (
            "berth_lb_resets_total",
            "Flows that the balancer reset.",
            Count::ElbResets,
        ),
    ];
    for (name, meaning, count) in counts {
        page.family(name, "counter", meaning);
        for (arn, Kept { series, .. }) in &registry.balancers {
            page.sample("", &labels(&[("balancer", arn)]), series.tally.get(count));
        }
    }
    page.family(
        "berth_lb_own_responses_total",
        "counter",
        "Responses that the balancer made itself.",
    );
    let codes = [
        ("500", Count::Elb500),
        ("502", Count::Elb502),
        ("503", Count::Elb503),
        ("504", Count::Elb504),
    ];
    let classes = [
        ("3xx", Count::Elb3xx),
        ("4xx", Count::Elb4xx),
        ("5xx", Count::Elb5xx),
    ];
    for (arn, Kept { series, .. }) in &registry.balancers {
        for (code, count) in classes.into_iter().chain(codes) {
            page.sample(
                "",
                &labels(&[("balancer", arn), ("code", code)]),
                series.tally.get(count),
            );
        }
    }
}

fn listeners(page: &mut Page, registry: &Registry) {
    let all = || {
        registry
            .listeners
            .iter()
            .map(|(arn, series)| (labels(&[("listener", arn)]), series))
    };
    page.family(
        "berth_lb_requests_total",
        "counter",
        "Requests by listener and class of response.",
    );
    all().for_each(|(labels, series)| page.classes(&labels, &series.traffic));
    page.family(
        "berth_lb_request_duration_seconds",
        "histogram",
        "From a request's beginning to its response's end.",
    );
    all().for_each(|(labels, series)| page.histogram(&labels, &series.traffic.latency));
    page.family("berth_lb_received_bytes_total", "counter", "Bytes from clients.");
    all().for_each(|(labels, series)| page.sample("", &labels, value(&series.traffic.received)));
    page.family("berth_lb_sent_bytes_total", "counter", "Bytes to clients.");
    all().for_each(|(labels, series)| page.sample("", &labels, value(&series.traffic.sent)));
    page.family(
        "berth_lb_connections_active",
        "gauge",
        "Connections of clients, or flows, that are open.",
    );
    all().for_each(|(labels, series)| page.sample("", &labels, value(&series.active)));
    page.family(
        "berth_lb_connections_total",
        "counter",
        "Connections of clients, or flows, that were opened.",
    );
    all().for_each(|(labels, series)| page.sample("", &labels, value(&series.opened)));
    page.family(
        "berth_lb_connections_rejected_total",
        "counter",
        "Connections of clients that were turned away.",
    );
    all().for_each(|(labels, series)| page.sample("", &labels, value(&series.rejected)));
    page.family(
        "berth_lb_client_tls_failures_total",
        "counter",
        "TLS handshakes with clients that failed.",
    );
    all().for_each(|(labels, series)| page.sample("", &labels, value(&series.tls_failures)));
}

fn groups(page: &mut Page, state: &State, registry: &Registry) {
    page.family(
        "berth_lb_target_group_requests_total",
        "counter",
        "Requests that were sent to a target of the group.",
    );
    for (arn, Kept { series, .. }) in &registry.groups {
        page.sample(
            "",
            &labels(&[("target_group", arn)]),
            series.tally.get(Count::Requests),
        );
    }
    page.family(
        "berth_lb_target_group_responses_total",
        "counter",
        "Responses of targets by class.",
    );
    let classes = [
        ("2xx", Count::Target2xx),
        ("3xx", Count::Target3xx),
        ("4xx", Count::Target4xx),
        ("5xx", Count::Target5xx),
    ];
    for (arn, Kept { series, .. }) in &registry.groups {
        for (class, count) in classes {
            page.sample(
                "",
                &labels(&[("target_group", arn), ("class", class)]),
                series.tally.get(count),
            );
        }
    }
    page.family(
        "berth_lb_target_group_response_seconds",
        "histogram",
        "Until a target's response began.",
    );
    for (arn, Kept { series, .. }) in &registry.groups {
        page.histogram(&labels(&[("target_group", arn)]), &series.tally.response_time);
    }
    page.family("berth_lb_target_group_targets", "gauge", "Targets by health.");
    for group in state.groups() {
        let hosts = Hosts::of(&group);
        for (health, count) in [("healthy", hosts.healthy), ("unhealthy", hosts.unhealthy)] {
            page.sample(
                "",
                &labels(&[("target_group", &group.arn), ("health", health)]),
                count as u64,
            );
        }
    }
}

fn targets(page: &mut Page, state: &State, registry: &Registry) {
    let name = |id: &str, port: u16| format!("{id}:{port}");
    let all = || {
        registry.targets.iter().map(|((group, id, port), series)| {
            (
                labels(&[("target_group", group), ("target", &name(id, *port))]),
                series,
            )
        })
    };
    page.family(
        "berth_lb_target_requests_total",
        "counter",
        "Requests by target and class of its response.",
    );
    all().for_each(|(labels, series)| page.classes(&labels, &series.traffic));
    page.family(
        "berth_lb_target_response_seconds",
        "histogram",
        "Until the target's response began.",
    );
    all().for_each(|(labels, series)| page.histogram(&labels, &series.traffic.latency));
    page.family(
        "berth_lb_target_flows_total",
        "counter",
        "Flows that network balancers brought to the target.",
    );
    all().for_each(|(labels, series)| page.sample("", &labels, value(&series.flows)));
    page.family(
        "berth_lb_target_connect_failures_total",
        "counter",
        "Connections to the target that did not come about.",
    );
    all().for_each(|(labels, series)| page.sample("", &labels, value(&series.connect_failures)));
    page.family("berth_lb_target_healthy", "gauge", "1: the target is healthy.");
    for group in state.groups() {
        for target in &group.view().targets {
            let labels = labels(&[
                ("target_group", &group.arn),
                ("target", &name(&target.id, target.port)),
            ]);
            page.sample(
                "",
                &labels,
                u64::from(target.state() == routing::HealthState::Healthy),
            );
        }
    }
}

fn value(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// `name="value"` pairs, escaped.
fn labels(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    pairs.join(",")
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// A page under construction, with the family that samples belong to.
#[derive(Default)]
struct Page {
    text: String,
    family: &'static str,
}

impl Page {
    fn family(&mut self, name: &'static str, kind: &str, meaning: &str) {
        self.family = name;
        self.line(format_args!("# HELP {name} {meaning}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn sample(&mut self, suffix: &str, labels: &str, value: impl std::fmt::Display) {
        let family = self.family;
        self.line(format_args!("{family}{suffix}{{{labels}}} {value}"));
    }

    /// The one sample of a family without labels.
    fn total(&mut self, value: u64) {
        let family = self.family;
        self.line(format_args!("{family} {value}"));
    }

    fn classes(&mut self, labels: &str, traffic: &Traffic) {
        for (class, count) in CLASSES.into_iter().zip(traffic.classes()) {
            if count > 0 {
                self.sample("", &format!("{labels},class=\"{class}\""), count);
            }
        }
    }

    fn histogram(&mut self, labels: &str, histogram: &Histogram) {
        let mut sum = 0;
        let bounds = BOUNDS
            .iter()
            .map(|bound| (*bound as f64 / 1e6).to_string())
            .chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(histogram.counts()) {
            sum += count;
            self.sample("_bucket", &format!("{labels},le=\"{bound}\""), sum);
        }
        self.sample("_sum", labels, histogram.seconds());
        self.sample("_count", labels, sum);
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_histograms_add_up() {
        assert_eq!(labels(&[("a", "x\"y\\\n")]), r#"a="x\"y\\\n""#);
        let histogram = Histogram::default();
        histogram.record(std::time::Duration::from_millis(1));
        histogram.record(std::time::Duration::from_millis(30));
        let mut page = Page {
            family: "f",
            ..Page::default()
        };
        page.histogram("a=\"1\"", &histogram);
        assert!(
            page.text.contains("f_bucket{a=\"1\",le=\"0.001\"} 1\n"),
            "{}",
            page.text
        );
        assert!(page.text.contains("f_bucket{a=\"1\",le=\"+Inf\"} 2\n"));
        assert!(page.text.contains("f_count{a=\"1\"} 2\n"));
    }
}
