//! One health check over the network (LB-15).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use routing::TargetGroup;
use routing::health::{CheckProtocol, Matcher};
use routing::snapshot::ProtocolVersion;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::verdict::Outcome;
use crate::tls::TargetTls;

const USER_AGENT: &str = "ELB-HealthChecker/2.0";
/// A gRPC message without content: not compressed, no bytes.
const EMPTY_MESSAGE: [u8; 5] = [0; 5];

/// A check that is about to be made.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    pub group: Arc<TargetGroup>,
    /// The target's address with the port that is checked.
    pub address: SocketAddr,
}

/// Why there is no code to judge.
#[derive(Debug, thiserror::Error)]
enum ProbeError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Http1(#[from] hyper::Error),
    #[error(transparent)]
    Http2(#[from] h2::Error),
    #[error(transparent)]
    Request(#[from] http::Error),
    #[error("the answer has no grpc-status")]
    NoGrpcStatus,
}

impl Probe {
    /// Checks once, within the timeout of the group.
    pub async fn run(&self, tls: &TargetTls) -> Outcome {
        let limit = Duration::from_secs(self.group.health_check.timeout_seconds.max(1).into());
        match tokio::time::timeout(limit, self.attempt(tls)).await {
            Err(_) => Outcome::TimedOut,
            Ok(Err(error)) if is_timeout(&error) => Outcome::TimedOut,
            Ok(Err(_)) => Outcome::Broken,
            Ok(Ok(outcome)) => outcome,
        }
    }

    async fn attempt(&self, tls: &TargetTls) -> Result<Outcome, ProbeError> {
        let check = &self.group.health_check;
        let stream = TcpStream::connect(self.address).await?;
        let code = match check.protocol {
            CheckProtocol::Tcp => return Ok(Outcome::Passed),
            CheckProtocol::Http => self.exchange(stream).await?,
            CheckProtocol::Https => {
                let alpn: &[u8] = match self.group.protocol_version {
                    ProtocolVersion::Http1 => b"http/1.1",
                    ProtocolVersion::Http2 | ProtocolVersion::Grpc => b"h2",
                };
                self.exchange(tls.connect(stream, self.address.ip(), Some(alpn)).await?)
                    .await?
            }
        };
        Ok(Outcome::of_code(code, &check.matcher))
    }

    async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Result<u16, ProbeError> {
        match (self.group.protocol_version, &self.group.health_check.matcher) {
            (ProtocolVersion::Http1, _) => self.http1(stream).await,
            (_, Matcher::GrpcCodes(_)) => self.grpc(stream).await,
            (_, Matcher::HttpCodes(_)) => self.http2(stream).await,
        }
    }

    async fn http1<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Result<u16, ProbeError> {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::builder()
            .method(Method::GET)
            .uri(&self.group.health_check.path)
            .header(header::HOST, self.address.to_string())
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())?;
        let answer = sender.send_request(request);
        tokio::pin!(answer, connection);
        // The connection may end with the answer still to be taken.
        let response = tokio::select! {
            biased;
            response = &mut answer => response?,
            _ = &mut connection => answer.await?,
        };
        Ok(response.status().as_u16())
    }

    async fn http2<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Result<u16, ProbeError> {
        let request = self.http2_request(Method::GET).body(())?;
        self.over_http2(
            stream,
            request,
            |response| async move { Ok(response.status().as_u16()) },
            None,
        )
        .await
    }

    async fn grpc<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Result<u16, ProbeError> {
        let request = self
            .http2_request(Method::POST)
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::TE, "trailers")
            .body(())?;
        self.over_http2(
            stream,
            request,
            grpc_status,
            Some(Bytes::from_static(&EMPTY_MESSAGE)),
        )
        .await
    }

    fn http2_request(&self, method: Method) -> http::request::Builder {
        let scheme = match self.group.health_check.protocol {
            CheckProtocol::Https => "https",
            CheckProtocol::Http | CheckProtocol::Tcp => "http",
        };
        let uri = format!("{scheme}://{}{}", self.address, self.group.health_check.path);
        Request::builder()
            .method(method)
            .uri(uri)
            .header(header::USER_AGENT, USER_AGENT)
    }

    async fn over_http2<S, R>(
        &self,
        stream: S,
        request: Request<()>,
        judge: impl FnOnce(http::Response<h2::RecvStream>) -> R,
        body: Option<Bytes>,
    ) -> Result<u16, ProbeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        R: Future<Output = Result<u16, ProbeError>>,
    {
        let (sender, connection) = h2::client::handshake(stream).await?;
        let answer = async {
            let mut sender = sender.ready().await?;
            let (response, mut stream) = sender.send_request(request, body.is_none())?;
            if let Some(body) = body {
                stream.send_data(body, true)?;
            }
            judge(response.await?).await
        };
        tokio::pin!(answer, connection);
        tokio::select! {
            biased;
            code = &mut answer => code,
            _ = &mut connection => answer.await,
        }
    }
}

/// From the head, when the answer has nothing else, or from the trailers.
async fn grpc_status(response: http::Response<h2::RecvStream>) -> Result<u16, ProbeError> {
    let status = |headers: &http::HeaderMap| {
        headers
            .get("grpc-status")
            .and_then(|value| value.to_str().ok()?.parse().ok())
    };
    let (head, mut body) = response.into_parts();
    if let Some(status) = status(&head.headers) {
        return Ok(status);
    }
    while let Some(data) = body.data().await {
        let length = data?.len();
        body.flow_control().release_capacity(length)?;
    }
    let trailers = body.trailers().await?;
    trailers.as_ref().and_then(status).ok_or(ProbeError::NoGrpcStatus)
}

fn is_timeout(error: &ProbeError) -> bool {
    matches!(error, ProbeError::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}
