//! Answers that the balancer gives itself (LB-33, LB-36).

use bytes::Bytes;
use chrono::Utc;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::body::put_field;
use super::fields::decimal;
use super::side::{Broken, Side};
use crate::state::LiveListener;

/// A whole response.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub fields: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl Answer {
    /// The page that ALB shows for a status of its own.
    pub fn page(status: u16) -> Self {
        let reason = reason(status);
        let title = if reason.is_empty() {
            status.to_string()
        } else {
            format!("{status} {reason}")
        };
        let body = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        Self {
            status,
            fields: vec![("Content-Type", "text/html".to_owned())],
            body: body.into(),
        }
    }

    pub fn redirect(status: u16, location: String) -> Self {
        let mut answer = Self::page(status);
        answer.fields.push(("Location", location));
        answer
    }

    pub fn fixed(status: u16, content_type: Option<&str>, body: &str) -> Self {
        let content_type = content_type.unwrap_or("text/plain");
        let content_type = if content_type.starts_with("text/") && !content_type.contains("charset") {
            format!("{content_type}; charset=utf-8")
        } else {
            content_type.to_owned()
        };
        Self {
            status,
            fields: vec![("Content-Type", content_type)],
            body: body.to_owned().into(),
        }
    }

    /// Hands the answer to the client's side. `head_only`: the request was a HEAD.
    pub fn send(
        self,
        client: &mut Side,
        listener: &LiveListener,
        head_only: bool,
        keep_alive: bool,
    ) -> Result<(), Broken> {
        // What would follow such a head is taken for the next response.
        let bodiless = matches!(self.status, 204 | 304);
        let attributes = &listener.config.attributes;
        let mut fields = self.fields;
        if attributes.server_header {
            fields.push(("Server", "awselb/2.0".to_owned()));
        }
        fields.push(("Date", Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string()));
        let own = fields.iter().map(|(name, value)| (*name, value.as_str()));
        let set = attributes
            .response_headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let all = own
            .filter(|(name, _)| {
                !attributes
                    .response_headers
                    .iter()
                    .any(|(ours, _)| ours.eq_ignore_ascii_case(name))
            })
            .chain(set);
        match client {
            Side::H1(side) => {
                let out = side.wire.output();
                out.extend_from_slice(
                    format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status)).as_bytes(),
                );
                for (name, value) in all {
                    put_field(out, name.as_bytes(), value.as_bytes());
                }
                if !bodiless {
                    put_field(
                        out,
                        b"Content-Length",
                        decimal(self.body.len() as u64, &mut [0; 20]),
                    );
                }
                put_field(
                    out,
                    b"Connection",
                    if keep_alive { b"keep-alive" } else { b"close" },
                );
                out.extend_from_slice(b"\r\n");
                if !head_only && !bodiless {
                    side.wire.write(self.body);
                }
                Ok(())
            }
            Side::H2(side) => {
                let mut map = HeaderMap::new();
                for (name, value) in all {
                    if let (Ok(name), Ok(value)) = (
                        HeaderName::from_bytes(name.as_bytes()),
                        HeaderValue::from_str(value),
                    ) {
                        map.append(name, value);
                    }
                }
                if !bodiless {
                    map.insert(http::header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
                }
                let mut response = http::Response::new(());
                *response.status_mut() = http::StatusCode::from_u16(self.status)
                    .unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
                *response.headers_mut() = map;
                let empty = head_only || bodiless || self.body.is_empty();
                let Some(mut respond) = side.respond.take() else {
                    return Ok(());
                };
                let mut send = respond.send_response(response, empty)?;
                if !empty {
                    side.sent += self.body.len() as u64;
                    send.send_data(self.body, true)?;
                }
                Ok(())
            }
        }
    }
}

/// Reason phrases as ALB writes them.
pub fn reason(status: u16) -> &'static str {
    match status {
        401 => "Unauthorized",
        408 => "Request Time-out",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Large",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        561 => "Authentication Error",
        _ => http::StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default(),
    }
}
