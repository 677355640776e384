//! REPLICA: how many tasks of which deployment start and stop now (S-20, S-31, D-01 to D-15, DR-01).

use super::draft::{Draft, count};
use super::events;
use super::health::{Standing, is_draining};
use super::outcome::Start;
use super::shift;
use super::throttle;
use super::victims::choose;

pub(super) fn plan(draft: &mut Draft<'_>) {
    stop_stranded(draft);
    if shift::is_under_way(draft) {
        return plan_beside(draft);
    }
    set_targets(draft);
    let mut budget = Budget::new(draft);
    stop_surplus(draft, &mut budget);
    // Old tasks that make room for new ones are not to be replaced, so that comes before old deployments are refilled.
    let mut missing = Missing::default();
    start_missing(draft, draft.primary, &mut missing);
    make_room(draft, &mut budget, &missing);
    for old in draft.olds() {
        start_missing(draft, old, &mut missing);
    }
    let is_blocked = make_room(draft, &mut budget, &missing);
    stop_surplus(draft, &mut budget);
    if is_blocked && draft.plan.start.is_empty() && draft.plan.stop.is_empty() {
        draft.say(events::stuck(&draft.snapshot.service.name));
    }
    throttle::forget_unplaced(draft);
    report_protected(draft);
    draft.report_stops();
}

/// New tasks run beside the old ones until the traffic has moved: nothing is stopped to make room for them (BG-05).
fn plan_beside(draft: &mut Draft<'_>) {
    shift::advance(draft);
    let mut budget = Budget::new(draft);
    stop_surplus(draft, &mut budget);
    let mut missing = Missing::default();
    start_missing(draft, draft.primary, &mut missing);
    for old in draft.olds() {
        start_missing(draft, old, &mut missing);
    }
    throttle::forget_unplaced(draft);
    report_protected(draft);
    draft.report_stops();
}

/// How many stops of running tasks the minimum allows (D-01). Pending and unhealthy tasks serve nobody and cost nothing.
pub(super) struct Budget {
    /// Healthy tasks.
    healthy: u32,
    /// Running tasks that are not unhealthy: also those that have yet to prove themselves, or that run on draining hosts.
    serving: u32,
}

impl Budget {
    pub fn new(draft: &Draft<'_>) -> Self {
        let above_minimum = |least: Standing| {
            let counted = count(draft.remaining().filter(|view| view.standing >= least));
            counted.saturating_sub(draft.bounds.min_healthy)
        };
        Self {
            healthy: above_minimum(Standing::Healthy),
            serving: above_minimum(Standing::Leaving),
        }
    }

    /// Takes one stop of such a task out of the budget, if there is one left.
    pub fn spend(&mut self, standing: Standing) -> bool {
        let healthy = u32::from(standing == Standing::Healthy);
        let serving = u32::from(standing >= Standing::Leaving);
        let affordable = self.healthy >= healthy && self.serving >= serving;
        if affordable {
            self.healthy -= healthy;
            self.serving -= serving;
        }
        affordable
    }
}

/// PENDING tasks on draining hosts stop at once (DR-01).
fn stop_stranded(draft: &mut Draft<'_>) {
    let stranded =
        draft.select(|view| view.standing == Standing::Pending && is_draining(view.host) && !view.protected);
    stranded.into_iter().for_each(|index| draft.stop(index));
}

