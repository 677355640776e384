//! Minutes for CloudWatch's names.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use kit::{Clock, Shutdown};
use routing::message::{MetricsMinute, MetricsRow, Statistics};
use routing::{HealthState, Kind};
use tokio::sync::mpsc;

use super::count::Count;
use super::series::{BalancerSeries, gauge};
use super::{Metrics, Registry};
use crate::state::{LiveBalancer, Routes, State};

impl Metrics {
    /// What was counted since the last call, as that of `minute`.
    pub fn close_minute(&self, minute: DateTime<Utc>) -> MetricsMinute {
        let state = &self.shared.state;
        let routes = state.routes();
        let mut registry = self.shared.registry.lock();
        let mut rows = rows_of_groups(state, &routes, &mut registry);
        let mut of_balancers = rows_of_balancers(&routes, &mut registry);
        add_target_errors(&mut of_balancers, &rows);
        rows.append(&mut of_balancers);
        rows.retain(|row| !row.metrics.is_empty());
        self.prune(&mut registry);
        MetricsMinute { minute, rows }
    }

    /// Closes every minute of `clock` and sends it to `minutes`, until the shutdown, which closes the last one. A minute in which nothing
    /// is known is not sent; nor is one for which there is no room, as that of a proxy without a server.
    pub async fn run(
        self,
        clock: std::sync::Arc<dyn Clock>,
        minutes: mpsc::Sender<MetricsMinute>,
        shutdown: Shutdown,
    ) {
        loop {
            let minute = full_minute(clock.now());
            let rest = (minute + TimeDelta::minutes(1) - clock.now())
                .to_std()
                .unwrap_or_default();
            let was_full = shutdown
                .unless_requested(tokio::time::sleep(rest))
                .await
                .is_some();
            let closed = self.close_minute(minute);
            if !closed.rows.is_empty() && minutes.try_send(closed).is_err() {
                tracing::debug!(%minute, "metrics of a minute dropped");
            }
            if !was_full {
                return;
            }
        }
    }
}

fn full_minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}

/// Groups that a rule forwards to, with the balancer of the rule.
fn balancers_of_groups(routes: &Routes) -> HashMap<&str, &LiveBalancer> {
    let mut balancers = HashMap::new();
    for listener in routes.listeners.values() {
        for rule in listener.rules.iter().chain([&listener.default]) {
            for group in rule.groups() {
                balancers.insert(&*group.arn, &*listener.balancer);
            }
        }
    }
    balancers
}

fn rows_of_groups(state: &State, routes: &Routes, registry: &mut Registry) -> Vec<MetricsRow> {
    let row = |(arn, balancer): (&str, &LiveBalancer)| {
        let group = state.group(arn)?;
        let hosts = Hosts::of(&group);
        let mut metrics = Vec::new();
        if let Some(kept) = registry.groups.get_mut(arn) {
            let before = kept.told.requests();
            metrics = kept.series.tally.since(&mut kept.told);
            let requests = kept.told.requests() - before;
            if requests > 0 {
                let targets = hosts.healthy.max(1) as f64;
                metrics.push((
                    "RequestCountPerTarget".to_owned(),
                    gauge(requests as f64 / targets),
                ));
            }
        }
        if hosts.healthy + hosts.unhealthy > 0 {
            metrics.push(("HealthyHostCount".to_owned(), gauge(hosts.healthy as f64)));
            metrics.push(("UnHealthyHostCount".to_owned(), gauge(hosts.unhealthy as f64)));
        }
        Some(MetricsRow {
            balancer: balancer.arn.clone(),
            target_group: Some(arn.to_owned()),
            metrics,
        })
    };
    balancers_of_groups(routes).into_iter().filter_map(row).collect()
}

fn rows_of_balancers(routes: &Routes, registry: &mut Registry) -> Vec<MetricsRow> {
    let mut rows = Vec::new();
    for (arn, kept) in &mut registry.balancers {
        let mut metrics = kept.series.tally.since(&mut kept.told);
        let is_network = routes
            .balancers
            .get(arn)
            .is_some_and(|balancer| balancer.kind == Kind::Network);
        metrics.extend(active(&kept.series, is_network));
        rows.push(MetricsRow {
            balancer: arn.clone(),
            target_group: None,
            metrics,
        });
    }
    rows
}

/// What went wrong with targets is counted by group, and told of the balancer as well.
fn add_target_errors(of_balancers: &mut Vec<MetricsRow>, of_groups: &[MetricsRow]) {
    let is_error = |name: &str| {
        [Count::TargetConnectionErrors, Count::TargetTlsErrors]
            .iter()
            .any(|count| count.name() == name)
    };
    for group in of_groups {
        for (name, errors) in group.metrics.iter().filter(|(name, _)| is_error(name)) {
            let place = of_balancers.iter().position(|row| row.balancer == group.balancer);
            let place = place.unwrap_or_else(|| {
                of_balancers.push(MetricsRow {
                    balancer: group.balancer.clone(),
                    target_group: None,
                    metrics: Vec::new(),
                });
                of_balancers.len() - 1
            });
            let metrics = &mut of_balancers[place].metrics;
            match metrics.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => {
                    sum.samples += errors.samples;
                    sum.sum += errors.sum;
                }
                None => metrics.push((name.clone(), *errors)),
            }
        }
    }
}

fn active(series: &BalancerSeries, is_network: bool) -> Vec<(String, Statistics)> {
    let named: &[_] = if is_network {
        &[
            ("ActiveFlowCount", &series.active),
            ("ActiveFlowCount_TCP", &series.active_tcp),
            ("ActiveFlowCount_TLS", &series.active_tls),
            ("ActiveFlowCount_UDP", &series.active_udp),
        ]
    } else {
        &[("ActiveConnectionCount", &series.active)]
    };
    let values = named
        .iter()
        .map(|(name, value)| (*name, value.load(Ordering::Relaxed)));
    values
        .filter(|(_, value)| *value > 0)
        .map(|(name, value)| (name.to_owned(), gauge(value as f64)))
        .collect()
}

/// How many targets of a group are healthy, and how many are not. Those that drain, are not used or were never judged are neither.
pub(super) struct Hosts {
    pub healthy: usize,
    pub unhealthy: usize,
}

impl Hosts {
    pub fn of(group: &crate::state::Group) -> Self {
        let view = group.view();
        let states = view.targets.iter().map(|target| target.state());
        let mut hosts = Self {
            healthy: 0,
            unhealthy: 0,
        };
        for state in states {
            match state {
                HealthState::Healthy => hosts.healthy += 1,
                HealthState::Unhealthy | HealthState::UnhealthyDraining => hosts.unhealthy += 1,
                _ => {}
            }
        }
        hosts
    }
}
