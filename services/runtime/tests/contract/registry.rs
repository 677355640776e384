//! A registry with one image, on plain HTTP, with or without a password.

use crate::image;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const MANIFEST_TYPE: &str = "application/vnd.docker.distribution.manifest.v2+json";

pub struct Registry {
    pub port: u16,
    /// Digest of the manifest of `probe:1`.
    pub digest: String,
}

struct Content {
    /// Path to media type and body.
    files: HashMap<String, (&'static str, Vec<u8>)>,
    authorization: Option<String>,
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

impl Registry {
    /// Serves `probe:1` until the test ends; with `authorization`, only to who sends this header.
    pub async fn serve(authorization: Option<&str>) -> Self {
        let layer = image::root_fs();
        let config = serde_json::json!({
            "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
            "config": {"Entrypoint": ["/probe"], "StopSignal": "SIGQUIT"},
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]}
        });
        let config = config.to_string().into_bytes();
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": config.len(), "digest": digest(&config)},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar", "size": layer.len(), "digest": digest(&layer)}]
        });
        let manifest = manifest.to_string().into_bytes();
        let digest_of_manifest = digest(&manifest);
        let files = HashMap::from([
            ("/v2/".to_owned(), ("application/json", b"{}".to_vec())),
            (
                "/v2/probe/manifests/1".to_owned(),
                (MANIFEST_TYPE, manifest.clone()),
            ),
            (
                format!("/v2/probe/manifests/{digest_of_manifest}"),
                (MANIFEST_TYPE, manifest),
            ),
            (
                format!("/v2/probe/blobs/{}", digest(&config)),
                ("application/octet-stream", config),
            ),
            (
                format!("/v2/probe/blobs/{}", digest(&layer)),
                ("application/octet-stream", layer),
            ),
        ]);
        let content = Arc::new(Content {
            files,
            authorization: authorization.map(str::to_owned),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer(socket, content.clone()));
            }
        });
        Self {
            port,
            digest: digest_of_manifest,
        }
    }
}

async fn answer(socket: TcpStream, content: Arc<Content>) {
    let mut socket = BufReader::new(socket);
    let mut line = String::new();
    while socket.read_line(&mut line).await.is_ok_and(|length| length > 0) {
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut authorization = None;
        loop {
            line.clear();
            socket.read_line(&mut line).await.unwrap_or_default();
            match line.trim().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                    authorization = Some(value.to_owned())
                }
                Some(_) => {}
                None => break,
            }
        }
        line.clear();
        let is_allowed = content.authorization.is_none() || content.authorization == authorization;
        let (status, kind, body): (_, _, &[u8]) = match content.files.get(&path) {
            _ if !is_allowed => (
                "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"test\"",
                "application/json",
                b"{}",
            ),
            Some((kind, body)) => ("200 OK", *kind, body),
            None => (
                "404 Not Found",
                "application/json",
                br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#,
            ),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDocker-Content-Digest: {}\r\n\r\n",
            body.len(),
            digest(body)
        );
        let body = if method == "HEAD" { &[][..] } else { body };
        if socket.write_all(&[head.as_bytes(), body].concat()).await.is_err() {
            return;
        }
    }
}
