//! Which fields go on to a target or a client, and what is added to them (LB-35).

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use routing::attributes::XffProcessing;

use super::head::{Fields, Known, RequestHead, tokens};
use crate::record::TlsFacts;
use crate::state::LiveListener;

/// More addresses than this in X-Forwarded-For are refused with 463.
pub const FORWARDED_LIMIT: usize = 30;

/// What is known of the connection that a request came by.
pub struct Origin<'a> {
    pub listener: &'a LiveListener,
    pub client: SocketAddr,
    pub tls: Option<&'a TlsFacts>,
    /// The whole X-Amzn-Trace-Id to send.
    pub trace_id: &'a str,
    /// The host to send instead of the client's.
    pub host: Option<&'a str>,
    /// Fields that say who the user is.
    pub identity: &'a [(&'static str, String)],
}

/// Gives the fields of the request as the target gets them, except those that frame its body.
pub fn for_target(request: &RequestHead, origin: &Origin<'_>, mut emit: impl FnMut(&[u8], &[u8])) {
    let attributes = &origin.listener.balancer.attributes;
    let listed = Listed::of(&request.fields);
    let host = origin.host.unwrap_or_else(|| request.authority());
    emit(
        b"Host",
        if host.is_empty() {
            origin.listener.balancer.dns_name.as_bytes()
        } else {
            host.as_bytes()
        },
    );
    for (known, name, value) in request.fields.iter() {
        let dropped = match known {
            Known::Host
            | Known::ContentLength
            | Known::Expect
            | Known::AmznTraceId
            | Known::ForwardedPort
            | Known::ForwardedProto => true,
            Known::ForwardedFor => attributes.xff_processing != XffProcessing::Preserve,
            Known::Other => {
                listed.names(name)
                    || is_written_here(name, origin)
                    || (attributes.drop_invalid_header_fields
                        && !name
                            .iter()
                            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-'))
            }
            _ => known.is_hop_by_hop() || listed.names(name),
        };
        if !dropped {
            emit(name, value);
        }
    }
    if attributes.xff_processing == XffProcessing::Append {
        emit(
            b"X-Forwarded-For",
            forwarded_for(&request.fields, origin).as_bytes(),
        );
    }
    emit(
        b"X-Forwarded-Proto",
        if origin.tls.is_some() { b"https" } else { b"http" },
    );
    emit(
        b"X-Forwarded-Port",
        decimal(u64::from(origin.listener.config.port), &mut [0; 20]),
    );
    emit(b"X-Amzn-Trace-Id", origin.trace_id.as_bytes());
    for (name, value) in origin.identity {
        emit(name.as_bytes(), value.as_bytes());
    }
    if let Some(tls) = origin.tls {
        if attributes.tls_version_and_cipher_headers {
            emit(
                renamed(origin.listener, "X-Amzn-Tls-Version").as_bytes(),
                tls.protocol.as_bytes(),
            );
            emit(
                renamed(origin.listener, "X-Amzn-Tls-Cipher-Suite").as_bytes(),
                tls.cipher.as_bytes(),
            );
        }
        for (name, value) in &tls.client_certificate_headers {
            emit(renamed(origin.listener, name).as_bytes(), value.as_bytes());
        }
    }
}

/// Gives the fields of a target's response as the client gets them, except those that frame its body.
pub fn for_client(fields: &Fields, listener: &LiveListener, mut emit: impl FnMut(&[u8], &[u8])) {
    let set = &listener.config.attributes.response_headers;
    let listed = Listed::of(fields);
    for (known, name, value) in fields.iter() {
        let replaced = || {
            set.iter()
                .any(|(ours, _)| ours.as_bytes().eq_ignore_ascii_case(name))
        };
        if !known.is_hop_by_hop() && known != Known::ContentLength && !listed.names(name) && !replaced() {
            emit(name, value);
        }
    }
    for (name, value) in set {
        emit(name.as_bytes(), value.as_bytes());
    }
}

/// How many addresses X-Forwarded-For holds.
pub fn forwarded_count(fields: &Fields) -> usize {
    fields
        .all(Known::ForwardedFor)
        .map(|value| tokens(value).count())
        .sum()
}

fn forwarded_for(fields: &Fields, origin: &Origin<'_>) -> String {
    let mut text = String::with_capacity(48);
    for value in fields.all(Known::ForwardedFor).filter(|value| !value.is_empty()) {
        text.push_str(&String::from_utf8_lossy(value));
        text.push_str(", ");
    }
    let ip = origin.client.ip().to_canonical();
    // Writing to a string cannot fail.
    let _ = match (origin.listener.balancer.attributes.xff_client_port, ip) {
        (false, ip) => write!(text, "{ip}"),
        (true, IpAddr::V4(ip)) => write!(text, "{ip}:{}", origin.client.port()),
        (true, IpAddr::V6(ip)) => write!(text, "[{ip}]:{}", origin.client.port()),
    };
    text
}

/// Names that only a load balancer may vouch for.
pub fn is_reserved(name: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 3] = [b"x-amzn-mtls-", b"x-amzn-oidc-", b"x-amzn-tls-"];
    let starts = |prefix: &[u8]| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    name.len() > 11 && PREFIXES.into_iter().any(starts)
}

