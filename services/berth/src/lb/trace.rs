//! `berth lb trace URL`: which listener a request meets, why each rule does or does not match, and where the winner leads.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, bail};
use proxy_gateway::overview::{Overview, ShownBalancer};
use routing::matcher::{Compiled, RequestFacts, RuleVerdict, host_of};
use routing::snapshot::ListenerProtocol;
use routing::{Action, Forward, HealthState, Kind, Listener, Target, TargetGroup};

use super::layout::Page;
use super::table::in_words;
use super::{WRONG, addresses, group, group_name, kind, protocol};

/// A request that might be sent.
#[derive(Debug, Clone)]
pub struct Question {
    pub scheme: String,
    /// Where the connection goes: an address, a balancer's name, or whatever name leads to one.
    pub place: String,
    pub port: u16,
    /// What the request says of it; with its port, if one was given.
    pub authority: String,
    pub path: String,
    pub query: Option<String>,
    pub method: String,
    pub headers: Vec<(String, String)>,
    /// Of the connection.
    pub source: IpAddr,
}

impl Question {
    /// Reads a URL (`http://` if nothing else is said), headers written as `Name: value`, and a source address; the machine's own if
    /// none is given.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn new(url: &str, method: &str, headers: &[String], source: Option<IpAddr>) -> anyhow::Result<Self> {
        let full = match url.contains("://") {
            true => url.to_owned(),
            false => format!("http://{url}"),
        };
        let uri: http::Uri = full.parse().with_context(|| format!("{url} is no URL"))?;
        let scheme = uri.scheme_str().unwrap_or("http").to_lowercase();
        let Some(authority) = uri.authority() else {
            bail!("{url} names no host");
        };
        let implied = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            other => bail!("a request is traced by http:// or https://, not by {other}://"),
        };
        let headers = headers.iter().map(|line| {
            let (name, value) = line
                .split_once(':')
                .with_context(|| format!("a header is written as 'Name: value', not as '{line}'"))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        });
        let headers: Vec<(String, String)> = headers.collect::<anyhow::Result<_>>()?;
        let given_host = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        Ok(Self {
            place: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(implied),
            authority: given_host.map_or_else(|| authority.to_string(), |(_, host)| host.clone()),
            scheme,
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            method: method.to_owned(),
            headers,
            source: source.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        })
    }

    fn host(&self) -> &str {
        host_of(&self.authority)
    }
}

/// The explanation as it is printed.
pub fn trace(overview: &Overview, question: &Question) -> String {
    let mut page = Page::default();
    let met = meeting(overview, question);
    if met.is_empty() {
        nothing_there(&mut page, overview, question);
        return page.into_text();
    }
    if met.len() > 1 {
        page.line(
            0,
            &format!(
                "{} leads to no load balancer by itself; each that has a listener on port {} is shown.",
                question.place, question.port
            ),
        );
        page.empty();
    }
    for (place, (shown, listener)) in met.into_iter().enumerate() {
        if place > 0 {
            page.empty();
        }
        explain(&mut page, overview, question, shown, listener);
    }
    page.into_text()
}

/// The listeners that a connection to this place may meet: those of the balancer that has the address or name, else all on the port.
fn meeting<'a>(overview: &'a Overview, question: &Question) -> Vec<(&'a ShownBalancer, &'a Listener)> {
    let place = question.place.as_str();
    let on_port: Vec<(&ShownBalancer, &Listener)> = overview
        .balancers
        .iter()
        .flat_map(|shown| {
            shown
                .balancer
                .listeners
                .iter()
                .map(move |listener| (shown, listener))
        })
        .filter(|(_, listener)| listener.port == question.port)
        .collect();
    let is_at = |(shown, listener): &&(&ShownBalancer, &Listener)| {
        let balancer = &shown.balancer;
        let named = [&balancer.name, &balancer.dns_name, &balancer.arn]
            .into_iter()
            .any(|name| name.eq_ignore_ascii_case(place));
        let ip: Option<IpAddr> = place.trim_matches(['[', ']']).parse().ok();
        let mut sockets = addresses(shown, listener).filter_map(|address| address.parse::<SocketAddr>().ok());
        named || ip.is_some_and(|ip| sockets.any(|socket| socket.ip() == ip))
    };
    let exact: Vec<(&ShownBalancer, &Listener)> = on_port.iter().filter(is_at).copied().collect();
    if exact.is_empty() { on_port } else { exact }
}

fn nothing_there(page: &mut Page, overview: &Overview, question: &Question) {
    page.line(
        0,
        &format!("No load balancer has a listener on port {}.", question.port),
    );
    for shown in &overview.balancers {
        let ports: Vec<String> = shown
            .balancer
            .listeners
            .iter()
            .map(|listener| format!("{}:{}", protocol(listener), listener.port))
            .collect();
        let ports = match ports.is_empty() {
            true => "no listeners".to_owned(),
            false => ports.join(", "),
        };
        page.line(2, &format!("{} has {ports}", shown.balancer.name));
    }
}

