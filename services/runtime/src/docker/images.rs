//! Images: pull, look, tag, remove.

use super::convert::{epoch, time};
use super::failure::{explain, explain_image};
use crate::error::{Result, RuntimeError};
use crate::image::{ImageDetails, ImageSummary, PullProgress, RegistryAuth, repository_of, with_default_tag};
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::models::{CreateImageInfo, ImageInspect};
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ListImagesOptions, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use futures::StreamExt;
use std::time::Duration;

pub(super) async fn pull(
    docker: &Docker,
    reference: &str,
    auth: Option<&RegistryAuth>,
    progress: &(dyn Fn(PullProgress) + Send + Sync),
    stall: Duration,
) -> Result<()> {
    let options = CreateImageOptionsBuilder::default()
        .from_image(&with_default_tag(reference))
        .build();
    let mut steps = docker.create_image(Some(options), None, auth.map(credentials));
    loop {
        let step = tokio::time::timeout(stall, steps.next())
            .await
            .map_err(|_| RuntimeError::Timeout {
                call: "pull",
                after: stall,
            })?;
        match step {
            None => return Ok(()),
            Some(Err(error)) => return Err(pull_failure(explain("pull")(error))),
            Some(Ok(CreateImageInfo {
                error_detail: Some(detail),
                ..
            })) => {
                let message = detail.message.unwrap_or_else(|| "pull failed".to_owned());
                return Err(pull_failure(RuntimeError::Engine { status: 0, message }));
            }
            Some(Ok(step)) => progress(PullProgress {
                layer: step.id,
                status: step.status.unwrap_or_default(),
                current: step.progress_detail.as_ref().and_then(|detail| detail.current),
                total: step.progress_detail.as_ref().and_then(|detail| detail.total),
            }),
        }
    }
}

/// Engines answer 404, 500 or an error within the stream, depending on version and registry; the words decide.
fn pull_failure(error: RuntimeError) -> RuntimeError {
    const REFUSED: [&str; 7] = [
        "not found",
        "manifest unknown",
        "does not exist",
        "access denied",
        "denied:",
        "unauthorized",
        "no basic auth credentials",
    ];
    match error {
        RuntimeError::NotFound { message } => RuntimeError::ImageNotFound { message },
        RuntimeError::Engine { message, .. } if REFUSED.iter().any(|words| message.contains(words)) => {
            RuntimeError::ImageNotFound { message }
        }
        other => other,
    }
}

fn credentials(auth: &RegistryAuth) -> DockerCredentials {
    DockerCredentials {
        username: Some(auth.username.clone()),
        password: Some(auth.password.clone()),
        serveraddress: auth.server_address.clone(),
        identitytoken: auth.identity_token.clone(),
        ..DockerCredentials::default()
    }
}

pub(super) async fn inspect(docker: &Docker, reference: &str) -> Result<ImageDetails> {
    let image = docker
        .inspect_image(reference)
        .await
        .map_err(explain_image("image inspect"))?;
    Ok(details(image))
}

fn details(image: ImageInspect) -> ImageDetails {
    let config = image.config.unwrap_or_default();
    ImageDetails {
        id: image.id.unwrap_or_default(),
        repo_tags: image.repo_tags.unwrap_or_default(),
        repo_digests: image.repo_digests.unwrap_or_default(),
        env: config.env.unwrap_or_default(),
        entrypoint: config.entrypoint.unwrap_or_default(),
        command: config.cmd.unwrap_or_default(),
        user: config.user.filter(|user| !user.is_empty()),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        exposed_ports: config.exposed_ports.unwrap_or_default(),
        volumes: config.volumes.unwrap_or_default(),
        stop_signal: config.stop_signal.filter(|signal| !signal.is_empty()),
        healthcheck: config.healthcheck,
        size: image.size.unwrap_or_default(),
        created_at: image.created.as_deref().and_then(time),
    }
}

pub(super) async fn list(docker: &Docker) -> Result<Vec<ImageSummary>> {
    let images = docker
        .list_images(None::<ListImagesOptions>)
        .await
        .map_err(explain("image list"))?;
    let named = |names: Vec<String>| {
        names
            .into_iter()
            .filter(|name| !name.starts_with("<none>"))
            .collect()
    };
    Ok(images
        .into_iter()
        .map(|image| ImageSummary {
            id: image.id,
            repo_tags: named(image.repo_tags),
            repo_digests: named(image.repo_digests),
            size: image.size,
            created_at: epoch(image.created),
        })
        .collect())
}

pub(super) async fn remove(docker: &Docker, reference: &str, force: bool) -> Result<()> {
    let options = RemoveImageOptionsBuilder::default().force(force).build();
    let removed = docker.remove_image(reference, Some(options), None).await;
    removed.map(drop).map_err(explain_image("image remove"))
}

pub(super) async fn tag(docker: &Docker, source: &str, target: &str) -> Result<()> {
    let target = with_default_tag(target);
    let repository = repository_of(&target);
    let tag = target
        .strip_prefix(repository)
        .map_or("latest", |rest| rest.trim_start_matches(':'));
    let options = TagImageOptionsBuilder::default()
        .repo(repository)
        .tag(tag)
        .build();
    docker
        .tag_image(source, Some(options))
        .await
        .map_err(explain_image("image tag"))
}
