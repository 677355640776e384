//! The one HTTP client of an agent: plain HTTP/1.1 with kept connections. Many agents in one process may share it.

pub mod tls;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;

/// Largest answer that is read.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a request brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Only `http://host[:port]/...` is spoken.
    #[error("{0:?} is not a plain http:// address; this agent does not speak TLS")]
    Scheme(String),
    #[error("no answer from {uri}: {reason}")]
    NoAnswer { uri: String, reason: String },
    #[error("no answer from {uri} within {seconds} s")]
    TimedOut { uri: String, seconds: u64 },
    #[error("the answer of {uri} is larger than 16 MiB")]
    TooLarge { uri: String },
}

/// Sends requests; clones share the pool of connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Default for HttpClient {
    fn default() -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(16)
            .build(connector());
        Self { client }
    }
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector
}

impl HttpClient {
    /// A client with its own connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends one request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// When the answer does not come within `timeout`, is too large, or the address is not plain HTTP.
    pub async fn send(
        &self,
        request: Request<Full<Bytes>>,
        timeout: Duration,
    ) -> Result<(StatusCode, Bytes), HttpError> {
        check_scheme(request.uri())?;
        exchange(&self.client, request, timeout).await
    }

    /// Reads what stands at `uri`.
    ///
    /// # Errors
    /// As [`HttpClient::send`]; an answer other than 200 is an error too.
    pub async fn get(&self, uri: &Uri, timeout: Duration) -> Result<Bytes, HttpError> {
        check_scheme(uri)?;
        get(&self.client, uri, timeout).await
    }
}

async fn get<C>(client: &Client<C, Full<Bytes>>, uri: &Uri, timeout: Duration) -> Result<Bytes, HttpError>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let refused = |reason: String| HttpError::NoAnswer {
        uri: uri.to_string(),
        reason,
    };
    let request = Request::get(uri.clone())
        .body(Full::default())
        .map_err(|e| refused(e.to_string()))?;
    match exchange(client, request, timeout).await? {
        (StatusCode::OK, body) => Ok(body),
        (status, _) => Err(refused(format!("status {status}"))),
    }
}

async fn exchange<C>(
    client: &Client<C, Full<Bytes>>,
    request: Request<Full<Bytes>>,
    timeout: Duration,
) -> Result<(StatusCode, Bytes), HttpError>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let uri = request.uri().clone();
    let no_answer = |error: &dyn std::error::Error| HttpError::NoAnswer {
        uri: uri.to_string(),
        reason: with_causes(error),
    };
    let whole = async {
        let answer = client.request(request).await.map_err(|e| no_answer(&e))?;
        let status = answer.status();
        let mut body = answer.into_body();
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| no_answer(&e))?;
            bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
            if bytes.len() > MAX_ANSWER_BYTES {
                return Err(HttpError::TooLarge { uri: uri.to_string() });
            }
        }
        Ok((status, bytes.freeze()))
    };
    let expired = || HttpError::TimedOut {
        uri: uri.to_string(),
        seconds: timeout.as_secs(),
    };
    tokio::time::timeout(timeout, whole)
        .await
        .unwrap_or_else(|_| Err(expired()))
}

/// Refuses anything but `http://` with a host.
///
/// # Errors
/// [`HttpError::Scheme`].
pub fn check_scheme(uri: &Uri) -> Result<(), HttpError> {
    match (uri.scheme_str(), uri.host()) {
        (Some("http"), Some(_)) => Ok(()),
        _ => Err(HttpError::Scheme(uri.to_string())),
    }
}

/// An error's text with the texts of its causes; hyper names only the outermost step.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
