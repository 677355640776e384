//! Supervised tasks: every spawned future has a name and a stated exit policy, and all of them drain within a deadline.

use std::any::Any;
use std::collections::BTreeMap;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info, warn};

use crate::shutdown::{Shutdown, termination_signal};

/// What a task may return: nothing, or a `Result` whose error is logged with its causes and the task's name.
pub trait Outcome: Send + 'static {
    /// The reason if the task failed.
    fn failure(self) -> Option<String>;
}

impl Outcome for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E> Outcome for Result<(), E>
where
    E: Into<Box<dyn Error + Send + Sync>> + Send + 'static,
{
    fn failure(self) -> Option<String> {
        let error = self.err()?.into();
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Some(text)
    }
}

/// Why the process has to stop: the first loop that ended although nobody asked it to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{task} {reason}")]
pub struct Failure {
    /// Name the task was spawned with.
    pub task: String,
    /// "panicked: …", "failed: …" or "ended although it should run until the shutdown".
    pub reason: String,
}

/// How a drain went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drained {
    /// Names of the tasks that were still running at the deadline and were dropped.
    pub dropped: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ExitPolicy {
    /// A loop: its end before the shutdown, or its panic, stops the process.
    StopProcess,
    /// A piece of work: may end at any time; an error or a panic is logged and concerns nobody else.
    Log,
}

#[derive(Default)]
struct Running {
    next: u64,
    tasks: BTreeMap<u64, (String, Option<AbortHandle>)>,
}

struct Inner {
    shutdown: Shutdown,
    tracker: TaskTracker,
    running: Mutex<Running>,
    failure: Mutex<Option<Failure>>,
}

/// Spawns and supervises the tasks of a process or of a part of it. Clones share the same tasks.
#[derive(Clone)]
pub struct Tasks {
    inner: Arc<Inner>,
}

impl Tasks {
    /// Supervision under `shutdown`: a failed loop requests it, and draining does.
    pub fn new(shutdown: Shutdown) -> Self {
        let inner = Inner {
            shutdown,
            tracker: TaskTracker::new(),
            running: Mutex::default(),
            failure: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The token that the tasks watch.
    pub fn shutdown(&self) -> &Shutdown {
        &self.inner.shutdown
    }

    /// Spawns a loop that runs until the shutdown is requested. If it ends, fails or panics earlier, the reason is
    /// logged and kept, and the whole process is asked to drain.
    pub fn spawn<F>(&self, name: impl Into<String>, future: F) -> AbortHandle
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        self.start(name.into(), ExitPolicy::StopProcess, future)
    }

    /// Spawns a piece of work that ends by itself (a connection, a single job). Its error or panic is logged.
    pub fn spawn_job<F>(&self, name: impl Into<String>, future: F) -> AbortHandle
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        self.start(name.into(), ExitPolicy::Log, future)
    }

    /// Requests the shutdown on the first SIGTERM or SIGINT; a second one ends the process at once with status 130.
    pub fn stop_on_signals(&self) {
        let shutdown = self.shutdown().clone();
        self.inner.tracker.spawn(async move {
            let Some(first) = shutdown.unless_requested(termination_signal()).await else {
                return;
            };
            match first {
                Ok(name) => info!(signal = name, "draining"),
                Err(error) => return error!(%error, "signals cannot be handled"),
            }
            shutdown.request();
            tokio::spawn(async {
                if let Ok(name) = termination_signal().await {
                    warn!(signal = name, "stopped before the drain was over");
                    std::process::exit(130);
                }
            });
        });
    }

    /// The first loop that broke, if one did.
    pub fn failure(&self) -> Option<Failure> {
        self.inner.failure.lock().clone()
    }

    /// Names of the tasks that run now, in the order in which they were spawned.
    pub fn running(&self) -> Vec<String> {
        self.inner
            .running
            .lock()
            .tasks
            .values()
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Requests the shutdown, waits at most `deadline` for all tasks, then drops what is left and names it.
    pub async fn drain(&self, deadline: Duration) -> Drained {
        self.inner.shutdown.request();
        self.inner.tracker.close();
        if tokio::time::timeout(deadline, self.inner.tracker.wait())
            .await
            .is_ok()
        {
            return Drained::default();
        }
        let left: Vec<(String, Option<AbortHandle>)> =
            self.inner.running.lock().tasks.values().cloned().collect();
        for (name, handle) in &left {
            warn!(task = %name, "dropped: still running at the end of the drain");
            if let Some(handle) = handle {
                handle.abort();
            }
        }
        Drained {
            dropped: left.into_iter().map(|(name, _)| name).collect(),
        }
    }

    fn start<F>(&self, name: String, policy: ExitPolicy, future: F) -> AbortHandle
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        let entry = Entry::new(self.inner.clone(), name.clone());
        let id = entry.id;
        let span = tracing::info_span!("task", name = %name);
        let supervised = async move {
            let ended = catching_panics(future).await;
            entry.inner.ended(name, policy, ended);
        };
        let handle = self
            .inner
            .tracker
            .spawn(supervised.instrument(span))
            .abort_handle();
        if let Some((_, slot)) = self.inner.running.lock().tasks.get_mut(&id) {
            *slot = Some(handle.clone());
        }
        handle
    }
}

impl Inner {
    fn ended<T: Outcome>(&self, task: String, policy: ExitPolicy, ended: Result<T, String>) {
        let reason = match ended.map(Outcome::failure) {
            Err(panic) => format!("panicked: {panic}"),
            Ok(Some(error)) => format!("failed: {error}"),
            Ok(None) if policy == ExitPolicy::StopProcess && !self.shutdown.is_requested() => {
                "ended although it should run until the shutdown".to_owned()
            }
            Ok(None) => return,
        };
        if policy == ExitPolicy::Log {
            return warn!(%task, %reason, "job broke");
        }
        error!(%task, %reason, "loop broke, stopping");
        self.failure.lock().get_or_insert(Failure { task, reason });
        self.shutdown.request();
    }
}

/// A task's line in the list of running ones; leaves it on drop, so an aborted task is not listed for ever.
struct Entry {
    inner: Arc<Inner>,
    id: u64,
}

impl Entry {
    fn new(inner: Arc<Inner>, name: String) -> Self {
        let mut running = inner.running.lock();
        let id = running.next;
        running.next += 1;
        running.tasks.insert(id, (name, None));
        drop(running);
        Self { inner, id }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.inner.running.lock().tasks.remove(&self.id);
    }
}

/// What the future gives, or the text with which it panicked. For work whose panic must not take its neighbours along.
pub async fn catching_panics<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = Box::pin(future);
    std::future::poll_fn(
        move |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(panic_text(panic.as_ref()))),
        },
    )
    .await
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests;
