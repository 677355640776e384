//! The targets under check, the checks under way, and what they lead to.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use kit::{Clock, Random};
use routing::message::{FromProxy, TargetReport};
use routing::{Target, TargetGroup};
use tokio::time::{Duration, Instant};

use super::agenda::{Agenda, Rhythm};
use super::probe::Probe;
use super::verdict::{Outcome, Verdict};
use crate::state::State;
use crate::tls::TargetTls;

/// Checks that are under way at one time.
const AT_ONCE: usize = 256;

pub(super) struct Rounds {
    state: Arc<State>,
    clock: Arc<dyn Clock>,
    random: Random,
    tls: TargetTls,
    groups: HashMap<String, Checked>,
    /// By a number that is new whenever a target's checks begin anew, so that what is left of former ones is known as such.
    targets: HashMap<u64, Subject>,
    next_number: u64,
    agenda: Agenda,
    under_way: FuturesUnordered<BoxFuture<'static, Ended>>,
}

struct Checked {
    config: Arc<TargetGroup>,
    numbers: HashMap<(String, u16), u64>,
}

struct Subject {
    group: Arc<TargetGroup>,
    id: String,
    port: u16,
    address: SocketAddr,
    registered_at: DateTime<Utc>,
    verdict: Verdict,
    rhythm: Rhythm,
}

/// A check that came to its end.
pub(super) struct Ended {
    number: u64,
    began: Instant,
    outcome: Outcome,
}

impl Rounds {
    pub fn new(state: Arc<State>, clock: Arc<dyn Clock>, random: Random) -> Self {
        Self {
            state,
            clock,
            random,
            tls: TargetTls::new(),
            groups: HashMap::new(),
            targets: HashMap::new(),
            next_number: 0,
            agenda: Agenda::default(),
            under_way: FuturesUnordered::new(),
        }
    }

    /// When there is something to begin; none while there is nothing, or while enough is under way.
    pub fn next_due(&self) -> Option<Instant> {
        self.agenda.next().filter(|_| self.under_way.len() < AT_ONCE)
    }

    /// The next check that ends; none while none is under way.
    pub async fn ended(&mut self) -> Option<Ended> {
        self.under_way.next().await
    }

    /// Begins the checks whose time has come.
    pub fn begin(&mut self) {
        let now = Instant::now();
        while self.under_way.len() < AT_ONCE
            && let Some(number) = self.agenda.pop(now)
        {
            let Some(subject) = self.targets.get(&number) else {
                continue;
            };
            let probe = subject.probe();
            let tls = self.tls.clone();
            self.under_way.push(Box::pin(async move {
                let outcome = probe.run(&tls).await;
                Ended {
                    number,
                    began: now,
                    outcome,
                }
            }));
        }
    }

    /// Takes a check's end into account; what there is to report, if anything.
    pub fn judge(&mut self, ended: Ended) -> Option<FromProxy> {
        let subject = self.targets.get_mut(&ended.number)?;
        let check = &subject.group.health_check;
        let passed = ended.outcome == Outcome::Passed;
        let counts = passed || !subject.verdict.is_initial() || subject.rhythm.counts(ended.began);
        let changed = counts && subject.verdict.take(ended.outcome, check, self.clock.now());
        let interval = Duration::from_secs(check.interval_seconds.max(1).into());
        let due = subject.rhythm.next(
            ended.began,
            Instant::now(),
            interval,
            subject.verdict.is_initial(),
        );
        self.agenda.put(due, ended.number);
        if !changed {
            return None;
        }
        subject.observe(&self.state);
        Some(health(&subject.group.arn, vec![subject.report()]))
    }

    /// Checks exactly the groups `wanted`, as they stand in the state now; what there is to report.
    pub fn follow(&mut self, wanted: &HashSet<String>) -> Vec<FromProxy> {
        let given_up: Vec<String> = self
            .groups
            .keys()
            .filter(|arn| !wanted.contains(*arn))
            .cloned()
            .collect();
        for arn in given_up {
            self.forget(&arn);
        }
        let mut reports = Vec::new();
        for arn in wanted {
            let config = self
                .state
                .group(arn)
                .and_then(|group| group.view().config.clone());
            match config {
                None => self.forget(arn),
                Some(config) => {
                    let targets = self.follow_group(config);
                    if !targets.is_empty() {
                        reports.push(health(arn, targets));
                    }
                }
            }
        }
        reports
    }

    /// The states of all targets.
    pub fn reports(&self) -> Vec<FromProxy> {
        let of_group = |(arn, group): (&String, &Checked)| {
            let subjects = group
                .numbers
                .values()
                .filter_map(|number| self.targets.get(number));
            health(arn, subjects.map(Subject::report).collect())
        };
        self.groups.iter().map(of_group).collect()
    }

