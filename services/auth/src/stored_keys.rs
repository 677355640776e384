//! Keys that are stored sealed: opened with the vault, and kept open for a few seconds.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::AccountId;
use kit::Clock;

use crate::generations::Generations;
use crate::keys::{KeyRecord, KeyStatus, Keys, KeysError};
use crate::vault::Vault;

/// A stored access key. Its secret is sealed for its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedKey {
    pub access_key_id: String,
    pub account: AccountId,
    pub principal_arn: String,
    pub user_id: String,
    /// What [`Vault::seal`] gave.
    pub sealed_secret: Vec<u8>,
    pub active: bool,
}

/// Where sealed keys are stored.
#[async_trait]
pub trait SealedKeySource: Send + Sync + 'static {
    /// The key with this id; `None` when there is none.
    async fn find(&self, access_key_id: &str) -> Result<Option<SealedKey>, Box<dyn Error + Send + Sync>>;
}

/// [`Keys`] over a store of sealed keys. A change made elsewhere is seen after [`StoredKeys::CACHED_FOR`] at the latest;
/// one made here, at once, by calling [`StoredKeys::forget`]. Unknown ids are asked for each time.
pub struct StoredKeys<S> {
    source: S,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    opened: Generations<(DateTime<Utc>, Arc<KeyRecord>)>,
    /// Counts the calls of `forget`, so that a lookup under way then does not put an outdated key back.
    forgotten: AtomicU64,
}

impl<S: SealedKeySource> StoredKeys<S> {
    /// How long an opened key is used without asking again.
    pub const CACHED_FOR: TimeDelta = TimeDelta::seconds(5);

    /// At most twice this many opened keys are kept.
    const CACHED: usize = 4096;

    pub fn new(source: S, vault: Arc<Vault>, clock: Arc<dyn Clock>) -> Self {
        Self {
            source,
            vault,
            clock,
            opened: Generations::new(Self::CACHED),
            forgotten: AtomicU64::new(0),
        }
    }

    /// To be called after a key was changed or deleted.
    pub fn forget(&self, access_key_id: &str) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.opened.remove(access_key_id);
    }

    /// To be called after all keys may have changed.
    pub fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.opened.clear();
    }

    fn opened(&self, access_key_id: &str) -> Option<Arc<KeyRecord>> {
        let (since, record) = self.opened.get(access_key_id)?;
        let age = self.clock.now() - since;
        (age >= TimeDelta::zero() && age < Self::CACHED_FOR).then_some(record)
    }

    fn open(&self, sealed: SealedKey) -> Result<KeyRecord, KeysError> {
        let secret = self
            .vault
            .open(&sealed.access_key_id, &sealed.sealed_secret)
            .map_err(|source| KeysError::Open {
                access_key_id: sealed.access_key_id.clone(),
                source,
            })?;
        Ok(KeyRecord {
            access_key_id: sealed.access_key_id,
            account: sealed.account,
            principal_arn: sealed.principal_arn,
            user_id: sealed.user_id,
            secret,
            status: if sealed.active {
                KeyStatus::Active
            } else {
                KeyStatus::Inactive
            },
            session_token: None,
            expires_at: None,
        })
    }
}

#[async_trait]
impl<S: SealedKeySource> Keys for StoredKeys<S> {
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<KeyRecord>>, KeysError> {
        if let Some(record) = self.opened(access_key_id) {
            return Ok(Some(record));
        }
        let (asked, before) = (self.clock.now(), self.forgotten.load(Ordering::Acquire));
        let Some(sealed) = self.source.find(access_key_id).await.map_err(KeysError::Source)? else {
            self.opened.remove(access_key_id);
            return Ok(None);
        };
        let record = Arc::new(self.open(sealed)?);
        if self.forgotten.load(Ordering::Acquire) == before {
            self.opened.insert(access_key_id, (asked, record.clone()));
        }
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests;
