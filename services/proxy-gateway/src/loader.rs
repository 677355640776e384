//! Reads what changed, for all sessions of this server at once. Wakes gather while a read is under way and are served together by the
//! next one.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use store::routes::{self, Kind, Revisions};
use store::{Db, Result, Wake, proxies};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use uuid::Uuid;

use crate::gateway::Shared;
use crate::picture::{Picture, encoded};

/// Pause after the database failed.
const AFTER_FAILURE: Duration = Duration::from_millis(200);
/// A change whose transaction takes its revision is committed before so many others have taken theirs; the sweep finds it if not.
const LOOK_BACK: i64 = 4096;

pub(crate) struct Loader {
    db: Db,
    picture: watch::Sender<Arc<Picture>>,
    /// Sessions that are there or about to begin; without any nothing is read.
    sessions: AtomicUsize,
    bell: Notify,
}

/// While it is held, the picture is kept up to date.
pub(crate) struct Attention<'a>(&'a Loader);

impl Drop for Attention<'_> {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What the loader remembers between reads.
#[derive(Default)]
struct Memory {
    /// Highest revision that was seen.
    seen: i64,
    /// Groups whose fresh targets were said to be in checking: session and revision.
    begun: HashMap<String, (Uuid, i64)>,
}

impl Loader {
    pub fn new(db: Db) -> Self {
        Self {
            db,
            picture: watch::channel(Arc::default()).0,
            sessions: AtomicUsize::new(0),
            bell: Notify::new(),
        }
    }

