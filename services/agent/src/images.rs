//! Images on the host: pulled when a container needs one (K-09), removed when nobody does any more (K-10).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kit::Clock;
use parking_lot::Mutex;
use runtime::image::repository_of;
use runtime::{ImageDetails, RegistryAuth, Runtime, RuntimeError};

use crate::config::{AgentConfig, ImageCleanup, ImagePullBehavior, RegistryKey};
use crate::patience::{RETRY_PAUSE, until_answered};
use crate::state::ImageUse;
use crate::task::failure::{Failure, FailureKind};

/// How long a registry that could not be reached is left alone while there is a local image.
const UNREACHABLE_FOR: TimeDelta = TimeDelta::seconds(60);
const DOCKER_HUB: &str = "docker.io";

/// An image that is ready, and the pull that made it so.
#[derive(Debug, Clone)]
pub struct Ready {
    pub details: ImageDetails,
    /// Start and end of the pull, if there was one.
    pub pulled: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// Pulls and forgets images for all tasks of an agent.
pub struct Images {
    runtime: Arc<dyn Runtime>,
    clock: Arc<dyn Clock>,
    behavior: ImagePullBehavior,
    cleanup: ImageCleanup,
    keys: HashMap<String, RegistryAuth>,
    pull_timeout: Duration,
    /// One pull at a time for each reference.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    unreachable_until: Mutex<HashMap<String, DateTime<Utc>>>,
    uses: Mutex<HashMap<String, ImageUse>>,
}

impl Images {
    /// `uses` is what an earlier process knew of the images it had pulled.
    pub fn new(
        config: &AgentConfig,
        runtime: Arc<dyn Runtime>,
        clock: Arc<dyn Clock>,
        uses: impl IntoIterator<Item = (String, ImageUse)>,
    ) -> Self {
        let auth = |(host, key): (&String, &RegistryKey)| {
            let auth = RegistryAuth {
                username: key.username.clone(),
                password: key.password.clone(),
                server_address: Some(host.clone()),
                identity_token: None,
            };
            (host.clone(), auth)
        };
        Self {
            runtime,
            clock,
            behavior: config.image_pull_behavior,
            cleanup: config.image_cleanup.clone(),
            keys: config.registry_auth.iter().map(auth).collect(),
            pull_timeout: config.image_pull_timeout,
            turns: Mutex::default(),
            unreachable_until: Mutex::default(),
            uses: Mutex::new(uses.into_iter().collect()),
        }
    }

    /// What is known of the images that this agent pulled.
    pub fn uses(&self) -> impl IntoIterator<Item = (String, ImageUse)> {
        self.uses.lock().clone()
    }

    /// Makes sure that `reference` is on the host, by the configured pull behaviour.
    ///
    /// # Errors
    /// `CannotPullContainerError`, or `DockerTimeoutError` when the pull takes too long.
    pub async fn ready(&self, reference: &str) -> Result<Ready, Failure> {
        let asked_at = self.clock.now();
        let local = self.local(reference).await?;
        if let Some(details) = local.filter(|details| self.good_as_it_is(reference, details)) {
            self.used(reference);
            return Ok(Ready {
                details,
                pulled: None,
            });
        }
        let turn = self.turns.lock().entry(reference.to_owned()).or_default().clone();
        let _turn = turn.lock().await;
        let pulled_meanwhile = self
            .uses
            .lock()
            .get(reference)
            .is_some_and(|image| image.pulled_at >= asked_at);
        let pulled = if pulled_meanwhile {
            None
        } else {
            let started = self.clock.now();
            let pulled = self.pull(reference).await;
            match pulled {
                Ok(()) => Some((started, self.clock.now())),
                Err(failure) => {
                    let Some(details) = self.fall_back(reference).await? else {
                        return Err(failure);
                    };
                    tracing::warn!(image = reference, %failure, "not pulled, the local image is used");
                    return Ok(Ready {
                        details,
                        pulled: None,
                    });
                }
            }
        };
        let gone = || {
            Failure::new(
                FailureKind::CannotPullContainer,
                "the image is gone after its pull",
            )
        };
        let details = self.local(reference).await?.ok_or_else(gone)?;
        self.used(reference);
        Ok(Ready { details, pulled })
    }

