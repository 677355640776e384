//! Smart selection: which of a listener's certificates a client gets (LB-39).

use chrono::{DateTime, Utc};
use rustls::{CipherSuite, SignatureScheme};

use super::certificate::Identity;

/// What the client's first message says of certificates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer<'a> {
    pub server_name: Option<&'a str>,
    pub schemes: &'a [SignatureScheme],
    pub suites: &'a [CipherSuite],
}

/// Position of the certificate to use; the first one is the default. Those that name the host come before wildcards, and among
/// equals the best that the client can use wins.
pub(super) fn choose<'i>(
    identities: impl Iterator<Item = &'i Identity> + Clone,
    offer: Offer<'_>,
    now: DateTime<Utc>,
) -> usize {
    let Some(host) = offer.server_name.map(str::to_ascii_lowercase) else {
        return 0;
    };
    let best = |matches: &dyn Fn(&Identity) -> bool| {
        identities
            .clone()
            .enumerate()
            .filter(|(_, identity)| matches(identity) && offer.allows(identity))
            .max_by_key(|(_, identity)| identity.merits.at(now))
            .map(|(position, _)| position)
    };
    best(&|identity| identity.names.has(&host))
        .or_else(|| best(&|identity| identity.names.covers(&host)))
        .unwrap_or(0)
}

impl Offer<'_> {
    /// Whether the client can check signatures of this certificate's key, in one of the suites that it knows.
    fn allows(&self, identity: &Identity) -> bool {
        let fits = |suite: &CipherSuite| {
            let name = super::policy::cipher_name(*suite);
            let is_ecdsa = name.starts_with("ECDHE-ECDSA");
            name.starts_with("TLS_") || (name.starts_with("ECDHE") && is_ecdsa == identity.merits.is_ecdsa)
        };
        identity.key.key.choose_scheme(self.schemes).is_some() && self.suites.iter().any(fits)
    }
}