    /// A session begins: the next read takes in everything.
    pub fn attend(&self) -> Attention<'_> {
        self.sessions.fetch_add(1, Ordering::SeqCst);
        self.bell.notify_one();
        Attention(self)
    }

    /// Asks for a read of everything.
    pub fn ask(&self) {
        self.bell.notify_one();
    }

    /// The picture as it is and will be.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Picture>> {
        self.picture.subscribe()
    }

    pub fn current(&self) -> Arc<Picture> {
        self.picture.borrow().clone()
    }

    /// Loop.
    pub async fn run(&self, shared: &Shared) {
        let shutdown = shared.tasks.shutdown();
        let mut wakes = self.db.wakes().listen();
        let mut memory = Memory::default();
        let mut next_sweep = Instant::now();
        while !shutdown.is_requested() {
            let mut everything = tokio::select! {
                wake = wakes.next() => match wake {
                    Wake::Routes => false,
                    Wake::Everything => true,
                    _ => continue,
                },
                () = self.bell.notified() => true,
                () = tokio::time::sleep_until(next_sweep) => true,
                () = shutdown.requested() => return,
            };
            while let Some(wake) = wakes.next().now_or_never() {
                everything |= wake == Wake::Everything;
            }
            if everything {
                next_sweep = Instant::now() + shared.settings.sweep;
            }
            if self.sessions.load(Ordering::SeqCst) == 0 {
                continue;
            }
            if let Err(error) = self
                .read(&mut memory, everything, &shared.keeper.sessions())
                .await
            {
                tracing::warn!(%error, "what proxies serve could not be read");
                tokio::time::sleep(AFTER_FAILURE).await;
                self.bell.notify_one();
                continue;
            }
            if let Err(error) = self.follow_up(&mut memory, shared).await {
                tracing::warn!(%error, "the states of fresh targets could not be written down");
                memory.begun.clear();
            }
        }
    }

    async fn read(&self, memory: &mut Memory, everything: bool, held: &[Uuid]) -> Result<()> {
        let floor = if everything { 0 } else { memory.seen - LOOK_BACK };
        let (mut revisions, live) =
            tokio::try_join!(routes::revisions(&self.db, floor), proxies::live(&self.db, held))?;
        let old = self.current();
        let mut complete = everything;
        if !everything && is_smaller(&old, &revisions) {
            revisions = routes::revisions(&self.db, 0).await?;
            complete = true;
        }
        let mut picture = Picture::clone(&old);
        let mut reassign = self.take_balancers(&mut picture, &revisions, complete).await?;
        reassign |= self.take_groups(&mut picture, &revisions).await?;
        self.take_certificates(&mut picture, &revisions).await?;
        if *picture.proxies != live {
            picture.proxies = Arc::new(live);
            reassign = true;
        }
        if reassign {
            picture.checks = Arc::new(picture.assign());
        }
        picture.reads += 1;
        let highest = revisions.rows.iter().map(|(_, _, revision)| *revision).max();
        let highest = highest.unwrap_or_default();
        // All that there is tells also that the database went back to a backup.
        memory.seen = if complete {
            highest
        } else {
            memory.seen.max(highest)
        };
        self.picture.send_replace(Arc::new(picture));
        Ok(())
    }

    /// True if balancers have changed.
    async fn take_balancers(
        &self,
        picture: &mut Picture,
        revisions: &Revisions,
        complete: bool,
    ) -> Result<bool> {
        let of_kind: HashMap<&str, i64> = of_kind(revisions, Kind::Balancer);
        let before = picture.balancers.len();
        if complete {
            picture
                .balancers
                .retain(|arn, _| of_kind.contains_key(arn.as_str()));
        }
        let known = |arn: &str| picture.balancers.get(arn).map(|balancer| balancer.revision());
        let wanted: Vec<String> = of_kind
            .iter()
            .filter(|(arn, revision)| known(arn) != Some(**revision))
            .map(|(arn, _)| (*arn).to_owned())
            .collect();
        if wanted.is_empty() {
            return Ok(picture.balancers.len() != before);
        }
        let found = routes::balancers(&self.db, &wanted).await?;
        for arn in &wanted {
            picture.balancers.remove(arn);
        }
        for balancer in found {
            picture
                .balancers
                .insert(balancer.arn().to_owned(), Arc::new(balancer));
        }
        Ok(true)
    }

    /// True if a group has become one that can be served, or one that cannot.
    async fn take_groups(&self, picture: &mut Picture, revisions: &Revisions) -> Result<bool> {
        let changed = of_kind(revisions, Kind::TargetGroup);
        let named: BTreeSet<String> = names(picture, |balancer| balancer.target_groups());
        picture.groups.retain(|arn, _| named.contains(arn));
        let is_old = |arn: &String| match picture.groups.get(arn) {
            None => true,
            Some(known) => changed
                .get(arn.as_str())
                .is_some_and(|revision| known.as_ref().is_none_or(|known| known.revision != *revision)),
        };
        let wanted: Vec<String> = named.iter().filter(|arn| is_old(arn)).cloned().collect();
        if wanted.is_empty() {
            return Ok(false);
        }
        let found = routes::target_groups(&self.db, &wanted).await?;
        let served = |picture: &Picture| -> Vec<bool> {
            let served = wanted
                .iter()
                .map(|arn| matches!(picture.groups.get(arn), Some(Some(_))));
            served.collect()
        };
        let before = served(picture);
        for arn in &wanted {
            picture.groups.insert(arn.clone(), None);
        }
        for group in found {
            picture
                .groups
                .insert(group.arn.clone(), Some(Arc::new(encoded(group))));
        }
        Ok(before != served(picture))
    }

    async fn take_certificates(&self, picture: &mut Picture, revisions: &Revisions) -> Result<()> {
        let changed = of_kind(revisions, Kind::Certificate);
        let named: BTreeSet<String> = names(picture, |balancer| balancer.certificates());
        picture.certificates.retain(|arn, _| named.contains(arn));
        let is_old = |arn: &String| match picture.certificates.get(arn) {
            None => true,
            Some(known) => changed
                .get(arn.as_str())
                .is_some_and(|revision| known.as_ref().is_none_or(|known| known.revision != *revision)),
        };
        let wanted: Vec<String> = named.iter().filter(|arn| is_old(arn)).cloned().collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let found = routes::certificates(&self.db, &wanted).await?;
        for arn in wanted {
            picture.certificates.insert(arn, None);
        }
        for certificate in found {
            picture
                .certificates
                .insert(certificate.arn.clone(), Some(Arc::new(certificate)));
        }
        Ok(())
    }

    /// Fresh targets of groups that a proxy of this server checks are in checking now.
    async fn follow_up(&self, memory: &mut Memory, shared: &Shared) -> Result<()> {
        let picture = self.current();
        let mut begun = Vec::new();
        for session in shared.keeper.sessions() {
            for arn in picture.checks.get(&session).into_iter().flatten() {
                let Some(Some(group)) = picture.groups.get(arn) else {
                    continue;
                };
                let mark = (session, group.revision);
                if group.fresh && memory.begun.insert(arn.clone(), mark) != Some(mark) {
                    begun.push(arn.clone());
                }
            }
        }
        memory.begun.retain(|arn, _| picture.groups.contains_key(arn));
        if begun.is_empty() {
            return Ok(());
        }
        proxies::begin_checks(&self.db, &begun).await
    }
}

/// Whether balancers must have gone since `old`.
fn is_smaller(old: &Picture, revisions: &Revisions) -> bool {
    let added = of_kind(revisions, Kind::Balancer)
        .into_keys()
        .filter(|arn| !old.balancers.contains_key(*arn));
    old.balancers.len() + added.count() != revisions.balancers
}

fn of_kind(revisions: &Revisions, wanted: Kind) -> HashMap<&str, i64> {
    let rows = revisions.rows.iter().filter(|(kind, _, _)| *kind == wanted);
    rows.map(|(_, arn, revision)| (arn.as_str(), *revision)).collect()
}

fn names<'a>(
    picture: &'a Picture,
    of: impl Fn(&'a store::routes::StoredBalancer) -> BTreeSet<&'a str>,
) -> BTreeSet<String> {
    let arns = picture.balancers.values().flat_map(|balancer| of(balancer));
    arns.map(str::to_owned).collect()
}
