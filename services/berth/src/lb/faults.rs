//! What is wrong with a load balancer, in sentences that say what it means and what to do.

use std::collections::BTreeSet;

use proxy_gateway::overview::{Overview, ShownBalancer};
use routing::{Action, HealthState, Listener, TargetGroup};

use super::{group, group_name};

/// All that is wrong with a balancer, what stops most first.
pub(super) fn of_balancer(overview: &Overview, shown: &ShownBalancer) -> Vec<String> {
    let balancer = &shown.balancer;
    let serves = |filter: &[String]| {
        filter.is_empty()
            || filter
                .iter()
                .any(|wanted| *wanted == balancer.name || *wanted == balancer.arn)
    };
    let mut faults = Vec::new();
    if overview.proxies.is_empty() {
        faults.push(
            "No proxy is connected to the server, so nobody can reach this load balancer by a change made from now on. Start one with \
             `berth proxy`."
                .to_owned(),
        );
    } else if !overview.proxies.iter().any(|proxy| serves(&proxy.balancers)) {
        faults.push("No proxy serves this load balancer: each names others with --balancers.".to_owned());
    }
    if balancer.listeners.is_empty() {
        faults.push("It has no listener, so it takes no connections.".to_owned());
    }
    for listener in &balancer.listeners {
        faults.extend(of_listener(shown, listener, !overview.proxies.is_empty()));
    }
    let named: BTreeSet<&str> = balancer.listeners.iter().flat_map(groups_of).collect();
    for arn in named {
        match group(overview, arn) {
            Some(group) => faults.extend(of_group(group)),
            None => faults.push(format!(
                "Target group {} cannot be served by a proxy: requests for it are answered with 503.",
                group_name(arn)
            )),
        }
    }
    faults
}

fn of_listener(shown: &ShownBalancer, listener: &Listener, any_proxy: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let mut stands = false;
    for standing in shown
        .listeners
        .iter()
        .filter(|standing| standing.listener == listener.arn)
    {
        stands = true;
        if let Some(failure) = &standing.failure {
            faults.push(format!(
                "Port {} does not work on proxy {}: {failure}.",
                listener.port,
                standing.proxy,
                failure = failure.trim_end_matches('.')
            ));
        }
        if standing.revision < shown.balancer.revision {
            faults.push(format!(
                "Proxy {} still serves an older configuration on port {}.",
                standing.proxy, listener.port
            ));
        }
    }
    if !stands && any_proxy {
        faults.push(format!(
            "No proxy has said yet that it listens on port {}.",
            listener.port
        ));
    }
    let rules = listener
        .rules
        .iter()
        .map(|rule| (format!("Rule {}", rule.priority), &rule.actions));
    for (name, actions) in rules.chain([("The default rule".to_owned(), &listener.default_actions)]) {
        let weightless = actions.iter().any(|action| {
            matches!(action, Action::Forward(forward) if forward.groups.iter().all(|group| group.weight == 0))
        });
        if weightless {
            faults.push(format!(
                "{name} of port {} forwards to nobody, since every weight is 0: its requests are answered with 503.",
                listener.port
            ));
        }
    }
    faults
}

/// Groups that the rules of a listener name.
pub(super) fn groups_of(listener: &Listener) -> impl Iterator<Item = &str> {
    let actions = listener.rules.iter().flat_map(|rule| &rule.actions);
    let forwards = actions
        .chain(&listener.default_actions)
        .filter_map(|action| match action {
            Action::Forward(forward) => Some(forward),
            _ => None,
        });
    forwards
        .flat_map(|forward| &forward.groups)
        .map(|group| group.target_group.as_str())
}

fn of_group(group: &TargetGroup) -> Option<String> {
    let taking: Vec<_> = group
        .targets
        .iter()
        .filter(|target| target.draining_until.is_none())
        .collect();
    if taking.is_empty() {
        return Some(format!(
            "Target group {} has no targets: requests for it are answered with 503.",
            group.name
        ));
    }
    let is = |state: HealthState| {
        taking
            .iter()
            .filter(|target| target.health.state == state)
            .count()
    };
    let (healthy, unhealthy) = (is(HealthState::Healthy), is(HealthState::Unhealthy));
    if taking.iter().all(|target| target.address.is_none()) {
        return Some(format!(
            "No target of {} has a known address: requests for it are answered with 503.",
            group.name
        ));
    }
    match (healthy, unhealthy) {
        (0, 0) => None,
        (0, _) => Some(format!(
            "No target of {} is healthy, so requests go to all of them (fail open).",
            group.name
        )),
        (_, 0) => None,
        (_, unhealthy) => Some(format!(
            "{unhealthy} of {} targets of {} {} unhealthy and {} no requests.",
            taking.len(),
            group.name,
            if unhealthy == 1 { "is" } else { "are" },
            if unhealthy == 1 { "gets" } else { "get" },
        )),
    }
}
