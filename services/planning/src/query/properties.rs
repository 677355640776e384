#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use super::tests::Instance;
use super::{Expression, MAX_LENGTH};

const WORDS: [&str; 6] = ["a", "b", "10", "9", "service:web", "in good order"];

/// An expression as its author thinks of it: what to write, and how it comes out by the plainest reading.
#[derive(Debug, Clone)]
enum Wish {
    And(Box<Wish>, Box<Wish>, &'static str),
    Or(Box<Wish>, Box<Wish>, &'static str),
    Not(Box<Wish>, &'static str),
    Attribute(&'static str, Check),
    Group(Check),
    Connected(bool, bool),
    Ec2(Check),
    Count(&'static str, i64),
    Version(&'static str, u8, u8),
    Registered(&'static str, i64),
}

#[derive(Debug, Clone)]
enum Check {
    Exists(bool),
    Equals(bool, &'static str),
    In(bool, Vec<&'static str>),
    Starts(bool, &'static str),
}

impl Check {
    fn text(&self) -> String {
        match self {
            Check::Exists(true) => " exists".to_owned(),
            Check::Exists(false) => " !exists".to_owned(),
            Check::Equals(true, value) => format!("=='{value}'"),
            Check::Equals(false, value) => format!(" not_equals '{value}'"),
            Check::In(true, values) => format!(" in ['{}']", values.join("' , '")),
            Check::In(false, values) => format!(" !in['{}']", values.join("','")),
            Check::Starts(true, start) => format!("=~'{start}.*'"),
            Check::Starts(false, start) => format!(" not_matches '{start}.*'"),
        }
    }

    fn holds(&self, values: &[Option<&str>]) -> bool {
        match self {
            Check::Exists(sign) => *sign != values.is_empty(),
            Check::Equals(sign, value) => *sign == values.contains(&Some(*value)),
            Check::In(sign, wanted) => *sign == wanted.iter().any(|value| values.contains(&Some(*value))),
            Check::Starts(sign, start) => *sign == values.iter().flatten().any(|v| v.starts_with(*start)),
        }
    }
}

impl Wish {
    fn text(&self) -> String {
        match self {
            Wish::And(left, right, word) | Wish::Or(left, right, word) => {
                format!("({}) {word} ({})", left.text(), right.text())
            }
            Wish::Not(inner, word) => format!("{word}({})", inner.text()),
            Wish::Attribute(name, check) => format!("attribute:{name}{}", check.text()),
            Wish::Group(check) => format!("task:group{}", check.text()),
            Wish::Connected(true, value) => format!("agentConnected=={value}"),
            Wish::Connected(false, value) => format!("agentConnected not_in [{value}]"),
            Wish::Ec2(check) => format!("ec2InstanceId{}", check.text()),
            Wish::Count(operator, count) => format!("runningTasksCount {operator} {count}"),
            Wish::Version(operator, major, minor) => format!("agentVersion{operator}{major}.{minor}.0"),
            Wish::Registered(operator, at) => {
                format!(
                    "registeredAt{operator}{}",
                    DateTime::from_timestamp(*at, 0).unwrap().to_rfc3339()
                )
            }
        }
    }

    fn holds(&self, on: &Instance) -> bool {
        match self {
            Wish::And(left, right, _) => left.holds(on) && right.holds(on),
            Wish::Or(left, right, _) => left.holds(on) || right.holds(on),
            Wish::Not(inner, _) => !inner.holds(on),
            Wish::Attribute(name, check) => check.holds(
                &on.attributes
                    .get(*name)
                    .map(Option::as_deref)
                    .into_iter()
                    .collect::<Vec<_>>(),
            ),
            Wish::Group(check) => {
                check.holds(&on.groups.iter().map(|g| Some(g.as_str())).collect::<Vec<_>>())
            }
            Wish::Connected(sign, value) => *sign == (on.connected == *value),
            Wish::Ec2(check) => check.holds(&on.ec2.iter().map(|id| Some(id.as_str())).collect::<Vec<_>>()),
            Wish::Count(operator, count) => compare(&on.running, operator, count),
            Wish::Version(operator, major, minor) => match &on.version {
                Some(version) => {
                    let (own_major, own_minor) = version.split_once('.').unwrap();
                    let own: (u8, u8) = (own_major.parse().unwrap(), own_minor.parse().unwrap());
                    compare(&own, operator, &(*major, *minor))
                }
                None => *operator == "!=",
            },
            Wish::Registered(operator, at) => compare(&on.registered_at.timestamp(), operator, at),
        }
    }
}

fn compare<T: PartialOrd>(left: &T, operator: &str, right: &T) -> bool {
    match operator {
        "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        _ => left >= right,
    }
}

fn operator() -> impl Strategy<Value = &'static str> {
    select(&["==", "!=", "<", "<=", ">", ">="][..])
}

fn text_check() -> impl Strategy<Value = Check> {
    let word = select(&WORDS[..]);
    prop_oneof![
        (any::<bool>(), word.clone()).prop_map(|(sign, w)| Check::Equals(sign, w)),
        (any::<bool>(), vec(word.clone(), 1..3)).prop_map(|(sign, w)| Check::In(sign, w)),
        (any::<bool>(), word).prop_map(|(sign, w)| Check::Starts(sign, w)),
    ]
}

fn free_check() -> impl Strategy<Value = Check> {
    prop_oneof![1 => any::<bool>().prop_map(Check::Exists), 3 => text_check()]
}

fn wish() -> impl Strategy<Value = Wish> {
    let leaf = prop_oneof![
        4 => (select(&["x", "y", "z.a-b/c"][..]), free_check()).prop_map(|(n, c)| Wish::Attribute(n, c)),
        2 => free_check().prop_map(Wish::Group),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(s, v)| Wish::Connected(s, v)),
        1 => text_check().prop_map(Wish::Ec2),
        1 => (operator(), 0..4_i64).prop_map(|(o, c)| Wish::Count(o, c)),
        1 => (operator(), 0..3_u8, 0..12_u8).prop_map(|(o, a, b)| Wish::Version(o, a, b)),
        1 => (operator(), 0..3_i64).prop_map(|(o, t)| Wish::Registered(o, t)),
    ];
    leaf.prop_recursive(5, 24, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            (pair.clone(), select(&["and", "&&"][..])).prop_map(|((l, r), w)| Wish::And(
                Box::new(l),
                Box::new(r),
                w
            )),
            (pair, select(&["or", "||"][..])).prop_map(|((l, r), w)| Wish::Or(Box::new(l), Box::new(r), w)),
            (inner, select(&["not", "!", "not "][..])).prop_map(|(i, w)| Wish::Not(Box::new(i), w)),
        ]
    })
}

fn word() -> impl Strategy<Value = String> {
    select(&WORDS[..]).prop_map(str::to_owned)
}

fn instance() -> impl Strategy<Value = Instance> {
    let attributes = btree_map(
        select(&["x", "y", "z.a-b/c"][..]).prop_map(str::to_owned),
        proptest::option::of(word()),
        0..4,
    );
    let version = proptest::option::of((0..3_u8, 0..12_u8).prop_map(|(a, b)| format!("{a}.{b}")));
    let rest = (
        proptest::option::of(word()),
        0..3_i64,
        0..4_i64,
        vec(word(), 0..3),
    );
    (any::<bool>(), version, attributes, rest).prop_map(
        |(connected, version, attributes, (ec2, at, running, groups)): (_, _, BTreeMap<_, _>, _)| Instance {
            connected,
            version,
            attributes,
            ec2,
            registered_at: DateTime::<Utc>::from_timestamp(at, 500_000_000).unwrap(),
            running,
            groups,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn evaluation_agrees_with_the_plainest_reading(wish in wish(), on in vec(instance(), 1..6)) {
        let text = wish.text();
        prop_assume!(text.chars().count() <= MAX_LENGTH);
        let expression = Expression::parse(&text).unwrap();
        for instance in &on {
            prop_assert_eq!(expression.matches(instance), wish.holds(instance), "{} on {:?}", text, instance);
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same(wish in wish()) {
        let expression = Expression::parse(&wish.text()).unwrap();
        let printed = expression.to_string();
        let again = Expression::parse(&printed).unwrap();
        prop_assert_eq!(&again, &expression, "{}", &printed);
        prop_assert_eq!(again.to_string(), printed);
    }

    #[test]
    fn p22_no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Expression::parse(&text);
    }

    #[test]
    fn p22_no_shuffle_of_tokens_makes_the_parser_panic(
        tokens in vec(select(&[
            "attribute:a", "task:group", "agentVersion", "registeredAt", "runningTasksCount", "agentConnected",
            "==", "=~", "!", "!~", "in", "not", "and", "||", "(", ")", "[", "]", ",", "'", "exists", "1.0", "ä", "a.*", "\\",
        ][..]), 0..24),
        blanks in any::<bool>(),
    ) {
        let text = tokens.join(if blanks { " " } else { "" });
        match Expression::parse(&text) {
            Ok(expression) => prop_assert_eq!(&Expression::parse(&expression.to_string()).unwrap(), &expression),
            Err(error) => prop_assert!(error.position <= text.chars().count() + 1),
        }
    }
}
