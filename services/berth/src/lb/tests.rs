#![allow(clippy::unwrap_used)]

use chrono::DateTime;
use proxy_gateway::overview::{ShownProxy, Standing};
use routing::action::Redirect;
use routing::health::{CheckProtocol, Matcher};
use routing::rule::{Patterns, Rule};
use routing::snapshot::{ListenerProtocol, ProtocolVersion, TargetProtocol};
use routing::{
    Action, Balancer, Condition, Forward, ForwardGroup, Health, HealthCheck, HealthReason, HealthState,
    Target,
};

use super::*;

fn arn(group: &str) -> String {
    format!("arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/{group}/73e2d6bc24d8a067")
}

fn forward(groups: &[(&str, u32)]) -> Vec<Action> {
    let groups = groups.iter().map(|(group, weight)| ForwardGroup {
        target_group: arn(group),
        weight: *weight,
    });
    vec![Action::Forward(Forward {
        groups: groups.collect(),
        group_stickiness_seconds: None,
    })]
}

fn target(address: &str, health: Health) -> Target {
    Target {
        id: address.to_owned(),
        port: 80,
        address: Some(address.parse().unwrap()),
        registered_at: DateTime::UNIX_EPOCH,
        draining_until: None,
        health,
        healthy_since: None,
    }
}

fn target_group(name: &str, targets: Vec<Target>) -> TargetGroup {
    TargetGroup {
        arn: arn(name),
        name: name.to_owned(),
        revision: 1,
        protocol: TargetProtocol::Http,
        protocol_version: ProtocolVersion::Http1,
        health_check: HealthCheck {
            enabled: true,
            protocol: CheckProtocol::Http,
            port: None,
            path: "/".to_owned(),
            interval_seconds: 30,
            timeout_seconds: 5,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: Matcher::HttpCodes(vec![200..=200]),
        },
        attributes: routing::TargetGroupAttributes::default(),
        targets,
        wake: None,
    }
}

fn patterns(value: &str) -> Patterns {
    Patterns {
        values: vec![value.to_owned()],
        regex_values: Vec::new(),
    }
}

/// A balancer with two rules, of which the first is for a beta host.
fn overview() -> Overview {
    let rule = |priority: u32, condition: Condition, actions: Vec<Action>| Rule {
        arn: format!("rule-{priority}"),
        priority,
        conditions: vec![condition],
        transforms: Vec::new(),
        actions,
    };
    let redirect = Action::Redirect(Redirect {
        status: 301,
        protocol: "HTTPS".to_owned(),
        host: "#{host}".to_owned(),
        port: "443".to_owned(),
        path: "/#{path}".to_owned(),
        query: "#{query}".to_owned(),
    });
    let listener = Listener {
        arn: "listener".to_owned(),
        port: 80,
        protocol: ListenerProtocol::Http,
        tls: None,
        attributes: routing::ListenerAttributes::default(),
        rules: vec![
            rule(
                10,
                Condition::HostHeader(patterns("beta.example")),
                forward(&[("web", 3), ("beta", 1)]),
            ),
            rule(20, Condition::PathPattern(patterns("/secure/*")), vec![redirect]),
        ],
        default_rule: "default".to_owned(),
        default_actions: forward(&[("web", 1)]),
    };
    let balancer = Balancer {
        arn: "balancer".to_owned(),
        name: "front".to_owned(),
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        kind: Kind::Application,
        number: 1,
        revision: 7,
        dns_name: "front-1.us-east-1.elb.test".to_owned(),
        created_at: DateTime::UNIX_EPOCH,
        attributes: routing::BalancerAttributes::default(),
        listeners: vec![listener],
    };
    let unhealthy = Health::because(HealthState::Unhealthy, HealthReason::Timeout);
    Overview {
        balancers: vec![ShownBalancer {
            balancer,
            listeners: vec![Standing {
                listener: "listener".to_owned(),
                proxy: "edge".to_owned(),
                revision: 7,
                addresses: vec!["127.0.64.1:80".to_owned()],
                failure: None,
            }],
        }],
        target_groups: vec![
            target_group(
                "web",
                vec![
                    target("10.0.0.1", Health::healthy()),
                    target("10.0.0.2", unhealthy),
                ],
            ),
            target_group("beta", Vec::new()),
        ],
        proxies: vec![ShownProxy {
            name: "edge".to_owned(),
            version: "0.1.0".to_owned(),
            connected_at: DateTime::UNIX_EPOCH,
            balancers: Vec::new(),
        }],
    }
}

