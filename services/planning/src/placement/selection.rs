//! Expressions of the query language on all hosts at once, as algebra of sets.

use crate::query::{Expression, Node, Test, TextTest, date_holds, version_holds};

use super::bits::Bits;
use super::column::Column;
use super::index::Index;

impl Index {
    /// Keeps the hosts for which the expression is true.
    pub(super) fn retain_matching(&self, expression: &Expression, hosts: &mut Bits) {
        self.narrow(expression.root(), hosts);
    }

    fn narrow(&self, node: &Node, hosts: &mut Bits) {
        match node {
            Node::All(nodes) => nodes.iter().for_each(|node| self.narrow(node, hosts)),
            Node::Any(nodes) => {
                let mut passing = Bits::default();
                for node in nodes {
                    let mut rest = hosts.clone();
                    rest.subtract(&passing);
                    self.narrow(node, &mut rest);
                    passing.unite(&rest);
                }
                *hosts = passing;
            }
            Node::Not(node) => {
                let mut failing = hosts.clone();
                self.narrow(node, &mut failing);
                hosts.subtract(&failing);
            }
            Node::Test(test) => self.narrow_by(test, hosts),
        }
    }

    fn narrow_by(&self, test: &Test, hosts: &mut Bits) {
        match test {
            Test::AgentConnected(test) => {
                if !test.holds(Some("false")) {
                    hosts.intersect(&self.connected);
                }
                if !test.holds(Some("true")) {
                    hosts.subtract(&self.connected);
                }
            }
            Test::AgentVersion(order, limit) => {
                self.agent_versions
                    .retain(hosts, |version| version_holds(*order, limit, version));
            }
            Test::Attribute(name, test) => narrow_by_text(self.attribute(name), test, hosts),
            Test::Ec2InstanceId(test) => narrow_by_text(Some(&self.ec2_instance_ids), test, hosts),
            Test::RegisteredAt(order, limit) => {
                hosts.retain(&self.registered_at, |at| date_holds(*order, limit, *at));
            }
            Test::RunningTasksCount(order, limit) => {
                hosts.retain(&self.running_tasks, |count| order.holds(count, limit));
            }
            Test::TaskGroup(test) => self.narrow_by_group(test, hosts),
        }
    }

    fn narrow_by_group(&self, test: &TextTest, hosts: &mut Bits) {
        let mut passing = Bits::default();
        let mut add = |tasks: &[(u32, u32)]| tasks.iter().for_each(|(slot, _)| passing.set(*slot, true));
        match test {
            TextTest::Equals(group) => add(self.groups.of(group)),
            TextTest::In(groups) => groups.iter().for_each(|group| add(self.groups.of(group))),
            _ => self
                .groups
                .groups()
                .filter(|(group, _)| test.holds(Some(group)))
                .for_each(|(_, tasks)| add(tasks)),
        }
        hosts.intersect(&passing);
    }
}

fn narrow_by_text(column: Option<&Column>, test: &TextTest, hosts: &mut Bits) {
    let Some(column) = column else {
        hosts.clear();
        return;
    };
    match test {
        TextTest::Exists => hosts.intersect(column.present()),
        TextTest::Equals(value) => column.retain_equal(value, hosts),
        _ => column.retain(hosts, |value| test.holds(value)),
    }
}
