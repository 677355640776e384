//! Balancers with their listeners and rules, compiled.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use routing::attributes::BalancerAttributes;
use routing::matcher::Compiled;
use routing::rewrite::Transforms;
use routing::{Action, Balancer, Kind, Listener};

use super::Group;
use crate::metrics::{ListenerSeries, RuleSeries};

/// All that is served, at one moment.
#[derive(Default)]
pub struct Routes {
    /// By ARN.
    pub balancers: HashMap<String, Arc<LiveBalancer>>,
    /// By ARN.
    pub listeners: HashMap<String, Arc<LiveListener>>,
}

/// A balancer without its listeners.
#[derive(Debug)]
pub struct LiveBalancer {
    pub arn: String,
    pub name: String,
    pub account: String,
    pub region: String,
    pub kind: Kind,
    pub number: i64,
    pub revision: i64,
    pub dns_name: String,
    pub created_at: DateTime<Utc>,
    pub attributes: BalancerAttributes,
    /// ARNs of its listeners.
    pub listeners: Vec<String>,
}

/// A listener with its rules made ready.
pub struct LiveListener {
    pub balancer: Arc<LiveBalancer>,
    pub config: Listener,
    pub matcher: Compiled,
    /// In the order of `config.rules`.
    pub rules: Vec<LiveRule>,
    pub default: LiveRule,
    /// Where [`crate::metrics`] counts what comes in.
    pub series: OnceLock<Arc<ListenerSeries>>,
}

/// What a rule does.
pub struct LiveRule {
    pub arn: String,
    /// 0: the default rule.
    pub priority: u32,
    pub transforms: Transforms,
    pub steps: Vec<Step>,
    /// Where [`crate::metrics`] counts what matches.
    pub series: OnceLock<Arc<RuleSeries>>,
}

/// An action with its target groups found.
pub enum Step {
    Forward {
        groups: Vec<(u32, Arc<Group>)>,
        stickiness_seconds: Option<u32>,
    },
    /// Redirect, fixed-response, authenticate-oidc or jwt-validation.
    Other(Action),
}

impl LiveListener {
    /// The rule at this place, none being the default rule.
    pub fn rule(&self, place: Option<usize>) -> &LiveRule {
        place
            .and_then(|place| self.rules.get(place))
            .unwrap_or(&self.default)
    }
}

impl Routes {
    /// These routes with `balancer` put in or replaced.
    pub(super) fn with(&self, balancer: Balancer, group_of: &mut dyn FnMut(&str) -> Arc<Group>) -> Self {
        let mut routes = self.without(|arn| arn == balancer.arn);
        let live = Arc::new(LiveBalancer {
            listeners: balancer
                .listeners
                .iter()
                .map(|listener| listener.arn.clone())
                .collect(),
            arn: balancer.arn,
            name: balancer.name,
            account: balancer.account,
            region: balancer.region,
            kind: balancer.kind,
            number: balancer.number,
            revision: balancer.revision,
            dns_name: balancer.dns_name,
            created_at: balancer.created_at,
            attributes: balancer.attributes,
        });
        for config in balancer.listeners {
            let listener = LiveListener::new(live.clone(), config, group_of);
            routes
                .listeners
                .insert(listener.config.arn.clone(), Arc::new(listener));
        }
        routes.balancers.insert(live.arn.clone(), live);
        routes
    }

    /// These routes without the balancers of which `gone` holds.
    pub(super) fn without(&self, gone: impl Fn(&str) -> bool) -> Self {
        let listeners = self
            .listeners
            .iter()
            .filter(|(_, listener)| !gone(&listener.balancer.arn));
        let balancers = self.balancers.iter().filter(|(arn, _)| !gone(arn));
        Self {
            balancers: balancers
                .map(|(arn, value)| (arn.clone(), value.clone()))
                .collect(),
            listeners: listeners
                .map(|(arn, value)| (arn.clone(), value.clone()))
                .collect(),
        }
    }

    /// Whether a rule forwards to this group.
    pub fn names_group(&self, arn: &str) -> bool {
        self.listeners.values().any(|listener| {
            let mut rules = listener.rules.iter().chain([&listener.default]);
            rules.any(|rule| rule.groups().any(|group| &*group.arn == arn))
        })
    }
}

impl LiveListener {
    fn new(
        balancer: Arc<LiveBalancer>,
        config: Listener,
        group_of: &mut dyn FnMut(&str) -> Arc<Group>,
    ) -> Self {
        let rules = config.rules.iter().map(|rule| LiveRule {
            arn: rule.arn.clone(),
            priority: rule.priority,
            transforms: Transforms::new(&rule.transforms),
            steps: rule
                .actions
                .iter()
                .map(|action| Step::new(action, group_of))
                .collect(),
            series: OnceLock::new(),
        });
        let rules = rules.collect();
        let default = LiveRule {
            arn: config.default_rule.clone(),
            priority: 0,
            transforms: Transforms::new(&[]),
            steps: config
                .default_actions
                .iter()
                .map(|action| Step::new(action, group_of))
                .collect(),
            series: OnceLock::new(),
        };
        Self {
            matcher: Compiled::new(&config),
            balancer,
            rules,
            default,
            series: OnceLock::new(),
            config,
        }
    }
}

impl LiveRule {
    /// The groups that it forwards to.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.steps
            .iter()
            .flat_map(|step| match step {
                Step::Forward { groups, .. } => groups.as_slice(),
                Step::Other(_) => &[],
            })
            .map(|(_, group)| group)
    }
}

impl Step {
    fn new(action: &Action, group_of: &mut dyn FnMut(&str) -> Arc<Group>) -> Self {
        match action {
            Action::Forward(forward) => Self::Forward {
                groups: forward
                    .groups
                    .iter()
                    .map(|group| (group.weight, group_of(&group.target_group)))
                    .collect(),
                stickiness_seconds: forward.group_stickiness_seconds,
            },
            other => Self::Other(other.clone()),
        }
    }
}
