//! Sessions of this server: one for each name of a proxy; their rows are renewed here.

use std::collections::HashMap;

use parking_lot::Mutex;
use store::proxies::{self, Lost, RENEWAL};
use tokio::sync::watch;
use uuid::Uuid;

use crate::gateway::Shared;

struct Handle {
    session: Uuid,
    lost: watch::Sender<Option<Lost>>,
}

#[derive(Default)]
pub(crate) struct Keeper {
    /// By the proxy's name.
    sessions: Mutex<HashMap<String, Handle>>,
}

impl Keeper {
    /// A session begins. One of the same name that was here before is told to go. Gives what tells this one to.
    pub fn join(&self, name: &str, session: Uuid) -> watch::Receiver<Option<Lost>> {
        let (lost, told) = watch::channel(None);
        let handle = Handle { session, lost };
        if let Some(before) = self.sessions.lock().insert(name.to_owned(), handle) {
            before.lost.send_replace(Some(Lost::Replaced));
        }
        told
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

    /// Loop: renews the rows of all sessions, and ends those that have none any more.
    pub async fn run(&self, shared: &Shared) {
        let shutdown = shared.tasks.shutdown();
        loop {
            let pause = tokio::time::sleep(RENEWAL);
            if shutdown.unless_requested(pause).await.is_none() {
                return;
            }
            let asked: Vec<(String, Uuid)> = {
                let sessions = self.sessions.lock();
                let named = sessions
                    .iter()
                    .map(|(name, handle)| (name.clone(), handle.session));
                named.collect()
            };
            if asked.is_empty() {
                continue;
            }
            match proxies::renew(&shared.db, &asked).await {
                Ok(lost) => {
                    for handle in self.sessions.lock().values() {
                        if let Some((_, why)) = lost.iter().find(|(session, _)| *session == handle.session) {
                            handle.lost.send_replace(Some(*why));
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "sessions of proxies were not renewed"),
            }
        }
    }
}
