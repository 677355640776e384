//! The SSL policies that a listener may name (LB-39): TLS versions and cipher suites, in the order in which they are preferred. What a
//! proxy cannot offer of a policy (TLS before 1.2, CBC and static RSA suites) it leaves out; it never offers more.

use crate::Kind;

use Family::{Ephemeral, EphemeralSha1, Gcm, Static, StaticSha1, Tls13, Tls13ChaCha, TripleDes};

/// A version of TLS, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsProtocol {
    V1_0,
    V1_1,
    V1_2,
    V1_3,
}

impl TlsProtocol {
    /// As DescribeSSLPolicies writes it: `TLSv1.2`.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1_0 => "TLSv1",
            Self::V1_1 => "TLSv1.1",
            Self::V1_2 => "TLSv1.2",
            Self::V1_3 => "TLSv1.3",
        }
    }
}

/// What suites have in common for the policies, which take or leave them by family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Tls13,
    Tls13ChaCha,
    /// ECDHE with GCM.
    Gcm,
    /// ECDHE, CBC with SHA-2.
    Ephemeral,
    EphemeralSha1,
    /// No forward secrecy, SHA-2 or GCM.
    Static,
    StaticSha1,
    TripleDes,
}

/// All suites by their OpenSSL names, in ELB's order.
const SUITES: &[(&str, Family)] = &[
    ("TLS_AES_128_GCM_SHA256", Tls13),
    ("TLS_AES_256_GCM_SHA384", Tls13),
    ("TLS_CHACHA20_POLY1305_SHA256", Tls13ChaCha),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", Gcm),
    ("ECDHE-RSA-AES128-GCM-SHA256", Gcm),
    ("ECDHE-ECDSA-AES128-SHA256", Ephemeral),
    ("ECDHE-RSA-AES128-SHA256", Ephemeral),
    ("ECDHE-ECDSA-AES128-SHA", EphemeralSha1),
    ("ECDHE-RSA-AES128-SHA", EphemeralSha1),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", Gcm),
    ("ECDHE-RSA-AES256-GCM-SHA384", Gcm),
    ("ECDHE-ECDSA-AES256-SHA384", Ephemeral),
    ("ECDHE-RSA-AES256-SHA384", Ephemeral),
    ("ECDHE-RSA-AES256-SHA", EphemeralSha1),
    ("ECDHE-ECDSA-AES256-SHA", EphemeralSha1),
    ("AES128-GCM-SHA256", Static),
    ("AES128-SHA256", Static),
    ("AES128-SHA", StaticSha1),
    ("AES256-GCM-SHA384", Static),
    ("AES256-SHA256", Static),
    ("AES256-SHA", StaticSha1),
    ("DES-CBC3-SHA", TripleDes),
];

const RESTRICTED: &[Family] = &[Gcm];
const FORWARD: &[Family] = &[Gcm, Ephemeral];
const FORWARD_SHA1: &[Family] = &[Gcm, Ephemeral, EphemeralSha1];
const SHA2: &[Family] = &[Gcm, Ephemeral, Static];
const EVERY: &[Family] = &[Gcm, Ephemeral, EphemeralSha1, Static, StaticSha1];
const LEGACY: &[Family] = &[Gcm, Ephemeral, EphemeralSha1, Static, StaticSha1, TripleDes];

/// Which suites a policy has for TLS 1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Newest {
    None,
    /// Without ChaCha20, which FIPS does not know.
    Fips,
    All,
}

/// A security policy.
#[derive(Debug, Clone, Copy)]
pub struct SslPolicy {
    pub name: &'static str,
    oldest: TlsProtocol,
    newest: Newest,
    families: &'static [Family],
}

impl SslPolicy {
    /// The policy of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        POLICIES.iter().find(|policy| policy.name == name)
    }

    /// TLS versions, newest first.
    pub fn protocols(&self) -> impl Iterator<Item = TlsProtocol> {
        let (oldest, newest) = (self.oldest, self.newest);
        [
            TlsProtocol::V1_3,
            TlsProtocol::V1_2,
            TlsProtocol::V1_1,
            TlsProtocol::V1_0,
        ]
        .into_iter()
        .filter(move |protocol| *protocol >= oldest)
        .filter(move |protocol| *protocol != TlsProtocol::V1_3 || newest != Newest::None)
    }

    /// Suites by their OpenSSL names, the preferred one first. Priorities count from 1 in this order.
    pub fn ciphers(&self) -> impl Iterator<Item = &'static str> {
        let (newest, families) = (self.newest, self.families);
        SUITES
            .iter()
            .filter(move |(_, family)| match family {
                Tls13 => newest != Newest::None,
                Tls13ChaCha => newest == Newest::All,
                family => families.contains(family),
            })
            .map(|(name, _)| *name)
    }

    /// Whether listeners of this sort of load balancer may name it: all of them may.
    pub fn supports(&self, _kind: Kind) -> bool {
        true
    }

    /// True for the policies of post-quantum key exchange.
    pub fn is_post_quantum(&self) -> bool {
        self.name.contains("-PQ-")
    }
}

/// What a listener gets that names none.
pub const DEFAULT: &str = "ELBSecurityPolicy-2016-08";

const fn policy(
    name: &'static str,
    oldest: TlsProtocol,
    newest: Newest,
    families: &'static [Family],
) -> SslPolicy {
    SslPolicy {
        name,
        oldest,
        newest,
        families,
    }
}

