//! Signature Version 4 of the agent's own requests, in header form. (The server's verifier links the database, which
//! an agent must not.)

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use http::Uri;
use sha2::{Digest, Sha256};

use crate::config::AccessKey;

const SERVICE: &str = "ecs";

/// Signs requests with one key for one region.
#[derive(Debug, Clone)]
pub struct Signer {
    key: AccessKey,
    region: String,
}

/// Headers of a signed request: names in lower case, in alphabetical order.
pub type Headers = Vec<(&'static str, String)>;

impl Signer {
    pub fn new(key: AccessKey, region: impl Into<String>) -> Self {
        Self {
            key,
            region: region.into(),
        }
    }

    /// All headers that must travel with the request: `extra`, `host`, `x-amz-date`, the session token and
    /// `authorization`. The query of `uri` must be percent-encoded and in alphabetical order.
    pub fn sign(&self, method: &str, uri: &Uri, extra: Headers, body: &[u8], now: DateTime<Utc>) -> Headers {
        let time = now.format("%Y%m%dT%H%M%SZ").to_string();
        let mut headers = extra;
        headers.push((
            "host",
            uri.authority().map(ToString::to_string).unwrap_or_default(),
        ));
        headers.push(("x-amz-date", time.clone()));
        if let Some(token) = &self.key.session_token {
            headers.push(("x-amz-security-token", token.clone()));
        }
        headers.sort_unstable_by_key(|(name, _)| *name);
        let signed = headers
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(";");
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}:{}\n", value.trim()))
            .collect();
        let path = if uri.path().is_empty() { "/" } else { uri.path() };
        let query = uri.query().unwrap_or_default();
        let request = format!(
            "{method}\n{path}\n{query}\n{lines}\n{signed}\n{}",
            sha256_hex(body)
        );
        let scope = format!("{}/{}/{SERVICE}/aws4_request", &time[..8], self.region);
        let text = format!(
            "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
            sha256_hex(request.as_bytes())
        );
        let signature = hex::encode(hmac(&self.signing_key(&time[..8]), text.as_bytes()));
        let credential = format!("{}/{scope}", self.key.access_key_id);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={signature}"
        );
        headers.insert(0, ("authorization", authorization));
        headers
    }

    fn signing_key(&self, day: &str) -> Vec<u8> {
        let secret = format!("AWS4{}", self.key.secret_access_key);
        [self.region.as_str(), SERVICE, "aws4_request"]
            .iter()
            .fold(hmac(secret.as_bytes(), day.as_bytes()), |key, part| {
                hmac(&key, part.as_bytes())
            })
    }
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(token: Option<&str>) -> Signer {
        let key = AccessKey {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: token.map(Into::into),
        };
        Signer::new(key, "us-east-1")
    }

    fn signature(headers: &Headers) -> &str {
        headers[0].1.rsplit_once("Signature=").unwrap().1
    }

    #[test]
    fn signatures_equal_those_of_an_independent_implementation() {
        // Computed with botocore's SigV4Auth for service "ecs".
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let uri = Uri::from_static("http://127.0.0.1:8400/");
        let extra = vec![(
            "x-amz-target",
            "AmazonEC2ContainerServiceV20141113.ListClusters".to_owned(),
        )];
        let plain = signer(None).sign("POST", &uri, extra, b"{}", now);
        assert_eq!(
            signature(&plain),
            "1d620115639690ec76167b16e6cc6a238cfa74e401bc59baa3526a3f348ec10c"
        );
        let uri = Uri::from_static("http://127.0.0.1:8400/acs/ws?agentHash=a%20b&clusterArn=demo");
        let token = signer(Some("TOKEN/==")).sign("GET", &uri, vec![], b"", now);
        assert_eq!(
            signature(&token),
            "7dc1c63ce8a3cd3165408f62234e15cc1f64263190a2f5d77b65109106dab7ce"
        );
        assert!(
            token[0]
                .1
                .contains("SignedHeaders=host;x-amz-date;x-amz-security-token,"),
            "{}",
            token[0].1
        );
    }
}
