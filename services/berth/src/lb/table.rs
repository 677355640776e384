//! `berth lb`: each balancer with its listeners, rules in order, target groups and targets, and what is wrong.

use std::collections::BTreeSet;

use proxy_gateway::overview::{Overview, ShownBalancer};
use routing::{Action, Listener, TargetGroup};

use super::layout::Page;
use super::{WRONG, addresses, faults, group, group_name, kind, protocol, url};

/// The page as it is printed.
pub fn render(overview: &Overview) -> String {
    let mut page = Page::default();
    if overview.balancers.is_empty() {
        page.line(0, "There are no load balancers in this account and region.");
        return page.into_text();
    }
    for (place, shown) in overview.balancers.iter().enumerate() {
        if place > 0 {
            page.empty();
        }
        balancer(&mut page, overview, shown);
    }
    page.into_text()
}

fn balancer(page: &mut Page, overview: &Overview, shown: &ShownBalancer) {
    let balancer = &shown.balancer;
    page.line(
        0,
        &format!(
            "{}  {}  {}",
            balancer.name,
            kind(balancer.kind),
            balancer.dns_name
        ),
    );
    for fault in faults::of_balancer(overview, shown) {
        page.line(2, &format!("{WRONG}{fault}"));
    }
    for listener in &balancer.listeners {
        page.empty();
        listener_with_rules(page, shown, listener);
    }
    let named: BTreeSet<&str> = balancer.listeners.iter().flat_map(faults::groups_of).collect();
    for arn in named {
        page.empty();
        match group(overview, arn) {
            Some(group) => target_group(page, group),
            None => page.line(2, &format!("target group {}", group_name(arn))),
        }
    }
}

fn listener_with_rules(page: &mut Page, shown: &ShownBalancer, listener: &Listener) {
    let works: BTreeSet<String> = addresses(shown, listener)
        .map(|address| url(listener, address))
        .collect();
    let state = match works.is_empty() {
        true => "not listening".to_owned(),
        false => works.into_iter().collect::<Vec<_>>().join(" "),
    };
    page.line(2, &format!("{}:{}  {state}", protocol(listener), listener.port));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for rule in &listener.rules {
        let conditions: Vec<String> = rule.conditions.iter().map(ToString::to_string).collect();
        rows.push(vec![
            rule.priority.to_string(),
            either(conditions.join(" and "), "always"),
            in_words(&rule.actions),
        ]);
    }
    rows.push(vec![
        "default".to_owned(),
        "otherwise".to_owned(),
        in_words(&listener.default_actions),
    ]);
    let widest = rows
        .iter()
        .map(|row| row[1].chars().count())
        .max()
        .unwrap_or_default();
    // Conditions may be long: then each action has a line of its own.
    if widest <= 48 {
        page.rows(4, &rows);
    } else {
        for row in rows {
            page.line(4, &format!("{:7}  {}", row[0], row[1]));
            page.line(13, &format!("→ {}", row[2]));
        }
    }
}

fn either(text: String, otherwise: &str) -> String {
    if text.is_empty() {
        otherwise.to_owned()
    } else {
        text
    }
}

/// Actions in the order in which they are carried out.
pub(super) fn in_words(actions: &[Action]) -> String {
    let words: Vec<String> = actions.iter().map(ToString::to_string).collect();
    words.join(", then ")
}

fn target_group(page: &mut Page, group: &TargetGroup) {
    let count = match group.targets.len() {
        1 => "1 target".to_owned(),
        count => format!("{count} targets"),
    };
    page.line(2, &format!("target group {}  {count}", group.name));
    let rows: Vec<Vec<String>> = group
        .targets
        .iter()
        .map(|target| {
            let place = match target.socket() {
                Some(socket) if socket.ip().to_string() == target.id => socket.to_string(),
                Some(socket) => format!("{} ({socket})", target.id),
                None => format!("{}:{}", target.id, target.port),
            };
            let reason = match (target.health.reason, &target.health.description) {
                (Some(reason), Some(description)) => format!("{}: {description}", reason.name()),
                (Some(reason), None) => reason.name().to_owned(),
                (None, _) => String::new(),
            };
            vec![place, target.health.state.name().to_owned(), reason]
        })
        .collect();
    page.rows(4, &rows);
}