#[test]
fn a_balancer_is_shown_with_the_address_that_works_and_what_is_wrong() {
    let text = render(&overview());
    let expected = "\
front  application  front-1.us-east-1.elb.test
  ! Target group beta has no targets: requests for it are answered with 503.
  ! 1 of 2 targets of web is unhealthy and gets no requests.

  HTTP:80  http://127.0.64.1/
    10       host is beta.example  forward to web (3 of 4), beta (1 of 4)
    20       path is /secure/*     redirect (301) to https://#{host}:443/#{path}?#{query}
    default  otherwise             forward to web

  target group beta  0 targets

  target group web  2 targets
    10.0.0.1:80  healthy
    10.0.0.2:80  unhealthy  Target.Timeout: Request timed out
";
    assert_eq!(text, expected);
    assert!(text.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn what_keeps_a_listener_from_working_is_said() {
    let mut overview = overview();
    overview.balancers[0].listeners[0].addresses.clear();
    overview.balancers[0].listeners[0].failure =
        Some("port 80 of 127.0.64.1 is taken by another process".to_owned());
    overview.target_groups[0].targets.remove(0);
    let text = render(&overview);
    for sentence in [
        "  ! Port 80 does not work on proxy edge: port 80 of 127.0.64.1 is taken by another process.\n",
        "  ! No target of web is healthy, so requests go to all of them (fail open).\n",
        "  HTTP:80  not listening\n",
    ] {
        assert!(text.contains(sentence), "{sentence}\n{text}");
    }
    overview.proxies.clear();
    overview.balancers[0].listeners.clear();
    assert!(render(&overview).contains("! No proxy is connected to the server"));
    overview.balancers.clear();
    assert_eq!(
        render(&overview),
        "There are no load balancers in this account and region.\n"
    );
}

#[test]
fn long_conditions_are_wrapped_at_a_hundred_columns() {
    let mut overview = overview();
    let values = (0..5)
        .map(|n| format!("a-rather-long-host-name-{n}.internal.example"))
        .collect();
    overview.balancers[0].balancer.listeners[0].rules[0].conditions = vec![Condition::HostHeader(Patterns {
        values,
        regex_values: Vec::new(),
    })];
    let text = render(&overview);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(
        text.contains("             → forward to web (3 of 4), beta (1 of 4)\n"),
        "{text}"
    );
}

fn traced(overview: &Overview, url: &str, headers: &[&str]) -> String {
    let headers: Vec<String> = headers.iter().map(|line| (*line).to_owned()).collect();
    let question = Question::new(url, "GET", &headers, None).unwrap();
    trace(overview, &question)
}

#[test]
fn lb30_a_trace_tells_why_each_rule_matches_or_not_and_where_it_leads() {
    let text = traced(
        &overview(),
        "http://127.0.64.1/secure/x?a=1",
        &["Host: www.example"],
    );
    let expected = "\
front (application), listener HTTP:80
       10  does not match
             no   host is beta.example  (the request has www.example)
       20  matches
             yes  path is /secure/*  (the request has /secure/x)
  default  not reached

  → redirect (301) to https://#{host}:443/#{path}?#{query}
    Location: https://www.example:443/secure/x?a=1
";
    assert_eq!(text, expected);
    let text = traced(&overview(), "beta.example", &[]);
    let expected = "\
front (application), listener HTTP:80
       10  matches
             yes  host is beta.example  (the request has beta.example)
       20  not reached
  default  not reached

  → forward to web (3 of 4), beta (1 of 4)
    target group web, 75.0 % of requests
      10.0.0.1:80  healthy
    target group beta, 25.0 % of requests
      ! It has no target that takes requests, so the answer is 503.
";
    assert_eq!(text, expected);
}

#[test]
fn a_trace_to_a_port_without_a_listener_says_which_ports_there_are() {
    let text = traced(&overview(), "http://127.0.64.1:81/", &[]);
    assert_eq!(
        text,
        "No load balancer has a listener on port 81.\n  front has HTTP:80\n"
    );
    assert!(Question::new("http://x/", "GET", &["no colon".to_owned()], None).is_err());
    assert!(Question::new("ftp://x/", "GET", &[], None).is_err());
    let text = traced(&overview(), "https://front-1.us-east-1.elb.test:80/", &[]);
    assert!(text.contains("! This listener speaks http, not https."), "{text}");
}