/// Names that this proxy vouches for: what a client says under them is dropped.
fn is_written_here(name: &[u8], origin: &Origin<'_>) -> bool {
    let renamed = &origin.listener.config.attributes.renamed_headers;
    is_reserved(name)
        || renamed
            .iter()
            .any(|(_, ours)| ours.as_bytes().eq_ignore_ascii_case(name))
}

fn renamed<'a>(listener: &'a LiveListener, name: &'a str) -> &'a str {
    let names = &listener.config.attributes.renamed_headers;
    let ours = names.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(name));
    ours.map_or(name, |(_, ours)| ours)
}

/// The names in Connection fields: those concern one hop only.
struct Listed<'a> {
    fields: &'a Fields,
    any: bool,
}

impl<'a> Listed<'a> {
    fn of(fields: &'a Fields) -> Self {
        let usual =
            |token: &[u8]| token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive");
        let any = fields
            .all(Known::Connection)
            .flat_map(tokens)
            .any(|token| !usual(token));
        Self { fields, any }
    }

    fn names(&self, name: &[u8]) -> bool {
        // X-Forwarded-For and its like cannot be taken off by naming them: targets rely on them.
        self.any
            && self
                .fields
                .all(Known::Connection)
                .flat_map(tokens)
                .any(|token| token.eq_ignore_ascii_case(name))
    }
}

/// Decimal digits without an allocation.
pub fn decimal(mut value: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    while value > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    &digits[at..]
}

/// The lowest hexadecimal digits of a number.
fn push_hex(value: u128, digits: usize, out: &mut String) {
    for digit in (0..digits).rev() {
        let nibble = (value >> (4 * digit)) & 15;
        out.push(char::from(b"0123456789abcdef"[nibble as usize]));
    }
}

/// Writes the X-Amzn-Trace-Id for a request into `out`: a new root, or the client's with our part in front.
pub fn trace_id(given: Option<&[u8]>, seconds: u64, random: u128, out: &mut String) {
    out.clear();
    let given = given
        .and_then(|value| std::str::from_utf8(value).ok())
        .unwrap_or_default();
    let parts = given
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty() && !part.starts_with("Self="));
    let rooted = given.split(';').any(|part| part.trim().starts_with("Root="));
    let key = if rooted { "Self" } else { "Root" };
    out.push_str(key);
    out.push_str("=1-");
    push_hex(u128::from(seconds), 8, out);
    out.push('-');
    push_hex(random, 24, out);
    for part in parts {
        out.push(';');
        out.push_str(part);
    }
}
