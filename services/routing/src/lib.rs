//! What a proxy runs by: load balancers, their rules and target groups as values, how a rule is chosen, and the messages between a
//! proxy and the server. Pure: no I/O, no clock.

pub mod action;
pub mod attributes;
pub mod cidr;
pub mod health;
pub mod matcher;
pub mod message;
pub mod pattern;
pub mod rewrite;
pub mod rule;
pub mod snapshot;
pub mod ssl_policy;
mod words;

pub use action::{Action, Forward, ForwardGroup};
pub use attributes::{BalancerAttributes, ListenerAttributes, TargetGroupAttributes};
pub use health::{Health, HealthCheck, HealthReason, HealthState};
pub use rule::{Condition, Rule, Transform};
pub use snapshot::{Balancer, Certificate, Kind, Listener, Target, TargetGroup};
