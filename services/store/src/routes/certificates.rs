//! Certificates with their keys, which stay sealed until they are sent.

use routing::Certificate;

use super::Unseal;
use crate::{Db, Result};

/// A certificate whose key is still sealed.
#[derive(Clone, sqlx::FromRow)]
pub struct StoredCertificate {
    pub arn: String,
    pub revision: i64,
    certificate: String,
    chain: Option<String>,
    sealed_private_key: Vec<u8>,
}

impl StoredCertificate {
    /// The certificate with its key, for a proxy; `None` if the key cannot be opened.
    pub fn open(&self, unseal: &dyn Unseal) -> Option<Certificate> {
        let private_key = unseal.unseal(&self.arn, &self.sealed_private_key)?;
        let leaf = self.certificate.trim_end();
        let chain = match self.chain.as_deref() {
            Some(chain) => format!("{leaf}\n{}\n", chain.trim_end()),
            None => format!("{leaf}\n"),
        };
        Some(Certificate {
            arn: self.arn.clone(),
            revision: self.revision,
            chain,
            private_key,
        })
    }
}

/// The certificates with these ARNs, of all accounts; those that are not there or not issued yet are left out.
pub async fn certificates(db: &Db, arns: &[String]) -> Result<Vec<StoredCertificate>> {
    let query = sqlx::query_as(
        "SELECT arn, revision, certificate, chain, sealed_private_key FROM certificates \
         WHERE arn = ANY($1) AND certificate IS NOT NULL AND sealed_private_key IS NOT NULL",
    );
    Ok(query.bind(arns).fetch_all(db.pool()).await?)
}
