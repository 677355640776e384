//! Whether a container instance satisfies an expression.

use chrono::{DateTime, SubsecRound, Timelike, Utc};

use super::ast::{Node, Order, Test, TextTest};
use super::version::Version;

/// What the language can ask of a container instance.
pub trait Subject {
    /// `agentConnected`.
    fn agent_connected(&self) -> bool;
    /// `agentVersion`, as the agent wrote it.
    fn agent_version(&self) -> Option<&str>;
    /// `attribute:<name>`: `Some(None)` is an attribute without value, as capabilities are.
    fn attribute(&self, name: &str) -> Option<Option<&str>>;
    /// `ec2InstanceId`.
    fn ec2_instance_id(&self) -> Option<&str>;
    /// `registeredAt`.
    fn registered_at(&self) -> DateTime<Utc>;
    /// `runningTasksCount`: tasks whose desired status is RUNNING (I-06).
    fn running_tasks_count(&self) -> i64;
    /// `task:group`: the groups of the tasks on the instance that are not STOPPED; a group may come more than once.
    fn task_groups(&self) -> impl Iterator<Item = &str>;
}

pub(super) fn matches(node: &Node, subject: &impl Subject) -> bool {
    match node {
        Node::All(nodes) => nodes.iter().all(|node| matches(node, subject)),
        Node::Any(nodes) => nodes.iter().any(|node| matches(node, subject)),
        Node::Not(node) => !matches(node, subject),
        Node::Test(test) => holds(test, subject),
    }
}

fn holds(test: &Test, subject: &impl Subject) -> bool {
    match test {
        Test::AgentConnected(test) => test.holds(Some(boolean(subject.agent_connected()))),
        Test::AgentVersion(order, version) => version_holds(*order, version, subject.agent_version()),
        Test::Attribute(name, test) => subject.attribute(name).is_some_and(|value| test.holds(value)),
        Test::Ec2InstanceId(test) => present(test, subject.ec2_instance_id()),
        Test::RegisteredAt(order, limit) => date_holds(*order, limit, subject.registered_at()),
        Test::RunningTasksCount(order, limit) => order.holds(&subject.running_tasks_count(), limit),
        Test::TaskGroup(test) => subject.task_groups().any(|group| test.holds(Some(group))),
    }
}

fn present(test: &TextTest, value: Option<&str>) -> bool {
    value.is_some() && test.holds(value)
}

fn boolean(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

pub(crate) fn version_holds(order: Order, limit: &Version, version: Option<&str>) -> bool {
    version
        .and_then(Version::parse)
        .is_some_and(|version| order.holds(&version, limit))
}

/// A limit written in whole seconds is compared to the whole second of registration, so that `==` can be true.
pub(crate) fn date_holds(order: Order, limit: &DateTime<Utc>, registered_at: DateTime<Utc>) -> bool {
    match limit.nanosecond() {
        0 => order.holds(&registered_at.trunc_subsecs(0), limit),
        _ => order.holds(&registered_at, limit),
    }
}
