//! Which tasks are given up when there are too many (S-50, D-15).

use std::collections::HashMap;

use domain::ContainerInstanceId;
use rand::RngCore;
use rand::seq::SliceRandom;

use super::draft::{Draft, View};
use super::health::Standing;
use super::snapshot::{Host, PlacementStrategy};

/// Up to `count` of the candidates, in the order in which they are to go: those of the least [`Standing`] first, among them
/// the ones whose loss keeps the placement strategy best, then any. Protected tasks are the caller's to leave out.
pub(super) fn choose(draft: &mut Draft<'_>, mut candidates: Vec<usize>, count: u32) -> Vec<usize> {
    if count == 0 || candidates.is_empty() {
        return Vec::new();
    }
    candidates.shuffle(&mut draft.rng as &mut dyn RngCore);
    let wanted = candidates.len().min(count as usize);
    let mut order = Order::new(draft);
    let mut classes = classes(draft, &order, &candidates);
    let mut chosen = Vec::with_capacity(wanted);
    while chosen.len() < wanted {
        let best = classes.iter().enumerate().max_by(|(_, a), (_, b)| {
            b.standing
                .cmp(&a.standing)
                .then_with(|| order.compare(a.sample, b.sample))
        });
        let Some(position) = best.map(|(position, _)| position) else {
            break;
        };
        match classes[position].members.pop() {
            Some(victim) => {
                order.remove(victim);
                chosen.push(victim);
            }
            None => drop(classes.remove(position)),
        }
    }
    chosen
}

/// Candidates that are as good as each other, and stay so whoever goes.
struct Class {
    standing: Standing,
    sample: usize,
    members: Vec<usize>,
}

fn classes(draft: &Draft<'_>, order: &Order, candidates: &[usize]) -> Vec<Class> {
    let mut numbers: HashMap<(Standing, Vec<i64>), usize> = HashMap::new();
    let mut classes: Vec<Class> = Vec::new();
    for &candidate in candidates {
        let standing = draft.tasks[candidate].standing;
        let number = *numbers
            .entry((standing, order.traits(candidate)))
            .or_insert(classes.len());
        if number == classes.len() {
            classes.push(Class {
                standing,
                sample: candidate,
                members: Vec::new(),
            });
        }
        classes[number].members.push(candidate);
    }
    classes
}

/// What each strategy says of each task, kept up to date while tasks go.
struct Order {
    rules: Vec<Rule>,
}

enum Rule {
    /// From the group with the most tasks of the service.
    Spread { group: Vec<usize>, size: Vec<u32> },
    /// From the host that is left with the most of a resource.
    Binpack {
        host: Vec<usize>,
        free: Vec<i64>,
        need: Vec<i64>,
    },
}

impl Order {
    fn new(draft: &Draft<'_>) -> Self {
        let strategies = &draft.snapshot.service.placement_strategy;
        let by_zone = |host: &Host| host.availability_zone.clone();
        let by_host = |host: &Host| Some(host.id.to_string());
        let rules = if strategies.is_empty() {
            vec![spread(draft, by_zone), spread(draft, by_host)]
        } else {
            let rules = strategies.iter().filter_map(|strategy| match strategy {
                PlacementStrategy::Random => None,
                PlacementStrategy::Spread(field) => Some(match field.as_str() {
                    "instanceId" | "host" => spread(draft, by_host),
                    field => {
                        let name = field.strip_prefix("attribute:").unwrap_or(field);
                        spread(draft, |host| host.attribute(name).map(str::to_owned))
                    }
                }),
                PlacementStrategy::BinpackCpu => Some(binpack(draft, |resources| resources.cpu)),
                PlacementStrategy::BinpackMemory => Some(binpack(draft, |resources| resources.memory)),
            });
            rules.collect()
        };
        Self { rules }
    }

    /// Greater = rather given up.
    fn compare(&self, a: usize, b: usize) -> std::cmp::Ordering {
        let verdicts = self.rules.iter().map(|rule| match rule {
            Rule::Spread { group, size } => size[group[a]].cmp(&size[group[b]]),
            Rule::Binpack { host, free, need } => {
                let left = |task: usize| free[host[task]] + need[task];
                left(a).cmp(&left(b))
            }
        });
        verdicts.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    }

    /// What [`Order::compare`] depends on: tasks of equal traits are equal to it.
    fn traits(&self, task: usize) -> Vec<i64> {
        let traits = self.rules.iter().flat_map(|rule| match rule {
            Rule::Spread { group, .. } => [group[task] as i64, 0],
            Rule::Binpack { host, need, .. } => [host[task] as i64, need[task]],
        });
        traits.collect()
    }

    fn remove(&mut self, victim: usize) {
        for rule in &mut self.rules {
            match rule {
                Rule::Spread { group, size } => size[group[victim]] = size[group[victim]].saturating_sub(1),
                Rule::Binpack { host, free, need } => free[host[victim]] += need[victim],
            }
        }
    }
}

/// Hosts that lack the attribute, and tasks without a host, are a group of their own (P-03).
fn spread(draft: &Draft<'_>, key: impl Fn(&Host) -> Option<String>) -> Rule {
    let mut numbers: HashMap<Option<String>, usize> = HashMap::new();
    let mut size = Vec::new();
    let mut group = Vec::with_capacity(draft.tasks.len());
    for view in &draft.tasks {
        let number = *numbers.entry(view.host.and_then(&key)).or_insert_with(|| {
            size.push(0);
            size.len() - 1
        });
        size[number] += u32::from(!view.stopped);
        group.push(number);
    }
    Rule::Spread { group, size }
}

fn binpack(draft: &Draft<'_>, amount: impl Fn(&domain::Resources) -> i64) -> Rule {
    let mut numbers: HashMap<Option<ContainerInstanceId>, usize> = HashMap::new();
    let mut free = Vec::new();
    let mut host = Vec::with_capacity(draft.tasks.len());
    let mut need = Vec::with_capacity(draft.tasks.len());
    for view in &draft.tasks {
        let View {
            host: on,
            deployment,
            stopped,
            ..
        } = view;
        let number = *numbers.entry(on.map(|host| host.id)).or_insert_with(|| {
            free.push(on.map_or(0, |host| amount(&host.remaining)));
            free.len() - 1
        });
        let needed = amount(&draft.deployments[*deployment].revision.needs);
        free[number] += if *stopped { needed } else { 0 };
        need.push(needed);
        host.push(number);
    }
    Rule::Binpack { host, free, need }
}
