//! Rules as clients meet them (LB-30, LB-31).

#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use proptest::prelude::*;
use routing::matcher::{Compiled, RequestFacts, host_of};
use routing::rule::{Patterns, QueryPair};
use routing::snapshot::ListenerProtocol;
use routing::{Condition, Listener, ListenerAttributes, Rule};

fn listener(rules: Vec<Vec<Condition>>) -> Listener {
    let rules = rules.into_iter().enumerate().map(|(at, conditions)| Rule {
        arn: format!("rule-{at}"),
        priority: at as u32 + 1,
        conditions,
        transforms: Vec::new(),
        actions: Vec::new(),
    });
    Listener {
        arn: "listener".into(),
        port: 80,
        protocol: ListenerProtocol::Http,
        tls: None,
        attributes: ListenerAttributes::default(),
        rules: rules.collect(),
        default_rule: "default".into(),
        default_actions: Vec::new(),
    }
}

fn patterns(values: &[&str]) -> Patterns {
    Patterns {
        values: values.iter().map(|value| value.to_string()).collect(),
        regex_values: Vec::new(),
    }
}

fn host(values: &[&str]) -> Condition {
    Condition::HostHeader(patterns(values))
}

fn path(values: &[&str]) -> Condition {
    Condition::PathPattern(patterns(values))
}

struct Request {
    host: &'static str,
    url: &'static str,
    method: &'static str,
    headers: Vec<(String, String)>,
    peer: IpAddr,
}

fn get(host: &'static str, url: &'static str) -> Request {
    Request {
        host,
        url,
        method: "GET",
        headers: Vec::new(),
        peer: "192.0.2.1".parse().unwrap(),
    }
}

/// Place of the rule that wins.
fn winner(listener: &Listener, request: &Request) -> Option<usize> {
    let (path, query) = match request.url.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (request.url, None),
    };
    let facts = RequestFacts {
        host: request.host,
        path,
        query,
        method: request.method,
        headers: &request.headers,
        peer: request.peer,
    };
    let compiled = Compiled::new(listener);
    let matched = compiled.choose(&facts).rule;
    let explained = compiled.explain(listener, &facts);
    assert_eq!(
        explained
            .iter()
            .find(|verdict| verdict.matches())
            .map(|verdict| verdict.rule),
        matched
    );
    matched
}

#[test]
fn lb30_the_first_rule_in_order_whose_conditions_all_match_wins() {
    let listener = listener(vec![
        vec![host(&["a.example.com"]), path(&["/api/*"])],
        vec![path(&["/api/*"])],
        vec![host(&["a.example.com"])],
    ]);
    assert_eq!(winner(&listener, &get("a.example.com", "/api/x")), Some(0));
    assert_eq!(winner(&listener, &get("b.example.com", "/api/x")), Some(1));
    assert_eq!(winner(&listener, &get("A.Example.com", "/")), Some(2));
    assert_eq!(winner(&listener, &get("b.example.com", "/API/x")), None);
}

#[test]
fn lb31_hosts_ignore_case_and_paths_do_not() {
    let listener = listener(vec![vec![host(&["*.Example.com"]), path(&["/A"])]]);
    assert_eq!(winner(&listener, &get("www.EXAMPLE.com", "/A")), Some(0));
    assert_eq!(winner(&listener, &get("www.example.com", "/a")), None);
}

