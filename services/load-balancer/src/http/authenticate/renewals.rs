//! Browsers ask for many things at a time, and many providers take a refresh token only once: whoever comes with the same one shares what
//! it brings.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use ring::digest;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::session::Session;

/// By then a browser has the new cookies.
const KEPT: Duration = Duration::from_secs(30);

/// Why a session was not renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRenewed {
    /// The provider has ended it.
    Ended,
    /// The status to answer with.
    Failed(u16),
}

/// Renewals that are under way or were made a moment ago, by the digest of what they were asked with.
#[derive(Default)]
pub struct Renewals(Mutex<HashMap<Vec<u8>, Arc<Renewal>>>);

struct Renewal {
    since: Instant,
    outcome: OnceCell<Result<Session, NotRenewed>>,
}

impl Renewals {
    /// What `renew` brings, which runs only if nobody else renews with the same token. `purpose`: whose token it is.
    pub async fn once(
        &self,
        purpose: &str,
        refresh_token: &str,
        renew: impl Future<Output = Result<Session, NotRenewed>>,
    ) -> Result<Session, NotRenewed> {
        let named = [purpose, refresh_token].join("\n");
        let key = digest::digest(&digest::SHA256, named.as_bytes())
            .as_ref()
            .to_vec();
        let renewal = self.renewal(&key);
        let outcome = renewal.outcome.get_or_init(|| renew).await.clone();
        if outcome.is_err() {
            // Those who waited share the failure; the next one tries anew.
            self.0.lock().retain(|_, kept| !Arc::ptr_eq(kept, &renewal));
        }
        outcome
    }

    fn renewal(&self, key: &[u8]) -> Arc<Renewal> {
        let mut renewals = self.0.lock();
        renewals.retain(|_, renewal| renewal.since.elapsed() < KEPT);
        let new = || {
            Arc::new(Renewal {
                since: Instant::now(),
                outcome: OnceCell::new(),
            })
        };
        renewals.entry(key.to_vec()).or_insert_with(new).clone()
    }
}