/// The PRIMARY deployment wants the service's count; the old ones together what is not replaced by healthy tasks (D-10, D-14).
fn set_targets(draft: &mut Draft<'_>) {
    draft.deployments[draft.primary].progress.desired_count = draft.desired;
    let replaced = draft.tally(draft.primary).healthy;
    let mut olds = draft.olds();
    olds.reverse();
    let live = |draft: &Draft<'_>, old: usize| count(draft.remaining().filter(|view| view.deployment == old));
    for old in &olds {
        if !draft.is_refilled(*old) {
            let live = live(draft, *old);
            let desired = &mut draft.deployments[*old].progress.desired_count;
            *desired = live.min(*desired);
        }
    }
    let kept: u32 = olds
        .iter()
        .map(|old| draft.deployments[*old].progress.desired_count)
        .sum();
    let mut excess = kept.saturating_sub(draft.desired.saturating_sub(replaced));
    // What nobody runs is given up first, then the least useful tasks, then what is protected.
    for old in &olds {
        let live = live(draft, *old);
        let desired = &mut draft.deployments[*old].progress.desired_count;
        let vacant = desired.saturating_sub(live).min(excess);
        *desired -= vacant;
        excess -= vacant;
    }
    let candidates = draft.select(|view| olds.contains(&view.deployment) && !view.protected);
    for victim in choose(draft, candidates, excess) {
        let desired = &mut draft.deployments[draft.tasks[victim].deployment]
            .progress
            .desired_count;
        if *desired > 0 {
            *desired -= 1;
            excess -= 1;
        }
    }
    for old in &olds {
        let desired = &mut draft.deployments[*old].progress.desired_count;
        let given_up = excess.min(*desired);
        *desired -= given_up;
        excess -= given_up;
    }
}

/// Stops what exceeds each deployment's target, and replaced tasks whose successors are healthy (S-31).
fn stop_surplus(draft: &mut Draft<'_>, budget: &mut Budget) {
    let mut all: Vec<usize> = vec![draft.primary];
    all.extend(draft.olds());
    for deployment in all {
        let target = draft.deployments[deployment].progress.desired_count;
        let surplus = draft.tally(deployment).good.saturating_sub(target);
        let candidates = draft
            .select(|view| view.deployment == deployment && !view.needs_replacement() && !view.protected);
        stop_some(draft, budget, candidates, surplus);

        let tally = draft.tally(deployment);
        let unreplaced = target.saturating_sub(tally.healthy);
        let candidates = draft.select(|view| view.deployment == deployment && view.needs_replacement());
        stop_some(draft, budget, candidates, tally.bad.saturating_sub(unreplaced));
    }
}

fn stop_some(draft: &mut Draft<'_>, budget: &mut Budget, candidates: Vec<usize>, wanted: u32) {
    for victim in choose(draft, candidates, wanted) {
        if budget.spend(draft.tasks[victim].standing) {
            draft.stop(victim);
        }
    }
}

/// Tasks that could not be started for lack of room.
#[derive(Default)]
struct Missing {
    primary: u32,
    olds: u32,
    /// Of the missing or just started ones: those for which no host was found the last time.
    unplaced: u32,
    unplaced_of_primary: u32,
    started: u32,
}

/// Starts what a deployment lacks, as far as the maximum allows (S-20, S-32).
fn start_missing(draft: &mut Draft<'_>, deployment: usize, missing: &mut Missing) {
    let progress = &draft.deployments[deployment].progress;
    let lacking = progress
        .desired_count
        .saturating_sub(draft.tally(deployment).good);
    let unplaced = progress.memory.unplaced.min(lacking);
    if lacking == 0 || !draft.is_refilled(deployment) || draft.is_throttled(deployment) {
        return;
    }
    let room = ceiling(draft).saturating_sub(draft.occupying + missing.started);
    let started = lacking.min(room);
    missing.started += started;
    missing.unplaced += unplaced;
    if deployment == draft.primary {
        missing.primary = lacking - started;
        missing.unplaced_of_primary = unplaced;
    } else {
        missing.olds += lacking - started;
    }
    if started > 0 {
        let deployment = draft.deployments[deployment].id;
        draft.plan.start.push(Start::Replicas {
            deployment,
            count: started,
        });
    }
}

/// The maximum, but never less than what the service wants in the end.
fn ceiling(draft: &Draft<'_>) -> u32 {
    match shift::is_under_way(draft) {
        true => shift::ceiling(draft),
        false => draft.bounds.max_running.max(draft.desired),
    }
}

