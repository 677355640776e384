//! Threads with a single-threaded runtime each, for work whose every microsecond counts: a connection lives on one worker from its
//! first byte to its last, so that what belongs to a worker needs no locks. The other home of spawned futures beside [`crate::Tasks`].

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many polls of futures lie between two looks at the system's events while there is work. Peers that get more at once sleep and
/// wake less often; tokio's own choice, 61, cost HTTP/2 a tenth of its throughput.
const EVENT_INTERVAL: u32 = 512;

/// A fixed set of workers. Dropping it ends their threads and what still runs on them.
pub struct Workers {
    workers: Vec<Worker>,
    tracker: TaskTracker,
    stop: CancellationToken,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Worker {
    handle: Handle,
    load: Arc<AtomicUsize>,
}

impl Workers {
    /// Starts `count` (at least one) threads called `<name>-0`, `<name>-1` ….
    ///
    /// # Errors
    /// When the system gives no thread or no epoll instance.
    pub fn start(name: &str, count: usize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let mut workers = Vec::new();
        let mut threads = Vec::new();
        for index in 0..count.max(1) {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .event_interval(EVENT_INTERVAL)
                .build()?;
            workers.push(Worker {
                handle: runtime.handle().clone(),
                load: Arc::default(),
            });
            let stop = stop.clone();
            let thread = std::thread::Builder::new().name(format!("{name}-{index}"));
            threads.push(thread.spawn(move || runtime.block_on(stop.cancelled()))?);
        }
        Ok(Self {
            workers,
            tracker: TaskTracker::new(),
            stop,
            threads: Mutex::new(threads),
        })
    }

    /// How many workers there are.
    pub fn count(&self) -> usize {
        self.workers.len()
    }

    /// Runs `future` on the worker that has the fewest futures given by this function. A panic ends that future only.
    pub fn spawn<F>(&self, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let least = self
            .workers
            .iter()
            .min_by_key(|worker| worker.load.load(Ordering::Relaxed));
        if let Some(worker) = least {
            self.run(worker, future);
        }
    }

    /// Runs `future` on the worker with this index, taken modulo their number.
    pub fn spawn_on<F>(&self, index: usize, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.run(&self.workers[index % self.workers.len()], future);
    }

    /// Runs `future` on the worker with this index until it or the worker ends. It counts neither as load nor for the drain.
    pub fn spawn_background<F>(&self, index: usize, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.workers[index % self.workers.len()].handle.spawn(future);
    }

    /// How many futures run on all workers, not counting those that [`spawn_here`] started.
    pub fn running(&self) -> usize {
        self.workers
            .iter()
            .map(|worker| worker.load.load(Ordering::Relaxed))
            .sum()
    }

    /// Waits at most `deadline` until all given futures have ended; then drops the rest and says how many those were.
    pub async fn drain(&self, deadline: Duration) -> usize {
        self.tracker.close();
        let ended = tokio::time::timeout(deadline, self.tracker.wait()).await;
        let left = if ended.is_ok() { 0 } else { self.tracker.len() };
        self.stop.cancel();
        left
    }

    fn run<F>(&self, worker: &Worker, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let load = Load::of(&worker.load);
        let counted = async move {
            future.await;
            drop(load);
        };
        self.tracker.spawn_on(counted, &worker.handle);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop.cancel();
        let own = std::thread::current().id();
        for thread in self.threads.lock().drain(..) {
            // The last handle may be dropped by a future on a worker, which cannot wait for itself.
            if thread.thread().id() != own {
                let _ = thread.join();
            }
        }
    }
}

/// Runs `future` beside the caller on the same worker: the background half of a connection.
pub fn spawn_here<F>(future: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(future);
}

/// One future's part of a worker's load; given back on drop, so also after a panic.
struct Load(Arc<AtomicUsize>);

impl Load {
    fn of(load: &Arc<AtomicUsize>) -> Self {
        load.fetch_add(1, Ordering::Relaxed);
        Self(load.clone())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn futures_are_spread_over_the_workers_and_a_panic_stays_with_its_own() {
        let workers = Workers::start("test", 2).expect("threads");
        let (send, mut names) = tokio::sync::mpsc::unbounded_channel();
        let (hold, held) = tokio::sync::watch::channel(false);
        for _ in 0..2 {
            let (send, mut held) = (send.clone(), held.clone());
            workers.spawn(async move {
                let name = std::thread::current().name().map(str::to_owned);
                let _ = send.send(name.unwrap_or_default());
                let _ = held.wait_for(|open| *open).await;
            });
        }
        let mut seen = vec![names.recv().await, names.recv().await];
        seen.sort();
        assert_eq!(seen, [Some("test-0".to_owned()), Some("test-1".to_owned())]);
        workers.spawn(async { panic!("one of them") });
        hold.send(true).expect("watched");
        assert_eq!(workers.drain(Duration::from_secs(10)).await, 0);
        assert_eq!(workers.running(), 0);
    }
}
