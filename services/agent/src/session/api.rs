//! Calls of the ECS API in its AWS JSON 1.1 form, signed, with failover between servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use kit::Clock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::signer::Signer;
use crate::config::{AccessKey, AgentConfig};
use crate::http_client::{HttpClient, HttpError, check_scheme};

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(42);
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const TARGET: &str = "AmazonEC2ContainerServiceV20141113";

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error(transparent)]
    NoAnswer(#[from] HttpError),
    /// The server said no.
    #[error("{operation}: {code}: {message} (status {status})")]
    Refused {
        operation: &'static str,
        status: u16,
        code: String,
        message: String,
    },
    #[error("{operation}: the answer has an unexpected shape")]
    Unreadable {
        operation: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

impl ApiError {
    /// The exception's name (`InvalidParameterException`), if the server refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::NoAnswer(_) | Self::Unreadable { .. } => None,
        }
    }
}

/// A client of the ECS API.
pub struct ApiClient {
    http: HttpClient,
    signer: Signer,
    region: String,
    endpoints: Vec<Uri>,
    /// Index of the endpoint that answered last.
    preferred: AtomicUsize,
    clock: Arc<dyn Clock>,
    user_agent: String,
}

impl ApiClient {
    /// A client for the endpoints, region and keys of `config`.
    ///
    /// # Errors
    /// When an endpoint is not a plain `http://` address, or there is none.
    pub fn new(config: &AgentConfig, http: HttpClient, clock: Arc<dyn Clock>) -> Result<Self, HttpError> {
        let read = |text: &String| -> Result<Uri, HttpError> {
            let uri: Uri = text.parse().map_err(|_| HttpError::Scheme(text.clone()))?;
            check_scheme(&uri).map(|()| uri)
        };
        let endpoints = config.endpoints.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            return Err(HttpError::Scheme(String::new()));
        }
        Ok(Self {
            http,
            signer: Signer::new(config.credentials.clone(), &config.region),
            region: config.region.clone(),
            endpoints,
            preferred: AtomicUsize::new(0),
            clock,
            user_agent: format!(
                "Berth ECS Agent - v{} ({}) (linux)",
                config.agent_version, config.agent_hash
            ),
        })
    }

    /// Calls `operation` with the agent's own keys. Each server is tried once until one answers.
    ///
    /// # Errors
    /// When no server answers, or one refuses.
    pub async fn call<I: Serialize, O: DeserializeOwned>(
        &self,
        operation: &'static str,
        input: &I,
    ) -> Result<O, ApiError> {
        self.call_signed(&self.signer, operation, input).await
    }

    /// Calls `operation` with a task role's keys.
    ///
    /// # Errors
    /// As [`ApiClient::call`].
    pub async fn call_as<I: Serialize, O: DeserializeOwned>(
        &self,
        key: AccessKey,
        operation: &'static str,
        input: &I,
    ) -> Result<O, ApiError> {
        self.call_signed(&Signer::new(key, &self.region), operation, input)
            .await
    }

    async fn call_signed<I: Serialize, O: DeserializeOwned>(
        &self,
        signer: &Signer,
        operation: &'static str,
        input: &I,
    ) -> Result<O, ApiError> {
        let unreadable = |source| ApiError::Unreadable { operation, source };
        let body = Bytes::from(serde_json::to_vec(input).map_err(unreadable)?);
        let first = self.preferred.load(Ordering::Relaxed);
        let mut failure = None;
        for index in (0..self.endpoints.len()).map(|offset| (first + offset) % self.endpoints.len()) {
            match self
                .attempt(signer, &self.endpoints[index], operation, body.clone())
                .await
            {
                Ok((status, answer)) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    if status == StatusCode::OK {
                        return serde_json::from_slice(&answer).map_err(unreadable);
                    }
                    return Err(refusal(operation, status, &answer));
                }
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.expect("there is at least one endpoint").into())
    }

    async fn attempt(
        &self,
        signer: &Signer,
        endpoint: &Uri,
        operation: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), HttpError> {
        let extra = vec![
            ("content-type", CONTENT_TYPE.to_owned()),
            ("x-amz-target", format!("{TARGET}.{operation}")),
        ];
        let mut request = Request::post(endpoint.clone()).header("user-agent", &self.user_agent);
        for (name, value) in signer.sign("POST", endpoint, extra, &body, self.clock.now()) {
            request = request.header(name, value);
        }
        let malformed = |e: http::Error| HttpError::NoAnswer {
            uri: endpoint.to_string(),
            reason: e.to_string(),
        };
        self.http
            .send(request.body(Full::new(body)).map_err(malformed)?, ATTEMPT_TIMEOUT)
            .await
    }
}

/// Reads `{"__type":"<Code>","message":"..."}`; the type may carry a namespace before `#`.
fn refusal(operation: &'static str, status: StatusCode, body: &[u8]) -> ApiError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|name| body[*name].as_str())
            .unwrap_or_default()
    };
    let code = text(["__type", "code"]);
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code).to_owned();
    let message = text(["message", "Message"]).to_owned();
    ApiError::Refused {
        operation,
        status: status.as_u16(),
        code,
        message,
    }
}
