//! TLS at both ends: listeners that terminate it (LB-39) and targets that speak it. Configurations are built when something they are
//! made of changes, and sessions go on being resumed over such a change.

mod alpn;
mod certificate;
mod mutual;
mod policy;
mod selection;
mod targets;
mod termination;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use routing::Certificate;
use routing::snapshot::ListenerTls;

pub use alpn::Alpn;
pub use certificate::Identity;
pub use mutual::ClientCertificate;
pub use targets::TargetTls;
pub use termination::{Accepted, Handshake, HandshakeError, Termination};

use termination::Resumption;

/// Why a listener cannot terminate TLS, as a sentence for its state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    #[error("SSL policy {0} is not known")]
    UnknownPolicy(String),
    #[error("certificate {0} is not here yet")]
    MissingCertificate(String),
    #[error("certificate {arn} cannot be used: {reason}")]
    BadCertificate { arn: String, reason: String },
    #[error("trust store {name} cannot be used: {reason}")]
    BadTrustStore { name: String, reason: String },
}

/// What the TLS of all listeners of a proxy is made of, kept so that only what changed is built anew.
#[derive(Default)]
pub struct Terminations {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    identities: HashMap<String, Arc<Identity>>,
    listeners: HashMap<String, Built>,
}

struct Built {
    tls: ListenerTls,
    alpn: Alpn,
    /// Those that the termination was built from; compared by address.
    identities: Vec<Arc<Identity>>,
    resumption: Resumption,
    termination: Arc<Termination>,
}

impl Terminations {
    pub fn new() -> Self {
        Self::default()
    }

    /// How the listener `arn` terminates TLS: what it was, if nothing changed. Certificates for SNI that are missing or cannot be used
    /// are left out and named in [`Termination::complaints`].
    ///
    /// # Errors
    /// When the policy, the default certificate or the trust store cannot be used.
    pub fn listener<'c>(
        &self,
        arn: &str,
        tls: &ListenerTls,
        alpn: Alpn,
        certificates: impl Fn(&str) -> Option<&'c Certificate>,
    ) -> Result<Arc<Termination>, TlsError> {
        let mut kept = self.kept.lock();
        let default = kept.identity(&tls.default_certificate, &certificates)?;
        let mut identities = vec![default];
        let mut complaints = Vec::new();
        for name in tls
            .certificates
            .iter()
            .filter(|name| **name != tls.default_certificate)
        {
            match kept.identity(name, &certificates) {
                Ok(identity) => identities.push(identity),
                Err(error) => complaints.push(error),
            }
        }
        let before = kept.listeners.get(arn);
        if let Some(built) = before
            && built.is_for(tls, alpn, &identities)
            && built.termination.complaints() == complaints
        {
            return Ok(built.termination.clone());
        }
        // A session must not outlive the demands that it was made under.
        let resumption = match before {
            Some(built) if built.tls.mutual == tls.mutual && built.tls.policy == tls.policy => {
                built.resumption.clone()
            }
            _ => Resumption::new(),
        };
        let termination = Arc::new(Termination::new(tls, alpn, &identities, &resumption, complaints)?);
        let built = Built {
            tls: tls.clone(),
            alpn,
            identities,
            resumption,
            termination: termination.clone(),
        };
        kept.listeners.insert(arn.to_owned(), built);
        Ok(termination)
    }

    /// Forgets listeners that are no more, and certificates that none of the others uses.
    pub fn retain(&self, is_listener: impl Fn(&str) -> bool) {
        let mut kept = self.kept.lock();
        kept.listeners.retain(|arn, _| is_listener(arn));
        // One reference is held here; a listener that uses it holds another.
        kept.identities
            .retain(|_, identity| Arc::strong_count(identity) > 1);
    }
}

impl Built {
    fn is_for(&self, tls: &ListenerTls, alpn: Alpn, identities: &[Arc<Identity>]) -> bool {
        self.tls == *tls
            && self.alpn == alpn
            && self.identities.len() == identities.len()
            && self
                .identities
                .iter()
                .zip(identities)
                .all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl Kept {
    fn identity<'c>(
        &mut self,
        arn: &str,
        certificates: &impl Fn(&str) -> Option<&'c Certificate>,
    ) -> Result<Arc<Identity>, TlsError> {
        let certificate = certificates(arn).ok_or_else(|| TlsError::MissingCertificate(arn.to_owned()))?;
        if let Some(identity) = self.identities.get(arn)
            && identity.revision() == certificate.revision
        {
            return Ok(identity.clone());
        }
        let identity = Arc::new(Identity::parse(certificate)?);
        self.identities.insert(arn.to_owned(), identity.clone());
        Ok(identity)
    }
}

impl std::fmt::Debug for Terminations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminations").finish_non_exhaustive()
    }
}