/// All policies, in the order of DescribeSSLPolicies.
pub const POLICIES: &[SslPolicy] = {
    use Newest::{All, Fips, None};
    use TlsProtocol::{V1_0, V1_1, V1_2, V1_3};
    &[
        policy("ELBSecurityPolicy-2016-08", V1_0, None, EVERY),
        policy("ELBSecurityPolicy-TLS13-1-2-2021-06", V1_2, All, FORWARD),
        policy("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", V1_2, All, RESTRICTED),
        policy("ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", V1_2, All, SHA2),
        policy("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", V1_2, All, EVERY),
        policy("ELBSecurityPolicy-TLS13-1-1-2021-06", V1_1, All, EVERY),
        policy("ELBSecurityPolicy-TLS13-1-0-2021-06", V1_0, All, EVERY),
        policy("ELBSecurityPolicy-TLS13-1-3-2021-06", V1_3, All, &[]),
        policy("ELBSecurityPolicy-TLS-1-2-2017-01", V1_2, None, SHA2),
        policy("ELBSecurityPolicy-TLS-1-1-2017-01", V1_1, None, EVERY),
        policy("ELBSecurityPolicy-TLS-1-2-Ext-2018-06", V1_2, None, EVERY),
        policy("ELBSecurityPolicy-FS-2018-06", V1_0, None, FORWARD_SHA1),
        policy("ELBSecurityPolicy-2015-05", V1_0, None, EVERY),
        policy("ELBSecurityPolicy-TLS-1-0-2015-04", V1_0, None, LEGACY),
        policy("ELBSecurityPolicy-FS-1-2-Res-2019-08", V1_2, None, FORWARD),
        policy("ELBSecurityPolicy-FS-1-1-2019-08", V1_1, None, FORWARD_SHA1),
        policy("ELBSecurityPolicy-FS-1-2-2019-08", V1_2, None, FORWARD_SHA1),
        policy("ELBSecurityPolicy-FS-1-2-Res-2020-10", V1_2, None, RESTRICTED),
        policy("ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04", V1_2, Fips, FORWARD),
        policy("ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04", V1_3, Fips, &[]),
        policy(
            "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04",
            V1_2,
            Fips,
            RESTRICTED,
        ),
        policy(
            "ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-2023-04",
            V1_2,
            Fips,
            FORWARD_SHA1,
        ),
        policy("ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-2023-04", V1_2, Fips, SHA2),
        policy("ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-2023-04", V1_2, Fips, EVERY),
        policy("ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04", V1_1, Fips, EVERY),
        policy("ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04", V1_0, Fips, EVERY),
        policy("ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", V1_2, All, FORWARD),
        policy("ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", V1_3, All, &[]),
        policy(
            "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
            V1_2,
            All,
            RESTRICTED,
        ),
        policy("ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09", V1_2, All, SHA2),
        policy("ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09", V1_2, All, EVERY),
        policy("ELBSecurityPolicy-TLS13-1-0-PQ-2025-09", V1_0, All, EVERY),
        policy("ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09", V1_2, Fips, FORWARD),
        policy("ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09", V1_3, Fips, &[]),
        policy(
            "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09",
            V1_2,
            Fips,
            RESTRICTED,
        ),
        policy(
            "ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-PQ-2025-09",
            V1_2,
            Fips,
            FORWARD_SHA1,
        ),
        policy(
            "ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-PQ-2025-09",
            V1_2,
            Fips,
            SHA2,
        ),
        policy(
            "ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-PQ-2025-09",
            V1_2,
            Fips,
            EVERY,
        ),
        policy("ELBSecurityPolicy-TLS13-1-0-FIPS-PQ-2025-09", V1_0, Fips, EVERY),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    fn ciphers(name: &str) -> Vec<&'static str> {
        SslPolicy::named(name).unwrap().ciphers().collect()
    }

    fn protocols(name: &str) -> Vec<&'static str> {
        SslPolicy::named(name)
            .unwrap()
            .protocols()
            .map(TlsProtocol::name)
            .collect()
    }

    #[test]
    fn lb39_the_default_policy_has_no_tls_13_and_eighteen_suites() {
        assert_eq!(protocols(DEFAULT), ["TLSv1.2", "TLSv1.1", "TLSv1"]);
        let suites = ciphers(DEFAULT);
        assert_eq!(suites.len(), 18);
        assert_eq!(suites[0], "ECDHE-ECDSA-AES128-GCM-SHA256");
        assert_eq!(suites[17], "AES256-SHA");
    }

    #[test]
    fn lb39_restricted_and_fips_policies_leave_out_what_they_should() {
        assert_eq!(
            ciphers("ELBSecurityPolicy-TLS13-1-2-Res-2021-06"),
            [
                "TLS_AES_128_GCM_SHA256",
                "TLS_AES_256_GCM_SHA384",
                "TLS_CHACHA20_POLY1305_SHA256",
                "ECDHE-ECDSA-AES128-GCM-SHA256",
                "ECDHE-RSA-AES128-GCM-SHA256",
                "ECDHE-ECDSA-AES256-GCM-SHA384",
                "ECDHE-RSA-AES256-GCM-SHA384",
            ]
        );
        assert_eq!(ciphers("ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04").len(), 2);
        assert_eq!(protocols("ELBSecurityPolicy-TLS13-1-3-2021-06"), ["TLSv1.3"]);
        assert!(SslPolicy::named("ELBSecurityPolicy-Nonsense").is_none());
    }

    #[test]
    fn lb39_every_policy_has_a_protocol_and_a_suite_that_a_proxy_can_offer() {
        for policy in POLICIES {
            assert!(
                policy.protocols().any(|protocol| protocol >= TlsProtocol::V1_2),
                "{}",
                policy.name
            );
            assert!(
                policy
                    .ciphers()
                    .any(|name| name.contains("GCM") && !name.starts_with("AES")),
                "{}",
                policy.name
            );
        }
    }
}
