//! The loop of a cluster: takes all jobs that wait and hands them to one commit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::commit::Committer;
use super::hosts::{Dirty, HostCache};
use super::{Job, Placed, Placer};
use crate::wake::Wake;
use crate::{Db, Result};

/// Jobs that are committed together, at most.
const BATCH: usize = 256;
/// A loop without work ends after this time; its cache goes with it.
const IDLE: Duration = Duration::from_secs(300);

/// A job and where its outcome goes.
pub(super) struct Waiting {
    pub job: Job,
    pub answer: oneshot::Sender<Result<Placed>>,
}

/// The way into a cluster's loop.
pub(super) struct Queue {
    jobs: mpsc::UnboundedSender<Waiting>,
    dirty: Arc<Dirty>,
}

impl Placer {
    /// Puts the job into its cluster's queue, starting the loop if there is none.
    pub(super) fn enqueue(&self, job: Job) -> oneshot::Receiver<Result<Placed>> {
        let (answer, outcome) = oneshot::channel();
        let cluster = job.cluster.id;
        let mut queues = self.shared.queues.lock();
        let waiting = match queues.get(&cluster) {
            // The loop removes itself under this lock, so a queue that is listed has a reader.
            Some(queue) => match queue.jobs.send(Waiting { job, answer }) {
                Ok(()) => return outcome,
                Err(refused) => refused.0,
            },
            None => Waiting { job, answer },
        };
        let (jobs, reader) = mpsc::unbounded_channel();
        let dirty = Arc::new(Dirty::default());
        let _ = jobs.send(waiting);
        queues.insert(
            cluster,
            Queue {
                jobs,
                dirty: dirty.clone(),
            },
        );
        drop(queues);
        let placer = self.clone();
        self.shared
            .tasks
            .spawn_job(format!("placer-{cluster}"), async move {
                placer.run(cluster, reader, dirty).await
            });
        outcome
    }

    async fn run(self, cluster: i64, mut reader: mpsc::UnboundedReceiver<Waiting>, dirty: Arc<Dirty>) {
        let db: &Db = &self.shared.db;
        let mut committer = Committer::new(cluster, HostCache::new(dirty));
        let mut batch = Vec::with_capacity(BATCH);
        let shutdown = self.shared.tasks.shutdown().clone();
        loop {
            let received = shutdown
                .unless_requested(tokio::time::timeout(IDLE, reader.recv_many(&mut batch, BATCH)))
                .await;
            match received {
                Some(Ok(n)) if n > 0 => {
                    for part in apart_by_token(std::mem::take(&mut batch)) {
                        committer.commit(db, self.shared.clock.as_ref(), part).await;
                    }
                }
                Some(Err(_)) => {
                    if self.retire(cluster, &reader) {
                        return;
                    }
                }
                // The shutdown was requested.
                _ => return,
            }
        }
    }

    /// True if the loop may end: nobody has sent anything, and nobody can from now on.
    fn retire(&self, cluster: i64, reader: &mpsc::UnboundedReceiver<Waiting>) -> bool {
        let mut queues = self.shared.queues.lock();
        if !reader.is_empty() {
            return false;
        }
        queues.remove(&cluster);
        true
    }

    /// Loop: notes which cached hosts have to be read again.
    pub(super) async fn watch(self) {
        let mut wakes = self.shared.db.wakes().listen();
        let shutdown = self.shared.tasks.shutdown().clone();
        while let Some(wake) = shutdown.unless_requested(wakes.next()).await {
            let queues = self.shared.queues.lock();
            match wake {
                Wake::Host(cluster, instance) => {
                    if let Some(queue) = queues.get(&cluster) {
                        queue.dirty.note(instance);
                    }
                }
                Wake::Everything => queues.values().for_each(|queue| queue.dirty.note_all()),
                Wake::Instance(_) | Wake::Service(_) | Wake::Routes => {}
            }
        }
    }
}

/// Cuts a batch where a client token comes again: the second call has to see what the first one did.
fn apart_by_token(batch: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let mut parts: Vec<Vec<Waiting>> = vec![Vec::new()];
    let mut seen = BTreeSet::new();
    for waiting in batch {
        if let Some(token) = &waiting.job.token
            && !seen.insert((token.scope.clone(), token.operation, token.token.clone()))
        {
            seen.clear();
            seen.insert((token.scope.clone(), token.operation, token.token.clone()));
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push(waiting);
        }
    }
    parts
}
