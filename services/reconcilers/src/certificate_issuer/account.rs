//! Berth's account at the directory: one for each, made at the first order and kept sealed.

use auth::Secret;
use instant_acme::{Account, AccountBuilder, AccountCredentials, NewAccount};
use store::acme;

use super::CertificateIssuer;
use super::failure::Failure;

impl CertificateIssuer {
    /// The account, which this server reads or makes once.
    pub(super) async fn account(&self) -> Result<&Account, Failure> {
        self.account.get_or_try_init(|| self.open()).await
    }

    async fn open(&self) -> Result<Account, Failure> {
        let directory = &self.acme.directory;
        let sealed = match acme::account(&self.db, directory).await? {
            Some(sealed) => sealed,
            None => self.create().await?,
        };
        let text = self.vault.open(directory, &sealed).map_err(Failure::other)?;
        let credentials: AccountCredentials = serde_json::from_str(text.expose()).map_err(Failure::other)?;
        Ok(self.builder()?.from_credentials(credentials).await?)
    }

    /// Of several servers that make one at once, one wins and all use it.
    async fn create(&self) -> Result<Vec<u8>, Failure> {
        let directory = &self.acme.directory;
        let contact = self
            .acme
            .contact
            .as_ref()
            .map(|address| format!("mailto:{address}"));
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let new = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let (_, credentials) = self.builder()?.create(&new, directory.clone(), None).await?;
        let text = serde_json::to_string(&credentials).map_err(Failure::other)?;
        let sealed = self.vault.seal(directory, &Secret::new(text));
        Ok(acme::keep_account(&self.db, directory, &sealed).await?)
    }

    fn builder(&self) -> Result<AccountBuilder, Failure> {
        // The client takes the process's provider, and where two are linked none is chosen by itself. An earlier choice stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(match &self.acme.root {
            Some(root) => Account::builder_with_root(root)?,
            None => Account::builder()?,
        })
    }
}
