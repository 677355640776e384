//! DAEMON: one task of the PRIMARY deployment on each eligible host (S-60), updated host by host (S-61). Maximum 100 % means
//! one task on a host, so a host's old task has ended before the new one starts.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use domain::{ContainerInstanceId, TaskStatus};

use super::draft::{Draft, View, count, is_open};
use super::events;
use super::health::{Standing, is_draining};
use super::outcome::Start;
use super::replica::Budget;
use super::stop::{StopCause, scaling_reason};
use super::throttle;
use super::victims::choose;

pub(super) fn plan(draft: &mut Draft<'_>) {
    if draft.snapshot.service.desired_count != draft.desired {
        draft.plan.desired_count = Some(draft.desired);
    }
    leave_hosts(draft);
    stop_doubles(draft);
    set_targets(draft);
    update(draft);
    start(draft);
    set_targets(draft);
    throttle::forget_unplaced(draft);
    draft.report_stops();
}

fn is_at_home(view: &View<'_>) -> bool {
    view.host.is_some_and(is_open)
}

/// Hosts that no longer qualify lose their task; draining ones once nothing else runs there, PENDING tasks at once (S-60, DR-01).
fn leave_hosts(draft: &mut Draft<'_>) {
    for index in draft.select(|view| !is_at_home(view)) {
        let View {
            task,
            host,
            standing,
            protected,
            ..
        } = draft.tasks[index];
        let is_idle = host.is_none_or(|host| !host.busy);
        if protected {
            task.protected_until.into_iter().for_each(|at| draft.wake(at));
        } else if !is_draining(host) {
            draft.stop_for(
                index,
                StopCause::ConstraintViolated,
                scaling_reason(task.deployment),
            );
        } else if is_idle || standing == Standing::Pending {
            draft.stop(index);
        }
    }
}

/// One task on a host: the PRIMARY deployment's before older ones, then the fittest, then the first.
fn stop_doubles(draft: &mut Draft<'_>) {
    let mut at_home = draft.select(is_at_home);
    at_home.sort_by_key(|index| {
        let View {
            task,
            deployment,
            standing,
            ..
        } = &draft.tasks[*index];
        (
            Reverse(*deployment == draft.primary),
            Reverse(*standing),
            task.created_at,
            task.id,
        )
    });
    let mut taken = HashSet::new();
    for index in at_home {
        let View { task, protected, .. } = draft.tasks[index];
        if !taken.insert(task.host) && !protected {
            draft.stop(index);
        }
    }
}

/// The deployment that new tasks are of. A failed one gets no tasks; the newest one that worked stands in (D-22).
fn supplier(draft: &Draft<'_>) -> Option<usize> {
    let mut candidates = vec![draft.primary];
    candidates.extend(draft.olds());
    candidates.into_iter().find(|index| draft.is_refilled(*index))
}

/// Stops unhealthy and old tasks, so many that the minimum holds (S-61).
fn update(draft: &mut Draft<'_>) {
    let Some(supplier) = supplier(draft) else { return };
    let mut budget = Budget::new(draft);
    let primary = draft.primary;
    let unhealthy = draft.select(|view| is_at_home(view) && view.standing == Standing::Unhealthy);
    let old = draft.select(|view| {
        let is_outdated = supplier == primary && view.deployment != primary;
        is_outdated && is_at_home(view) && view.standing != Standing::Unhealthy && !view.protected
    });
    let is_up = |view: &&View<'_>| is_at_home(view) && view.standing != Standing::Pending;
    let down = draft
        .desired
        .saturating_sub(count(draft.remaining().filter(is_up)));
    let may_be_down = (draft.desired - draft.bounds.min_healthy.min(draft.desired)).max(1);
    let settled =
        down == 0 && draft.going == 0 && draft.remaining().all(|view| view.standing != Standing::Unproven);

    for victim in choose(draft, unhealthy, may_be_down.saturating_sub(down)) {
        draft.stop(victim);
    }
    let is_blocked = !old.is_empty() && settled && draft.plan.stop.is_empty();
    for victim in choose(draft, old, u32::MAX) {
        if budget.spend(draft.tasks[victim].standing) {
            draft.stop(victim);
        }
    }
    if is_blocked && draft.plan.stop.is_empty() {
        draft.say(events::stuck(&draft.snapshot.service.name));
    }
}

/// What each deployment has to do with: PRIMARY all eligible hosts, old ones the hosts that they still have.
fn set_targets(draft: &mut Draft<'_>) {
    for index in 0..draft.deployments.len() {
        let id = draft.deployments[index].id;
        let target = if index == draft.primary {
            draft.desired
        } else {
            let kept = draft
                .remaining()
                .filter(|view| view.deployment == index && is_at_home(view));
            count(kept) + count(draft.plan.start.iter().filter(|start| start.deployment() == id))
        };
        draft.deployments[index].progress.desired_count = target;
        let held_back = draft
            .remaining()
            .filter(|view| view.deployment == index && index != draft.primary);
        let ends: Vec<_> = held_back.filter_map(|view| view.task.protected_until).collect();
        ends.into_iter().for_each(|at| draft.wake(at));
    }
}

/// Starts a task on each eligible host that has none, not even one on its way down.
fn start(draft: &mut Draft<'_>) {
    let mut taken: HashMap<ContainerInstanceId, u32> = HashMap::new();
    for task in draft
        .snapshot
        .tasks
        .iter()
        .filter(|task| task.last < TaskStatus::Stopped)
    {
        task.host
            .into_iter()
            .for_each(|host| *taken.entry(host).or_default() += 1);
    }
    let free = draft
        .snapshot
        .hosts
        .iter()
        .filter(|host| is_open(host) && !taken.contains_key(&host.id));
    let mut free: Vec<ContainerInstanceId> = free.map(|host| host.id).collect();
    free.sort();
    let Some(deployment) = supplier(draft) else { return };
    if free.is_empty() || draft.is_throttled(deployment) {
        return;
    }
    let deployment = draft.deployments[deployment].id;
    draft
        .plan
        .start
        .extend(free.into_iter().map(|host| Start::Daemon { deployment, host }));
}
