//! Paths of the metadata endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use agent_protocol::RoleType;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::future::join_all;
use runtime::ContainerDetails;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::protection;
use super::shapes::{self, TagsError, TaskBody, Version};
use crate::engine::Engine;
use crate::session::api::{ApiClient, ApiError};
use crate::task::record::TaskRecord;

/// What all paths need.
#[derive(Clone)]
struct Shared {
    engine: Arc<Engine>,
    api: Arc<ApiClient>,
}

/// All paths.
pub fn routes(engine: Arc<Engine>, api: Arc<ApiClient>) -> Router {
    let versions = [("v3", Version::V3), ("v4", Version::V4)];
    let mut router = Router::new();
    for (name, version) in versions {
        let path = |rest: &str| format!("/{name}/{{id}}{rest}");
        router = router
            .route(&path(""), get(move |s, id| container(s, id, version)))
            .route(&path("/task"), get(move |s, id| task(s, id, version, false)))
            .route(
                &path("/taskWithTags"),
                get(move |s, id| task(s, id, version, true)),
            )
            .route(&path("/stats"), get(move |s, id| stats(s, id, version)))
            .route(&path("/task/stats"), get(move |s, id| task_stats(s, id, version)));
    }
    router
        .route("/v2/credentials/{id}", get(credentials))
        .route(
            "/api/{id}/task-protection/v1/state",
            get(get_protection).put(update_protection),
        )
        .fallback(|| async { (StatusCode::NOT_FOUND, Json("404 page not found")) })
        .with_state(Shared { engine, api })
}

/// The task and container that `id` was given to.
fn find(engine: &Engine, id: &str) -> Option<(TaskRecord, usize)> {
    engine.tasks().iter().find_map(|cell| {
        cell.read(|record| {
            let index = record
                .containers
                .iter()
                .position(|container| container.endpoint_id == id)?;
            Some((record.clone(), index))
        })
    })
}

fn unknown(version: Version, id: &str) -> Response {
    let status = match version {
        Version::V3 => StatusCode::BAD_REQUEST,
        Version::V4 => StatusCode::NOT_FOUND,
    };
    let text = format!("Unable to get container metadata: no container is known by the id {id}");
    (status, Json(text)).into_response()
}

async fn container(State(shared): State<Shared>, Path(id): Path<String>, version: Version) -> Response {
    let Some((task, index)) = find(&shared.engine, &id) else {
        return unknown(version, &id);
    };
    let details = details(&shared.engine, &task, index).await;
    Json(shapes::container(&task, index, details.as_ref(), version)).into_response()
}

async fn task(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    version: Version,
    tags: bool,
) -> Response {
    let Some((task, _)) = find(&shared.engine, &id) else {
        return unknown(version, &id);
    };
    let all = (0..task.containers.len()).map(|index| details(&shared.engine, &task, index));
    let all = join_all(all).await;
    let host = shared.engine.host();
    let zone = host.identity.lock().await.availability_zone.clone();
    let mut body = shapes::task(host, zone, &task, &all, version);
    if tags {
        add_tags(&shared, &task, &mut body).await;
    }
    Json(body).into_response()
}

async fn details(engine: &Engine, task: &TaskRecord, index: usize) -> Option<ContainerDetails> {
    let id = task.containers[index].runtime_id.as_deref()?;
    engine.host().runtime.container_inspect(id).await.ok()
}

async fn add_tags(shared: &Shared, task: &TaskRecord, body: &mut TaskBody) {
    let instance = &shared.engine.host().container_instance_arn;
    let (task_tags, instance_tags) =
        tokio::join!(tags_of(&shared.api, task.arn()), tags_of(&shared.api, instance));
    let error = |error_field, resource: &str, error: ApiError| TagsError {
        error_field,
        error_code: error.code().unwrap_or("ServerException").to_owned(),
        error_message: error.to_string(),
        resource_arn: resource.to_owned(),
    };
    match task_tags {
        Ok(tags) => body.task_tags = Some(tags),
        Err(e) => body.errors.push(error("TaskTags", task.arn(), e)),
    }
    match instance_tags {
        Ok(tags) => body.container_instance_tags = Some(tags),
        Err(e) => body.errors.push(error("ContainerInstanceTags", instance, e)),
    }
}