/// Stops tasks before their successors start, where the maximum or the hosts leave no room (D-02, S-31, DR-01). True = tasks that
/// should make room are held back by the limits, and nothing else is to be waited for.
fn make_room(draft: &mut Draft<'_>, budget: &mut Budget, missing: &Missing) -> bool {
    // What is on its way down makes room without further stops.
    let wanted_now = count(draft.remaining()) + missing.started;
    let too_many_with = |missing: u32| match missing {
        0 => 0,
        missing => (wanted_now + missing).saturating_sub(ceiling(draft)),
    };
    let for_limits = too_many_with(missing.primary + missing.olds);
    let going = draft.going + count(&draft.plan.stop);
    let without_host = missing.unplaced_of_primary.saturating_sub(going);
    let for_primary = too_many_with(missing.primary).max(without_host);
    let mut needs = Needs {
        all: for_limits.max(for_primary),
        primary: for_primary,
    };

    let idle = going == 0 && draft.remaining().all(|view| view.standing != Standing::Pending);
    let settled = idle && draft.remaining().all(|view| view.standing != Standing::Unproven);
    let is_old = |deployment: usize| deployment != draft.primary;
    let pending =
        draft.select(|view| is_old(view.deployment) && view.standing == Standing::Pending && !view.protected);
    let unhealthy = draft.select(|view| view.standing == Standing::Unhealthy);
    let leaving = draft.select(|view| view.standing == Standing::Leaving && !view.protected);
    let running = draft
        .select(|view| is_old(view.deployment) && view.standing >= Standing::Unproven && !view.protected);
    let movable = !leaving.is_empty() || !running.is_empty();

    give_up(draft, budget, &mut needs, pending, u32::MAX, true);
    // One at a time: only when the last one's successor is healthy, or nothing can be started.
    let blocked = missing.started == 0 || missing.unplaced > 0;
    if settled && blocked && (needs.all > 0 || missing.unplaced > 0) {
        needs.all = needs.all.max(1);
        give_up(draft, budget, &mut needs, unhealthy, 1, false);
    }
    give_up(draft, budget, &mut needs, leaving, for_limits, false);
    give_up(draft, budget, &mut needs, running, u32::MAX, true);

    for_limits > 0 && movable && settled
}

/// For how many tasks room is to be made.
struct Needs {
    all: u32,
    /// Those of the PRIMARY deployment, for which old tasks may go that are not replaced.
    primary: u32,
}

fn give_up(
    draft: &mut Draft<'_>,
    budget: &mut Budget,
    needs: &mut Needs,
    candidates: Vec<usize>,
    most: u32,
    for_primary_only: bool,
) {
    let needed = if for_primary_only {
        needs.primary
    } else {
        needs.all
    };
    for victim in choose(draft, candidates, needed.min(most)) {
        if !budget.spend(draft.tasks[victim].standing) {
            continue;
        }
        let deployment = draft.tasks[victim].deployment;
        let is_replaced = draft.is_refilled(deployment) && needs.primary == 0;
        if deployment != draft.primary && !is_replaced {
            let desired = &mut draft.deployments[deployment].progress.desired_count;
            *desired = desired.saturating_sub(1);
        }
        needs.all = needs.all.saturating_sub(1);
        needs.primary = needs.primary.saturating_sub(1);
        draft.stop(victim);
    }
}

/// Tells when protection holds back what should stop, and wakes when it ends (S-53, PR-02).
fn report_protected(draft: &mut Draft<'_>) {
    for deployment in 0..draft.deployments.len() {
        let target = draft.deployments[deployment].progress.desired_count;
        let of_it = || draft.remaining().filter(|view| view.deployment == deployment);
        let protected = count(of_it().filter(|view| view.protected));
        let surplus = count(of_it()) > target;
        let held_back = of_it().filter(|view| surplus || view.standing == Standing::Leaving);
        let ends: Vec<_> = held_back.filter_map(|view| view.task.protected_until).collect();
        ends.into_iter().for_each(|at| draft.wake(at));
        if protected > target {
            let id = draft.deployments[deployment].id;
            draft.say(events::too_many_protected(&draft.snapshot.service.name, id));
        }
    }
}
