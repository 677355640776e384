//! The task protection endpoint: asks the server with the task role's keys (section 6.4, PR-03).

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::AccessKey;
use crate::engine::Engine;
use crate::session::api::{ApiClient, ApiError};
use crate::task::record::TaskRecord;

const TIMEOUT: Duration = Duration::from_secs(4);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ProtectionRequest {
    protection_enabled: bool,
    expires_in_minutes: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpdateTaskProtectionRequest<'a> {
    cluster: &'a str,
    tasks: [&'a str; 1],
    protection_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_minutes: Option<i64>,
}

#[derive(Serialize)]
struct GetTaskProtectionRequest<'a> {
    cluster: &'a str,
    tasks: [&'a str; 1],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProtectionAnswer {
    #[serde(default)]
    protected_tasks: Vec<ProtectedTask>,
    #[serde(default)]
    failures: Vec<Failure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProtectedTask {
    task_arn: Option<String>,
    protection_enabled: Option<bool>,
    expiration_date: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    arn: Option<String>,
    reason: Option<String>,
    detail: Option<String>,
}

/// Answers `GET .../task-protection/v1/state`.
pub async fn get(engine: &Engine, api: &ApiClient, task: &TaskRecord) -> Response {
    let request = GetTaskProtectionRequest {
        cluster: cluster(engine, task),
        tasks: [task.arn()],
    };
    match role_key(engine, task) {
        Some(key) => ask(api, key, "GetTaskProtection", &request, task).await,
        None => no_role(task),
    }
}

/// Answers `PUT .../task-protection/v1/state`.
pub async fn update(engine: &Engine, api: &ApiClient, task: &TaskRecord, body: &Bytes) -> Response {
    let wanted: ProtectionRequest = match serde_json::from_slice(body) {
        Ok(wanted) => wanted,
        Err(error) => {
            let text = format!("UpdateTaskProtection: failed to decode request: {error}");
            return failed(
                StatusCode::BAD_REQUEST,
                Some(task),
                "InvalidParameterException",
                &text,
            );
        }
    };
    let request = UpdateTaskProtectionRequest {
        cluster: cluster(engine, task),
        tasks: [task.arn()],
        protection_enabled: wanted.protection_enabled,
        expires_in_minutes: wanted.expires_in_minutes,
    };
    match role_key(engine, task) {
        Some(key) => ask(api, key, "UpdateTaskProtection", &request, task).await,
        None => no_role(task),
    }
}

/// An error in this endpoint's form.
pub fn failed(status: StatusCode, task: Option<&TaskRecord>, code: &str, message: &str) -> Response {
    let mut error = json!({ "Code": code, "Message": message });
    if let Some(task) = task {
        error["Arn"] = json!(task.arn());
    }
    (status, Json(json!({ "error": error }))).into_response()
}

fn cluster<'a>(engine: &'a Engine, task: &'a TaskRecord) -> &'a str {
    task.payload
        .task_cluster_arn
        .as_deref()
        .unwrap_or(&engine.host().config.cluster)
}

fn role_key(engine: &Engine, task: &TaskRecord) -> Option<AccessKey> {
    let held = engine.credentials().get(task.role_credentials_id.as_deref()?)?;
    Some(AccessKey {
        access_key_id: held.keys.access_key_id,
        secret_access_key: held.keys.secret_access_key,
        session_token: Some(held.keys.session_token).filter(|token| !token.is_empty()),
    })
}

fn no_role(task: &TaskRecord) -> Response {
    let text = "Invalid Request: no task IAM role credentials available for task";
    failed(StatusCode::FORBIDDEN, Some(task), "AccessDeniedException", text)
}

async fn ask(
    api: &ApiClient,
    key: AccessKey,
    operation: &'static str,
    request: &impl Serialize,
    task: &TaskRecord,
) -> Response {
    let asked = tokio::time::timeout(
        TIMEOUT,
        api.call_as::<_, ProtectionAnswer>(key, operation, request),
    )
    .await;
    let Ok(answer) = asked else {
        let text = "Timed out calling ECS Task Protection API";
        return failed(StatusCode::GATEWAY_TIMEOUT, Some(task), "RequestCanceled", text);
    };
    match answer {
        Ok(answer) => told(&answer, task),
        Err(ApiError::Refused {
            status,
            code,
            message,
            ..
        }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            failed(status, Some(task), &code, &message)
        }
        Err(error @ (ApiError::NoAnswer(_) | ApiError::Unreadable { .. })) => failed(
            StatusCode::INTERNAL_SERVER_ERROR,
            Some(task),
            "ServerException",
            &error.to_string(),
        ),
    }
}

fn told(answer: &ProtectionAnswer, task: &TaskRecord) -> Response {
    if let Some(failure) = answer.failures.first() {
        let failure = json!({ "Arn": failure.arn, "Reason": failure.reason, "Detail": failure.detail });
        return Json(json!({ "failure": failure })).into_response();
    }
    let Some(protected) = answer.protected_tasks.first() else {
        let text = "Unexpected error when processing task protection request: the answer names no task";
        return failed(
            StatusCode::INTERNAL_SERVER_ERROR,
            Some(task),
            "ServerException",
            text,
        );
    };
    let expires = protected
        .expiration_date
        .and_then(|seconds| chrono::DateTime::from_timestamp_millis((seconds * 1000.0) as i64));
    let mut protection = json!({
        "ProtectionEnabled": protected.protection_enabled.unwrap_or_default(),
        "TaskArn": protected.task_arn.as_deref().unwrap_or(task.arn()),
    });
    protection["ExpirationDate"] = expires.map_or(Value::Null, |at| {
        json!(at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    });
    Json(json!({ "protection": protection })).into_response()
}