    fn forget(&mut self, arn: &str) {
        if let Some(group) = self.groups.remove(arn) {
            group
                .numbers
                .values()
                .for_each(|number| drop(self.targets.remove(number)));
            self.state.forget_checks(arn);
        }
    }

    fn follow_group(&mut self, config: Arc<TargetGroup>) -> Vec<TargetReport> {
        let known = self.groups.get(&config.arn);
        if known.is_some_and(|known| Arc::ptr_eq(&known.config, &config)) {
            return Vec::new();
        }
        let before = self.groups.remove(&config.arn);
        let is_new_group = before.is_none();
        let mut known = before.map(|before| before.numbers).unwrap_or_default();
        let mut numbers = HashMap::with_capacity(config.targets.len());
        let mut reports = Vec::new();
        for target in &config.targets {
            let Some(address) = target.socket() else {
                continue;
            };
            let key = (target.id.clone(), target.port);
            let subject = known
                .remove(&key)
                .and_then(|number| Some((number, self.targets.remove(&number)?)));
            let kept = subject.filter(|(_, subject)| {
                // A draining target that was registered again begins anew (LB-19).
                let is_again = subject.verdict.is_draining() && target.draining_until.is_none();
                subject.registered_at == target.registered_at && subject.address == address && !is_again
            });
            let (number, changed) = match kept {
                Some((number, subject)) => self.go_on(number, subject, &config, target),
                None => self.take_up(&config, target, address, is_new_group),
            };
            if let Some(subject) = self.targets.get(&number) {
                subject.observe(&self.state);
                reports.extend(changed.then(|| subject.report()));
            }
            numbers.insert(key, number);
        }
        known
            .values()
            .for_each(|number| drop(self.targets.remove(number)));
        self.groups
            .insert(config.arn.clone(), Checked { config, numbers });
        reports
    }

    /// A target that is new here. In a group that was checked by another proxy before, its state is what the snapshot says.
    fn take_up(
        &mut self,
        config: &Arc<TargetGroup>,
        target: &Target,
        address: SocketAddr,
        is_new_group: bool,
    ) -> (u64, bool) {
        let now = self.clock.now();
        let mut verdict = match is_new_group {
            true => Verdict::seeded(target, now),
            false => Verdict::registered(target, now),
        };
        verdict.enable(config.health_check.enabled, now);
        let changed = verdict.health() != target.health;
        let subject = Subject {
            group: config.clone(),
            id: target.id.clone(),
            port: target.port,
            address,
            registered_at: target.registered_at,
            verdict,
            rhythm: Rhythm::new(Instant::now(), self.random.fraction()),
        };
        (self.begin_anew(subject), changed)
    }

    /// A target that was here before: it keeps its rhythm unless the settings of checks are others now.
    fn go_on(
        &mut self,
        number: u64,
        mut subject: Subject,
        config: &Arc<TargetGroup>,
        target: &Target,
    ) -> (u64, bool) {
        let now = self.clock.now();
        let is_same_check = subject.group.health_check == config.health_check
            && subject.group.protocol_version == config.protocol_version;
        subject.group = config.clone();
        let drains = subject.verdict.drain(target.draining_until.is_some(), now);
        let changed = subject.verdict.enable(config.health_check.enabled, now) || drains;
        if is_same_check {
            self.targets.insert(number, subject);
            return (number, changed);
        }
        subject.rhythm = Rhythm::new(Instant::now(), self.random.fraction());
        (self.begin_anew(subject), changed)
    }

    fn begin_anew(&mut self, subject: Subject) -> u64 {
        self.next_number += 1;
        if subject.group.health_check.enabled {
            self.agenda.put(Instant::now(), self.next_number);
        }
        self.targets.insert(self.next_number, subject);
        self.next_number
    }
}

impl Subject {
    fn probe(&self) -> Probe {
        let port = self.group.health_check.port.unwrap_or(self.port);
        Probe {
            group: self.group.clone(),
            address: SocketAddr::new(self.address.ip(), port),
        }
    }

    fn report(&self) -> TargetReport {
        self.verdict.report(&self.id, self.port, self.registered_at)
    }

    fn observe(&self, state: &State) {
        let health = self.verdict.health();
        state.observe(
            &self.group.arn,
            &self.id,
            self.port,
            &health,
            self.verdict.since(),
        );
    }
}

fn health(target_group: &str, targets: Vec<TargetReport>) -> FromProxy {
    FromProxy::Health {
        target_group: target_group.to_owned(),
        targets,
    }
}