    /// Removes images that this agent pulled and that none of `in_use` names, the longest unused first (K-10).
    pub async fn clean(&self, in_use: &BTreeSet<String>) {
        let now = self.clock.now();
        let age = TimeDelta::from_std(self.cleanup.minimum_age).unwrap_or(TimeDelta::MAX);
        let mut unused: Vec<(String, DateTime<Utc>)> = {
            let mut uses = self.uses.lock();
            for reference in in_use {
                if let Some(image) = uses.get_mut(reference) {
                    image.last_used_at = now;
                }
            }
            let old = |image: &ImageUse| now - image.last_used_at >= age && now - image.pulled_at >= age;
            uses.iter()
                .filter(|(_, image)| old(image))
                .map(|(name, image)| (name.clone(), image.last_used_at))
                .collect()
        };
        unused.sort_by_key(|(_, last_used_at)| *last_used_at);
        for (reference, _) in unused.into_iter().take(self.cleanup.images_per_cycle) {
            match self.runtime.image_remove(&reference, false).await {
                Ok(()) | Err(RuntimeError::ImageNotFound { .. } | RuntimeError::NotFound { .. }) => {
                    tracing::info!(image = reference, "unused image removed");
                    self.uses.lock().remove(&reference);
                }
                Err(error) => tracing::debug!(image = reference, %error, "image not removed"),
            }
        }
        self.turns.lock().retain(|_, turn| Arc::strong_count(turn) > 1);
    }

    async fn local(&self, reference: &str) -> Result<Option<ImageDetails>, Failure> {
        match until_answered(|| self.runtime.image_inspect(reference)).await {
            Ok(details) => Ok(Some(details)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(Failure::new(FailureKind::CannotPullContainer, error)),
        }
    }

    /// Whether the local image is used without asking its registry.
    fn good_as_it_is(&self, reference: &str, details: &ImageDetails) -> bool {
        if reference.contains("@sha256:") {
            return true;
        }
        match self.behavior {
            ImagePullBehavior::Always => false,
            ImagePullBehavior::PreferCached => true,
            ImagePullBehavior::Once => self.uses.lock().contains_key(reference),
            ImagePullBehavior::Default => {
                let built_here = details.repo_digests.is_empty();
                let unreachable = self.unreachable_until.lock().get(registry_of(reference)).copied();
                built_here || unreachable.is_some_and(|until| self.clock.now() < until)
            }
        }
    }

    async fn pull(&self, reference: &str) -> Result<(), Failure> {
        let auth = self.keys.get(registry_of(reference));
        let pull = async {
            loop {
                match self.runtime.image_pull(reference, auth, &|_| ()).await {
                    // The engine went away, not the registry.
                    Err(RuntimeError::ConnectionLost { .. }) => tokio::time::sleep(RETRY_PAUSE).await,
                    result => return result,
                }
            }
        };
        let Ok(result) = tokio::time::timeout(self.pull_timeout, pull).await else {
            return Err(Failure::timed_out("pulled", self.pull_timeout));
        };
        let now = self.clock.now();
        match result {
            Ok(()) => {
                self.unreachable_until.lock().remove(registry_of(reference));
                self.uses.lock().insert(
                    reference.to_owned(),
                    ImageUse {
                        pulled_at: now,
                        last_used_at: now,
                    },
                );
                Ok(())
            }
            Err(error) => {
                // The registry's own refusals say that it was reached.
                if !error.is_missing() {
                    self.registry_failed(reference);
                }
                Err(Failure::new(FailureKind::CannotPullContainer, error))
            }
        }
    }

    fn registry_failed(&self, reference: &str) {
        let until = self.clock.now() + UNREACHABLE_FOR;
        self.unreachable_until
            .lock()
            .insert(registry_of(reference).to_owned(), until);
    }

    /// The local image, where a failed pull may be answered with it.
    async fn fall_back(&self, reference: &str) -> Result<Option<ImageDetails>, Failure> {
        match self.behavior {
            ImagePullBehavior::Default | ImagePullBehavior::PreferCached => self.local(reference).await,
            ImagePullBehavior::Always | ImagePullBehavior::Once => Ok(None),
        }
    }

    fn used(&self, reference: &str) {
        if let Some(image) = self.uses.lock().get_mut(reference) {
            image.last_used_at = self.clock.now();
        }
    }
}

/// The registry's host in a reference: what stands before the first slash, if it looks like a host.
fn registry_of(reference: &str) -> &str {
    match repository_of(reference).split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => DOCKER_HUB,
    }
}

#[cfg(test)]
mod tests;
