//! Which application protocols a listener offers.

/// What is offered in the handshake, the preferred one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alpn {
    /// Nothing is offered.
    None,
    /// `http/1.1`: application balancers with `routing.http2.enabled` off.
    Http1,
    /// `h2`, then `http/1.1`: application balancers.
    Http2,
    /// Network balancers' `HTTP1Only`.
    Http1Only,
    /// Network balancers' `HTTP2Only`.
    Http2Only,
    /// Network balancers' `HTTP2Optional`.
    Http2Optional,
    /// Network balancers' `HTTP2Preferred`.
    Http2Preferred,
}

impl Alpn {
    /// Of an application balancer's HTTPS listener (LB-35).
    pub fn application(http2_enabled: bool) -> Self {
        if http2_enabled { Self::Http2 } else { Self::Http1 }
    }

    /// Of a network balancer's TLS listener, by the name of its ALPN policy.
    pub fn network(policy: Option<&str>) -> Self {
        match policy {
            Some("HTTP1Only") => Self::Http1Only,
            Some("HTTP2Only") => Self::Http2Only,
            Some("HTTP2Optional") => Self::Http2Optional,
            Some("HTTP2Preferred") => Self::Http2Preferred,
            _ => Self::None,
        }
    }

    /// Protocol names as they stand in the handshake.
    pub fn protocols(self) -> Vec<Vec<u8>> {
        let names: &[&[u8]] = match self {
            Self::None => &[],
            Self::Http1 => &[b"http/1.1"],
            Self::Http2 => &[b"h2", b"http/1.1"],
            Self::Http1Only => &[b"http/1.1", b"http/1.0"],
            Self::Http2Only => &[b"h2"],
            Self::Http2Optional => &[b"http/1.1", b"http/1.0", b"h2"],
            Self::Http2Preferred => &[b"h2", b"http/1.1", b"http/1.0"],
        };
        names.iter().map(|name| name.to_vec()).collect()
    }
}