fn explain(
    page: &mut Page,
    overview: &Overview,
    question: &Question,
    shown: &ShownBalancer,
    listener: &Listener,
) {
    let balancer = &shown.balancer;
    page.line(
        0,
        &format!(
            "{} ({}), listener {}:{}",
            balancer.name,
            kind(balancer.kind),
            protocol(listener),
            listener.port
        ),
    );
    if addresses(shown, listener).next().is_none() {
        page.line(2, &format!("{WRONG}No proxy listens on this port now."));
    }
    if balancer.kind == Kind::Network {
        page.line(
            2,
            "A network load balancer looks at no request: every connection is forwarded.",
        );
        lead(page, overview, question, &listener.default_actions);
        return;
    }
    let speaks_tls = listener.protocol == ListenerProtocol::Https;
    if speaks_tls != (question.scheme == "https") {
        let wanted = if speaks_tls { "https" } else { "http" };
        page.line(
            2,
            &format!("{WRONG}This listener speaks {wanted}, not {}.", question.scheme),
        );
    }
    let facts = RequestFacts {
        host: question.host(),
        path: &question.path,
        query: question.query.as_deref(),
        method: &question.method,
        headers: &question.headers,
        peer: question.source,
    };
    let verdicts = Compiled::new(listener).explain(listener, &facts);
    let winner = verdicts
        .iter()
        .find(|verdict| verdict.matches())
        .map(|verdict| verdict.rule);
    for verdict in &verdicts {
        rule(page, listener, verdict, winner);
    }
    match winner {
        Some(place) => {
            page.line(2, "default  not reached");
            lead(page, overview, question, &listener.rules[place].actions);
        }
        None => {
            page.line(2, "default  is taken, since no rule matches");
            lead(page, overview, question, &listener.default_actions);
        }
    }
}

fn rule(page: &mut Page, listener: &Listener, verdict: &RuleVerdict, winner: Option<usize>) {
    let priority = listener.rules[verdict.rule].priority;
    if winner.is_some_and(|winner| winner < verdict.rule) {
        page.line(2, &format!("{priority:7}  not reached"));
        return;
    }
    let outcome = if verdict.matches() {
        "matches"
    } else {
        "does not match"
    };
    page.line(2, &format!("{priority:7}  {outcome}"));
    for condition in &verdict.conditions {
        let sign = if condition.matches { "yes" } else { "no " };
        page.line(
            13,
            &format!(
                "{sign}  {}  (the request has {})",
                condition.condition, condition.found
            ),
        );
    }
}

/// Where the actions lead.
fn lead(page: &mut Page, overview: &Overview, question: &Question, actions: &[Action]) {
    page.empty();
    page.line(2, &format!("→ {}", in_words(actions)));
    for action in actions {
        match action {
            Action::Forward(forward) => forwarded(page, overview, forward),
            Action::Redirect(redirect) => {
                let (host, port) = (question.host(), question.port.to_string());
                let filled = |text: &str| {
                    text.replace("#{protocol}", &question.scheme.to_uppercase())
                        .replace("#{host}", host)
                        .replace("#{port}", &port)
                        .replace("#{path}", question.path.trim_start_matches('/'))
                        .replace("#{query}", question.query.as_deref().unwrap_or_default())
                };
                let query = filled(&redirect.query);
                let mark = if query.is_empty() { "" } else { "?" };
                page.line(
                    4,
                    &format!(
                        "Location: {}://{}:{}{}{mark}{query}",
                        filled(&redirect.protocol).to_lowercase(),
                        filled(&redirect.host),
                        filled(&redirect.port),
                        filled(&redirect.path)
                    ),
                );
            }
            Action::FixedResponse(_) | Action::AuthenticateOidc(_) | Action::JwtValidation(_) => {}
        }
    }
}

fn forwarded(page: &mut Page, overview: &Overview, forward: &Forward) {
    let sum: u32 = forward.groups.iter().map(|group| group.weight).sum();
    if sum == 0 {
        page.line(4, &format!("{WRONG}Every weight is 0, so the answer is 503."));
    }
    for chosen in &forward.groups {
        let share = match (sum, forward.groups.len()) {
            (0, _) | (_, 1) => String::new(),
            _ => format!(
                ", {:.1} % of requests",
                f64::from(chosen.weight) / f64::from(sum) * 100.0
            ),
        };
        page.line(
            4,
            &format!("target group {}{share}", group_name(&chosen.target_group)),
        );
        match group(overview, &chosen.target_group) {
            Some(group) => candidates(page, group),
            None => page.line(
                6,
                &format!("{WRONG}No proxy can serve this group, so the answer is 503."),
            ),
        }
    }
}

/// The targets that may get the request, as proxies choose them (LB-18).
fn candidates(page: &mut Page, group: &TargetGroup) {
    let taking: Vec<&Target> = group
        .targets
        .iter()
        .filter(|target| target.draining_until.is_none() && target.address.is_some())
        .collect();
    if taking.is_empty() {
        return page.line(
            6,
            &format!("{WRONG}It has no target that takes requests, so the answer is 503."),
        );
    }
    let healthy = |target: &&&Target| {
        matches!(
            target.health.state,
            HealthState::Healthy | HealthState::Unavailable
        )
    };
    let count = taking.iter().filter(healthy).count();
    let attributes = &group.attributes;
    let enough = count >= attributes.minimum_healthy_count as usize
        && attributes
            .minimum_healthy_percent
            .is_none_or(|percent| count * 100 >= taking.len() * percent as usize);
    let chosen: Vec<&Target> = match enough {
        true => taking.iter().filter(healthy).copied().collect(),
        false => {
            page.line(
                6,
                "Too few targets are healthy, so all of them are candidates (fail open):",
            );
            taking
        }
    };
    let rows: Vec<Vec<String>> = chosen
        .iter()
        .filter_map(|target| {
            let state = target.health.state.name().to_owned();
            Some(vec![target.socket()?.to_string(), state])
        })
        .collect();
    page.rows(6, &rows);
}