#[test]
fn lb31_headers_methods_queries_and_sources_are_looked_at() {
    let header = Condition::HttpHeader {
        name: "User-Agent".into(),
        patterns: patterns(&["*chrome*", "*safari*"]),
    };
    let method = Condition::HttpRequestMethod {
        values: vec!["PUT".into()],
    };
    let pair = |key: Option<&str>, value: &str| QueryPair {
        key: key.map(str::to_owned),
        value: value.into(),
    };
    let query = Condition::QueryString {
        values: vec![pair(Some("version"), "v1"), pair(None, "*example*")],
    };
    let source = Condition::SourceIp {
        values: vec!["192.0.2.0/24".into(), "2001:db8::/32".into()],
    };
    let listener = listener(vec![vec![header], vec![method], vec![query], vec![source]]);
    let elsewhere: IpAddr = "198.51.100.1".parse().unwrap();
    let mut request = get("h", "/");
    request.headers = vec![("user-agent".into(), "Mozilla CHROME/1".into())];
    assert_eq!(winner(&listener, &request), Some(0));
    let put = Request {
        method: "PUT",
        ..get("h", "/")
    };
    assert_eq!(winner(&listener, &put), Some(1));
    assert_eq!(winner(&listener, &get("h", "/?a=b&VERSION=V1")), Some(2));
    assert_eq!(winner(&listener, &get("h", "/?q=an%20example")), Some(2));
    assert_eq!(winner(&listener, &get("h", "/?version=v2")), Some(3));
    assert_eq!(
        winner(
            &listener,
            &Request {
                peer: elsewhere,
                ..get("h", "/")
            }
        ),
        None
    );
}

#[test]
fn lb31_regular_expressions_match_and_broken_ones_never_do() {
    let regex = |value: &str| {
        Condition::PathPattern(Patterns {
            values: Vec::new(),
            regex_values: vec![value.into()],
        })
    };
    let listener = listener(vec![vec![regex("(")], vec![regex("^/v[0-9]+/")]]);
    assert_eq!(winner(&listener, &get("h", "/v12/x")), Some(1));
    assert_eq!(winner(&listener, &get("h", "/vx/x")), None);
}

#[test]
fn lb31_a_thousand_rules_are_not_looked_at_one_by_one() {
    let rules = (0..1000).map(|number| vec![host(&["a.com"]), path(&[&format!("/r{number}/*")])]);
    let listener = listener(rules.collect());
    let facts = RequestFacts {
        host: "a.com",
        path: "/r999/x",
        query: None,
        method: "GET",
        headers: &Vec::new(),
        peer: "192.0.2.1".parse().unwrap(),
    };
    let matched = Compiled::new(&listener).choose(&facts);
    assert_eq!((matched.rule, matched.evaluated), (Some(999), 1));
}

#[test]
fn the_port_is_no_part_of_the_host() {
    for (authority, expected) in [
        ("example.com:8080", "example.com"),
        ("example.com", "example.com"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        ("", ""),
        ("a:b", "a:b"),
    ] {
        assert_eq!(host_of(authority), expected);
    }
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let hosts = prop::collection::vec(
        prop::sample::select(vec!["a.com", "B.com", "*.com", "a.c?m"]),
        1..3,
    );
    let paths = prop::collection::vec(
        prop::sample::select(vec!["/a", "/a/*", "/a*", "/b/c", "*", "/", "/*", "/a/?", ""]),
        1..3,
    );
    prop_oneof![
        hosts.prop_map(|values| host(&values)),
        paths.prop_map(|values| path(&values)),
        Just(Condition::HttpRequestMethod {
            values: vec!["PUT".into()]
        }),
    ]
}

proptest! {
    #[test]
    fn lb30_the_index_finds_what_looking_at_every_rule_finds(
        rules in prop::collection::vec(prop::collection::vec(any_condition(), 0..3), 0..12),
        host in prop::sample::select(vec!["a.com", "A.com", "b.com", "x.org", ""]),
        url in prop::sample::select(vec!["/", "/a", "/a/", "/a/b", "/ab", "/b/c", "/b", "", "*", "/a/b/c?x"]),
    ) {
        // `winner` compares with the explanation, which looks at every rule.
        winner(&listener(rules), &get(host, url));
    }

    #[test]
    fn nothing_that_clients_send_makes_the_matcher_panic(host in any::<String>(), path in any::<String>(), query in any::<String>()) {
        let pair = QueryPair { key: Some("k*".into()), value: "?v*".into() };
        let listener = listener(vec![vec![Condition::QueryString { values: vec![pair] }], vec![self::path(&["/é*"])]]);
        let facts = RequestFacts {
            host: host_of(&host),
            path: &path,
            query: Some(&query),
            method: "GET",
            headers: &Vec::new(),
            peer: "192.0.2.1".parse().unwrap(),
        };
        Compiled::new(&listener).choose(&facts);
    }
}
