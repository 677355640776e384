//! A small AWS client over real HTTP: any operation, any body, signed.

use std::time::Duration;

use auth::{Credentials, KeyPair, Signer};
use aws_model::{Service, ecs};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header, request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kit::Clock;
use serde_json::{Value, json};
use thiserror::Error;

use crate::{Refusal, TestClock};

const PATIENCE: Duration = Duration::from_secs(30);

/// Why a call has no result.
#[derive(Debug, Clone, Error)]
pub enum CallError {
    /// The connection broke or there is none; the request may have been carried out.
    #[error("no answer: {0}")]
    NoAnswer(String),
    #[error("{status}: {}: {}", refusal.code, refusal.message)]
    Refused { status: StatusCode, refusal: Refusal },
}

impl CallError {
    /// The server said no for good: asking again with the same body is of no use.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if status.is_client_error())
    }
}

/// An answer as it came over the wire.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body; `null` if it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The text of the first element of this name in a body of XML; nothing when there is none.
    pub fn element(&self, name: &str) -> Option<&str> {
        let body = std::str::from_utf8(&self.body).ok()?;
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    }

    /// What makes this answer no refusal in the protocol's form (W-02, W-03): a client's fault with a body that names a code and a
    /// text, the protocol's content type and a request id.
    pub fn flaw(&self) -> Option<String> {
        let text = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let body = match text("content-type") {
            Some("text/xml;charset=UTF-8") => {
                let id = self.element("RequestId").or(self.element("RequestID"));
                if id != text("x-amzn-requestid") {
                    return Some(format!("request id {id:?}"));
                }
                json!({"__type": self.element("Code"), "message": self.element("Message")})
            }
            Some("application/x-amz-json-1.1") => self.json(),
            other => return Some(format!("content type {other:?}")),
        };
        let code = body["__type"].as_str().unwrap_or_default();
        if !self.status.is_client_error() {
            return Some(format!("status {}", self.status));
        }
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
        if code.is_empty() || !code.bytes().all(word) {
            return Some(format!("__type {code:?}"));
        }
        if body["message"].as_str().is_none_or(str::is_empty) {
            return Some("no message".to_owned());
        }
        text("x-amzn-requestid")
            .is_none_or(str::is_empty)
            .then(|| "no request id".to_owned())
    }
}

/// Calls one server as the operator. Clones share connections.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    key_pair: KeyPair,
    region: String,
    /// For ECS.
    signer: Signer,
    endpoint: String,
    clock: TestClock,
}