async fn tags_of(api: &ApiClient, resource: &str) -> Result<BTreeMap<String, String>, ApiError> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        tags: Vec<Tag>,
    }
    #[derive(Deserialize)]
    struct Tag {
        key: String,
        #[serde(default)]
        value: String,
    }
    let answer: Answer = api
        .call("ListTagsForResource", &json!({ "resourceArn": resource }))
        .await?;
    Ok(answer.tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

async fn stats(State(shared): State<Shared>, Path(id): Path<String>, version: Version) -> Response {
    let Some((task, index)) = find(&shared.engine, &id) else {
        return unknown(version, &id);
    };
    Json(one_stats(&shared.engine, &task, index).await).into_response()
}

async fn task_stats(State(shared): State<Shared>, Path(id): Path<String>, version: Version) -> Response {
    let Some((task, _)) = find(&shared.engine, &id) else {
        return unknown(version, &id);
    };
    let mut all = Map::new();
    for (index, container) in task.containers.iter().enumerate() {
        if let Some(id) = &container.runtime_id {
            all.insert(id.clone(), one_stats(&shared.engine, &task, index).await);
        }
    }
    Json(all).into_response()
}

/// The engine's figures with the rates of the network added; null for a container that does not run.
async fn one_stats(engine: &Engine, task: &TaskRecord, index: usize) -> Value {
    let host = engine.host();
    let Some(id) = task.containers[index].runtime_id.as_deref() else {
        return Value::Null;
    };
    let Ok(stats) = host.runtime.container_stats(id).await else {
        return Value::Null;
    };
    let usage = host.samples.take(id, &stats, host.engine.cpus, host.clock.now());
    let mut body = serde_json::to_value(&stats).unwrap_or_default();
    if let (Some((rx, tx)), Some(body)) = (usage.network_rates, body.as_object_mut()) {
        body.insert(
            "network_rate_stats".to_owned(),
            json!({ "rx_bytes_per_sec": rx, "tx_bytes_per_sec": tx }),
        );
    }
    body
}

async fn credentials(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let failed = |status: StatusCode, code: &str, message: &str| {
        (
            status,
            Json(json!({ "code": code, "message": message, "HTTPErrorCode": status.as_u16() })),
        )
            .into_response()
    };
    if let Some(held) = shared
        .engine
        .credentials()
        .get(&id)
        .filter(|held| held.role == RoleType::TaskApplication)
    {
        let keys = held.keys;
        return Json(json!({
            "RoleArn": keys.role_arn,
            "AccessKeyId": keys.access_key_id,
            "SecretAccessKey": keys.secret_access_key,
            "Token": keys.session_token,
            "Expiration": keys.expiration,
        }))
        .into_response();
    }
    let expected = |record: &TaskRecord| record.role_credentials_id.as_deref() == Some(id.as_str());
    if shared.engine.tasks().iter().any(|cell| cell.read(expected)) {
        let text = "CredentialsV2Request: Credentials uninitialized for ID";
        return failed(StatusCode::SERVICE_UNAVAILABLE, "CredentialsUninitialized", text);
    }
    failed(
        StatusCode::BAD_REQUEST,
        "InvalidIdInRequest",
        "CredentialsV2Request: ID not found",
    )
}

async fn get_protection(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    match find(&shared.engine, &id) {
        Some((task, _)) => protection::get(&shared.engine, &shared.api, &task).await,
        None => no_such_task(),
    }
}

async fn update_protection(State(shared): State<Shared>, Path(id): Path<String>, body: Bytes) -> Response {
    match find(&shared.engine, &id) {
        Some((task, _)) => protection::update(&shared.engine, &shared.api, &task, &body).await,
        None => no_such_task(),
    }
}

fn no_such_task() -> Response {
    protection::failed(
        StatusCode::NOT_FOUND,
        None,
        "ResourceNotFoundException",
        "Failed to find a task for the request",
    )
}
