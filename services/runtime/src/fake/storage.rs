//! Images and volumes of a simulated host.

use super::container::Container;
use super::state::State;
use crate::error::{Result, RuntimeError};
use crate::image::{ImageDetails, ImageSummary, RegistryAuth, repository_of, with_default_tag};
use crate::volume::{VolumeDetails, VolumeSpec};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

impl State {
    pub(super) fn pull(
        &mut self,
        reference: &str,
        auth: Option<&RegistryAuth>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let script = self.script_of_image(reference);
        if let Some(message) = script.pull.failure {
            return Err(RuntimeError::ImageNotFound { message });
        }
        if script.private && auth.is_none() {
            let message = format!("pull access denied for {}", repository_of(reference));
            return Err(RuntimeError::ImageNotFound { message });
        }
        self.add_image(reference, script.stop_signal, now);
        Ok(())
    }

    pub(super) fn add_image(&mut self, reference: &str, stop_signal: Option<String>, now: DateTime<Utc>) {
        let reference = with_default_tag(kept_name(reference));
        let digest = format!(
            "sha256:{}{}",
            stable_id("config", &reference),
            stable_id("layer", &reference)
        );
        let manifest = match reference.split_once('@') {
            Some((_, digest)) => digest.to_owned(),
            None => format!(
                "sha256:{}{}",
                stable_id("manifest", &reference),
                stable_id("index", &reference)
            ),
        };
        let image = ImageDetails {
            id: digest,
            repo_tags: vec![reference.clone()],
            repo_digests: vec![format!("{}@{manifest}", repository_of(&reference))],
            stop_signal,
            size: 1 << 20,
            created_at: Some(now),
            ..ImageDetails::default()
        };
        self.images.entry(reference).or_insert(image);
    }

    pub(super) fn image(&self, reference: &str) -> Result<&ImageDetails> {
        let by_id = || self.images.values().find(|image| image.id == reference);
        let by_digest = || {
            self.images
                .values()
                .find(|image| image.repo_digests.iter().any(|one| one == reference))
        };
        self.images
            .get(&with_default_tag(kept_name(reference)))
            .or_else(by_id)
            .or_else(by_digest)
            .ok_or_else(|| RuntimeError::ImageNotFound {
                message: format!("No such image: {}", with_default_tag(reference)),
            })
    }

    pub(super) fn image_list(&self) -> Vec<ImageSummary> {
        let mut by_id: BTreeMap<&str, ImageSummary> = BTreeMap::new();
        for (reference, image) in &self.images {
            let summary = by_id.entry(&image.id).or_insert_with(|| ImageSummary {
                id: image.id.clone(),
                repo_tags: Vec::new(),
                repo_digests: image.repo_digests.clone(),
                size: image.size,
                created_at: image.created_at,
            });
            summary.repo_tags.push(reference.clone());
        }
        by_id.into_values().collect()
    }

    pub(super) fn image_remove(&mut self, reference: &str, force: bool) -> Result<()> {
        let id = self.image(reference)?.id.clone();
        let key = with_default_tag(kept_name(reference));
        let is_last = self.images.values().filter(|image| image.id == id).count() == 1 || reference == id;
        let user = self
            .containers
            .values()
            .find(|container| container.image_id == id);
        if let (true, Some(user)) = (is_last, user)
            && (!force || user.status.is_running())
        {
            let message = format!(
                "conflict: unable to remove {reference}: container {} is using it",
                user.id
            );
            return Err(RuntimeError::Conflict { message });
        }
        if self.images.remove(&key).is_none() {
            self.images.retain(|_, image| image.id != id);
        }
        Ok(())
    }

    pub(super) fn image_tag(&mut self, source: &str, target: &str) -> Result<()> {
        let image = self.image(source)?.clone();
        self.images.insert(with_default_tag(target), image);
        Ok(())
    }

    pub(super) fn volume_create(&mut self, spec: &VolumeSpec) -> Result<VolumeDetails> {
        let driver = spec
            .driver
            .clone()
            .filter(|driver| !driver.is_empty())
            .unwrap_or_else(|| "local".to_owned());
        let made = VolumeDetails {
            name: spec.name.clone(),
            mountpoint: volume_path(&spec.name),
            driver,
            driver_opts: spec.driver_opts.clone(),
            labels: spec.labels.clone(),
        };
        let volume = self
            .volumes
            .entry(spec.name.clone())
            .or_insert_with(|| made.clone());
        if volume.driver == made.driver {
            return Ok(volume.clone());
        }
        let message = format!("create {}: conflict: volume name must be unique", spec.name);
        Err(RuntimeError::Conflict { message })
    }

    pub(super) fn volume(&self, name: &str) -> Result<&VolumeDetails> {
        let missing = || RuntimeError::NotFound {
            message: format!("get {name}: no such volume"),
        };
        self.volumes.get(name).ok_or_else(missing)
    }

    pub(super) fn volume_remove(&mut self, name: &str) -> Result<()> {
        self.volume(name)?;
        let uses = |container: &&Container| {
            container
                .mounts()
                .iter()
                .any(|mount| mount.volume.as_deref() == Some(name))
        };
        if let Some(user) = self.containers.values().find(uses) {
            let message = format!("remove {name}: volume is in use - [{}]", user.id);
            return Err(RuntimeError::Conflict { message });
        }
        self.volumes.remove(name);
        Ok(())
    }
}

pub(super) fn volume_path(name: &str) -> String {
    format!("/var/lib/docker/volumes/{name}/_data")
}

/// What an image is known by: beside a tag a digest says nothing, for simulated images never change under their tags.
pub(super) fn kept_name(reference: &str) -> &str {
    match reference.split_once('@') {
        Some((name, _)) if repository_of(name) != name => name,
        _ => reference,
    }
}

/// 32 hex digits that are the same for the same image on every host.
fn stable_id(kind: &str, reference: &str) -> String {
    // FNV-1a, 128 bit.
    let hash = kind
        .bytes()
        .chain(reference.bytes())
        .fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        });
    format!("{hash:032x}")
}
