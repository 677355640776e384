//! What an expression is made of. Negative operators are a `Not` around the positive test.

use chrono::{DateTime, Utc};

use super::pattern::Pattern;
use super::version::Version;

/// A node of the tree. `All` and `Any` have at least two children, none of their own kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(Test),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    AgentConnected(TextTest),
    AgentVersion(Order, Version),
    Attribute(String, TextTest),
    Ec2InstanceId(TextTest),
    RegisteredAt(Order, DateTime<Utc>),
    RunningTasksCount(Order, i64),
    TaskGroup(TextTest),
}

/// A test of a text. With the subject absent it is false.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TextTest {
    Exists,
    Equals(String),
    In(Vec<String>),
    Matches(Pattern),
    /// Never [`Order::Equal`].
    Ordered(Order, String),
}

/// How two ordered things have to stand to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    /// True when `left <order> right`.
    pub(crate) fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Order::Equal => left == right,
            Order::Less => left < right,
            Order::LessOrEqual => left <= right,
            Order::Greater => left > right,
            Order::GreaterOrEqual => left >= right,
        }
    }

    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Order::Equal => "==",
            Order::Less => "<",
            Order::LessOrEqual => "<=",
            Order::Greater => ">",
            Order::GreaterOrEqual => ">=",
        }
    }
}

impl TextTest {
    /// True when a subject with this value passes; `None` is present but without value.
    pub(crate) fn holds(&self, value: Option<&str>) -> bool {
        let Some(value) = value else {
            return *self == TextTest::Exists;
        };
        match self {
            TextTest::Exists => true,
            TextTest::Equals(wanted) => value == wanted,
            TextTest::In(wanted) => wanted.iter().any(|w| w == value),
            TextTest::Matches(pattern) => pattern.matches(value),
            TextTest::Ordered(order, limit) => match (number(value), number(limit)) {
                (Some(left), Some(right)) => order.holds(&left, &right),
                _ => order.holds(&value, &limit.as_str()),
            },
        }
    }
}

impl Node {
    /// The negation, without piling up double negations of single tests.
    pub(crate) fn negated(self) -> Node {
        match self {
            Node::Not(inner) => *inner,
            other => Node::Not(Box::new(other)),
        }
    }

    /// All of the nodes, which are at least one; nested conjunctions become one.
    pub(crate) fn all(nodes: Vec<Node>) -> Node {
        join(nodes, Node::All, |node| match node {
            Node::All(inner) => Ok(inner),
            other => Err(other),
        })
    }

    /// Any of the nodes, which are at least one; nested disjunctions become one.
    pub(crate) fn any(nodes: Vec<Node>) -> Node {
        join(nodes, Node::Any, |node| match node {
            Node::Any(inner) => Ok(inner),
            other => Err(other),
        })
    }
}

fn join(nodes: Vec<Node>, make: fn(Vec<Node>) -> Node, open: fn(Node) -> Result<Vec<Node>, Node>) -> Node {
    let mut flat = Vec::with_capacity(nodes.len());
    for node in nodes {
        match open(node) {
            Ok(inner) => flat.extend(inner),
            Err(other) => flat.push(other),
        }
    }
    match flat.len() {
        1 => flat.remove(0),
        _ => make(flat),
    }
}

/// A plain decimal number: digits, at most one point, perhaps a sign. Not what `f64` reads besides (`inf`, `1e3`).
fn number(text: &str) -> Option<f64> {
    let plain = text
        .bytes()
        .enumerate()
        .all(|(i, b)| b.is_ascii_digit() || b == b'.' || (i == 0 && (b == b'-' || b == b'+')));
    if plain { text.parse().ok() } else { None }
}
