//! The canonical form of an expression. It needs no more nesting than the text that was parsed.

use std::fmt::{self, Display, Formatter};

use chrono::SecondsFormat;

use super::Expression;
use super::ast::{Node, Order, Test, TextTest};

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        node(&self.root, f)
    }
}

fn node(tree: &Node, f: &mut Formatter<'_>) -> fmt::Result {
    match tree {
        Node::Any(nodes) => joined(nodes, " or ", f),
        Node::All(nodes) => joined(nodes, " and ", f),
        Node::Not(inner) => match &**inner {
            Node::Test(tested) if has_opposite(tested) => test(tested, true, f),
            inner => {
                f.write_str("not ")?;
                operand(inner, f)
            }
        },
        Node::Test(tested) => test(tested, false, f),
    }
}

fn joined(nodes: &[Node], word: &str, f: &mut Formatter<'_>) -> fmt::Result {
    for (i, child) in nodes.iter().enumerate() {
        if i > 0 {
            f.write_str(word)?;
        }
        match child {
            // `and` binds closer than `or`.
            Node::All(_) => node(child, f)?,
            _ => operand(child, f)?,
        }
    }
    Ok(())
}

fn operand(tree: &Node, f: &mut Formatter<'_>) -> fmt::Result {
    match tree {
        Node::Any(_) | Node::All(_) => {
            f.write_str("(")?;
            node(tree, f)?;
            f.write_str(")")
        }
        _ => node(tree, f),
    }
}

/// True when an operator exists for the opposite of the test.
fn has_opposite(tested: &Test) -> bool {
    match tested {
        Test::AgentConnected(text)
        | Test::Attribute(_, text)
        | Test::Ec2InstanceId(text)
        | Test::TaskGroup(text) => !matches!(text, TextTest::Ordered(..)),
        Test::AgentVersion(order, _) | Test::RegisteredAt(order, _) | Test::RunningTasksCount(order, _) => {
            *order == Order::Equal
        }
    }
}

fn test(tested: &Test, negated: bool, f: &mut Formatter<'_>) -> fmt::Result {
    match tested {
        Test::AgentConnected(test) => text("agentConnected", test, negated, f),
        Test::AgentVersion(order, version) => ordered("agentVersion", *order, version, negated, f),
        Test::Attribute(name, test) => {
            f.write_str("attribute:")?;
            text(name, test, negated, f)
        }
        Test::Ec2InstanceId(test) => text("ec2InstanceId", test, negated, f),
        Test::RegisteredAt(order, date) => {
            let date = date.to_rfc3339_opts(SecondsFormat::AutoSi, true);
            ordered("registeredAt", *order, &date, negated, f)
        }
        Test::RunningTasksCount(order, count) => ordered("runningTasksCount", *order, count, negated, f),
        Test::TaskGroup(test) => text("task:group", test, negated, f),
    }
}

fn ordered(
    subject: &str,
    order: Order,
    value: &impl Display,
    negated: bool,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    let symbol = if negated { "!=" } else { order.symbol() };
    write!(f, "{subject} {symbol} '{value}'")
}

fn text(subject: &str, test: &TextTest, negated: bool, f: &mut Formatter<'_>) -> fmt::Result {
    match test {
        TextTest::Exists => write!(f, "{subject} {}exists", if negated { "!" } else { "" }),
        TextTest::Equals(value) => ordered(subject, Order::Equal, value, negated, f),
        TextTest::Ordered(order, value) => ordered(subject, *order, value, negated, f),
        TextTest::Matches(pattern) => {
            write!(
                f,
                "{subject} {} '{}'",
                if negated { "!~" } else { "=~" },
                pattern.as_str()
            )
        }
        TextTest::In(values) => {
            write!(
                f,
                "{subject} {}in ['{}']",
                if negated { "!" } else { "" },
                values.join("', '")
            )
        }
    }
}