impl Client {
    /// `endpoint` is a base address such as `http://127.0.0.1:8400`.
    pub fn new(endpoint: impl Into<String>, key_pair: KeyPair, region: &str, clock: TestClock) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let signer = signer(&key_pair, region, &ecs::SERVICE);
        let pool = Pool::builder(TokioExecutor::new()).build(connector);
        Self {
            pool,
            key_pair,
            region: region.to_owned(),
            signer,
            endpoint: endpoint.into(),
            clock,
        }
    }

    /// The same client in another region, which is a namespace of its own.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        Self {
            signer: signer(&self.key_pair, region, &ecs::SERVICE),
            region: region.to_owned(),
            ..self.clone()
        }
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Calls an operation.
    ///
    /// # Errors
    /// When there is no answer, or the server refuses.
    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, CallError> {
        let answer = self
            .post(operation, input.to_string())
            .await
            .map_err(CallError::NoAnswer)?;
        if answer.status == StatusCode::OK {
            return Ok(answer.json());
        }
        let body = answer.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let refusal = Refusal {
            code: text("__type"),
            message: text("message"),
        };
        Err(CallError::Refused {
            status: answer.status,
            refusal,
        })
    }

    /// Calls an operation that is expected to work.
    ///
    /// # Panics
    /// When it does not.
    pub async fn ok(&self, operation: &str, input: Value) -> Value {
        match self.call(operation, input.clone()).await {
            Ok(reply) => reply,
            Err(error) => panic!("{operation} {input}: {error}"),
        }
    }

    /// Calls an operation that is expected to be refused.
    ///
    /// # Panics
    /// When it works, or there is no answer.
    pub async fn refused(&self, operation: &str, input: Value) -> Refusal {
        match self.call(operation, input.clone()).await {
            Err(CallError::Refused { refusal, .. }) => refusal,
            other => panic!("{operation} {input}: {other:?}"),
        }
    }

    /// Calls an operation until a server has carried it out: for calls that may be repeated.
    ///
    /// # Panics
    /// When the server says no for good, or nothing worked for 30 s.
    pub async fn insist(&self, operation: &str, input: Value) -> Value {
        crate::eventually(&format!("{operation} {input}"), PATIENCE, async || {
            match self.call(operation, input.clone()).await {
                Err(error) if error.is_final() => panic!("{operation} {input}: {error}"),
                outcome => outcome.ok(),
            }
        })
        .await
    }

    /// Sends any body to an operation of ECS, signed.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub async fn post(&self, operation: &str, body: impl Into<Bytes>) -> Result<Answer, String> {
        self.json(&ecs::SERVICE, operation, body).await
    }

    /// Sends any body to an operation of a service that speaks JSON, signed.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub async fn json(
        &self,
        service: &Service,
        operation: &str,
        body: impl Into<Bytes>,
    ) -> Result<Answer, String> {
        let prefix = service.target_prefix.unwrap_or_default();
        let request = Request::post(format!("{}/", self.endpoint))
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", format!("{prefix}.{operation}"));
        self.signed(request, body.into(), service).await
    }

    /// Sends a form to a service that speaks one of the Query protocols, signed.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub async fn form(&self, service: &Service, form: impl Into<Bytes>) -> Result<Answer, String> {
        let request = Request::post(format!("{}/", self.endpoint)).header(
            header::CONTENT_TYPE,
            "application/x-www-form-urlencoded; charset=utf-8",
        );
        self.signed(request, form.into(), service).await
    }

    async fn signed(
        &self,
        request: request::Builder,
        body: Bytes,
        service: &Service,
    ) -> Result<Answer, String> {
        let (mut parts, ()) = request.body(()).map_err(|error| error.to_string())?.into_parts();
        signer(&self.key_pair, &self.region, service)
            .sign(&mut parts, &body, self.clock.now())
            .map_err(|error| error.to_string())?;
        self.send(Request::from_parts(parts, body)).await
    }

    /// Sends a request as it is.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Answer, String> {
        let exchange = async {
            let response = self
                .pool
                .request(request.map(Full::new))
                .await
                .map_err(|error| format!("{error:?}"))?;
            let (parts, body) = response.into_parts();
            let body = body
                .collect()
                .await
                .map_err(|error| format!("{error:?}"))?
                .to_bytes();
            Ok(Answer {
                status: parts.status,
                headers: parts.headers,
                body,
            })
        };
        tokio::time::timeout(PATIENCE, exchange)
            .await
            .unwrap_or_else(|_| Err("nothing within 30 s".to_owned()))
    }

    /// Signs requests as this client does.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// All tasks of a cluster with this desired status, as DescribeTasks shows them.
    ///
    /// # Errors
    /// When there is no answer, or the server refuses.
    pub async fn tasks(&self, cluster: &str, desired_status: &str) -> Result<Vec<Value>, CallError> {
        let (mut tasks, mut next) = (Vec::new(), Value::Null);
        loop {
            let mut input = json!({"cluster": cluster, "desiredStatus": desired_status});
            if !next.is_null() {
                input["nextToken"] = next;
            }
            let page = self.call("ListTasks", input).await?;
            if page["taskArns"].as_array().is_some_and(|arns| !arns.is_empty()) {
                let shown = self
                    .call(
                        "DescribeTasks",
                        json!({"cluster": cluster, "tasks": page["taskArns"]}),
                    )
                    .await?;
                tasks.extend(shown["tasks"].as_array().cloned().unwrap_or_default());
            }
            next = page["nextToken"].clone();
            if next.is_null() {
                return Ok(tasks);
            }
        }
    }

    /// One service as DescribeServices shows it.
    ///
    /// # Errors
    /// When there is no answer, or the server refuses.
    pub async fn service(&self, cluster: &str, name: &str) -> Result<Value, CallError> {
        let shown = self
            .call(
                "DescribeServices",
                json!({"cluster": cluster, "services": [name]}),
            )
            .await?;
        Ok(shown["services"][0].clone())
    }
}

fn signer(key_pair: &KeyPair, region: &str, service: &Service) -> Signer {
    Signer::new(Credentials::from(key_pair.clone()), region, service.signing_name)
}
