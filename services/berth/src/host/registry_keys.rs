//! Keys of private registries, from a file in the form of Docker's `config.json`.

use std::collections::BTreeMap;
use std::path::Path;

use agent::RegistryKey;
use anyhow::{Context as _, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// `user:password` in base64.
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// Reads the keys by host. Entries that name only a credential helper are refused: the agent does not run helpers.
///
/// # Errors
/// When the file cannot be read, or an entry has no user and password.
pub fn read(file: &Path) -> anyhow::Result<BTreeMap<String, RegistryKey>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    parse(&text).with_context(|| format!("{}", file.display()))
}

fn parse(text: &str) -> anyhow::Result<BTreeMap<String, RegistryKey>> {
    let config: DockerConfig = serde_json::from_str(text).context("is no Docker config.json")?;
    config
        .auths
        .into_iter()
        .map(|(address, entry)| Ok((host(&address), key(&address, entry)?)))
        .collect()
}

/// `https://index.docker.io/v1/` is what Docker writes for `docker.io`.
fn host(address: &str) -> String {
    let bare = address
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    let host = bare.split('/').next().unwrap_or_default();
    match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        other => other.to_owned(),
    }
}

fn key(address: &str, entry: Entry) -> anyhow::Result<RegistryKey> {
    if let (Some(username), Some(password)) = (entry.username, entry.password) {
        return Ok(RegistryKey { username, password });
    }
    let decoded = entry
        .auth
        .and_then(|auth| String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok());
    match decoded.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((username, password)) => Ok(RegistryKey {
            username: username.to_owned(),
            password: password.to_owned(),
        }),
        None => bail!("the entry {address} has no user and password"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_both_forms_and_by_host() {
        let auth = STANDARD.encode("me:se:cret");
        let text = format!(
            r#"{{"auths": {{"https://index.docker.io/v1/": {{"auth": "{auth}"}},
                "registry.example:5000": {{"username": "u", "password": "p"}}}}}}"#
        );
        let keys = parse(&text).unwrap();
        assert_eq!(keys["docker.io"].password, "se:cret");
        assert_eq!(keys["registry.example:5000"].username, "u");
    }

    #[test]
    fn an_entry_without_keys_is_refused_by_name() {
        let error = parse(r#"{"auths": {"registry.example": {}}}"#).unwrap_err();
        assert!(error.to_string().contains("registry.example"));
        assert!(parse("nonsense").is_err());
    }
}
