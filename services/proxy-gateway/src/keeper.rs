//! Sessions of this server: one for each name of a proxy; their rows are renewed here.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use store::proxies::{self, RENEWAL};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::gateway::Shared;

struct Handle {
    session: Uuid,
    replaced: Arc<Notify>,
}

#[derive(Default)]
pub(crate) struct Keeper {
    /// By the proxy's name.
    sessions: Mutex<HashMap<String, Handle>>,
}

impl Keeper {
    /// A session begins. One of the same name that was here before is told to go. Gives what tells this one to.
    pub fn join(&self, name: &str, session: Uuid) -> Arc<Notify> {
        let replaced = Arc::new(Notify::new());
        let handle = Handle {
            session,
            replaced: replaced.clone(),
        };
        if let Some(before) = self.sessions.lock().insert(name.to_owned(), handle) {
            before.replaced.notify_one();
        }
        replaced
    }

    /// A session is over.
    pub fn leave(&self, name: &str, session: Uuid) {
        let mut sessions = self.sessions.lock();
        if sessions.get(name).is_some_and(|handle| handle.session == session) {
            sessions.remove(name);
        }
    }

    pub fn sessions(&self) -> Vec<Uuid> {
        self.sessions
            .lock()
            .values()
            .map(|handle| handle.session)
            .collect()
    }

    /// Loop: renews the rows of all sessions, and ends those that another server has taken over.
    pub async fn run(&self, shared: &Shared) {
        let shutdown = shared.tasks.shutdown();
        loop {
            let pause = tokio::time::sleep(RENEWAL);
            if shutdown.unless_requested(pause).await.is_none() {
                return;
            }
            let asked = self.sessions();
            if asked.is_empty() {
                continue;
            }
            match proxies::renew(&shared.db, &asked).await {
                Ok(held) => {
                    for handle in self.sessions.lock().values() {
                        if asked.contains(&handle.session) && !held.contains(&handle.session) {
                            handle.replaced.notify_one();
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "sessions of proxies were not renewed"),
            }
        }
    }
}
