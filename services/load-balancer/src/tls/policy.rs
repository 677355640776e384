//! An SSL policy as rustls understands it.

use std::sync::Arc;

use routing::ssl_policy::{SslPolicy, TlsProtocol};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{CipherSuite, SupportedProtocolVersion, version};

use super::TlsError;

/// Suites by the names of OpenSSL, which ELB uses in policies, headers and logs.
const NAMES: &[(CipherSuite, &str)] = &[
    (CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
    (CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    (
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        "TLS_CHACHA20_POLY1305_SHA256",
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-ECDSA-AES128-GCM-SHA256",
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-RSA-AES128-GCM-SHA256",
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-ECDSA-AES256-GCM-SHA384",
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-RSA-AES256-GCM-SHA384",
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-RSA-CHACHA20-POLY1305",
    ),
];

/// OpenSSL's name of a suite; `-` for one that rustls does not have.
pub(super) fn cipher_name(suite: CipherSuite) -> &'static str {
    NAMES
        .iter()
        .find(|(known, _)| *known == suite)
        .map_or("-", |(_, name)| *name)
}

/// Suites and key exchanges of a policy.
pub(super) fn provider(policy: &SslPolicy) -> Arc<CryptoProvider> {
    let mut provider = ring::default_provider();
    let offered: Vec<_> = policy
        .ciphers()
        .filter_map(|wanted| {
            let suites = &provider.cipher_suites;
            suites
                .iter()
                .find(|suite| cipher_name(suite.suite()) == wanted)
                .copied()
        })
        .collect();
    provider.cipher_suites = offered;
    Arc::new(provider)
}

/// Versions of a policy that can be offered; each policy has one.
pub(super) fn versions(policy: &SslPolicy) -> Vec<&'static SupportedProtocolVersion> {
    policy
        .protocols()
        .filter_map(|protocol| match protocol {
            TlsProtocol::V1_3 => Some(&version::TLS13),
            TlsProtocol::V1_2 => Some(&version::TLS12),
            TlsProtocol::V1_1 | TlsProtocol::V1_0 => None,
        })
        .collect()
}

pub(super) fn named(name: &str) -> Result<&'static SslPolicy, TlsError> {
    SslPolicy::named(name).ok_or_else(|| TlsError::UnknownPolicy(name.to_owned()))
}
