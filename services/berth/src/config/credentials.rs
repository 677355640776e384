//! The key pair that was made at the first start, in the form of `~/.aws/credentials`, so that AWS clients can be pointed at
//! the file (`AWS_SHARED_CREDENTIALS_FILE`).

use std::path::Path;

use auth::{KeyPair, Secret, private_file};
use kit::Random;

use super::ConfigError;

/// The pair in the file; `None` when there is no file.
pub fn load(path: &Path) -> Result<Option<KeyPair>, ConfigError> {
    private_file::read(path)?
        .map(|text| parse(&text, path))
        .transpose()
}

/// The pair in the file, which is made with a new pair if it is missing.
pub fn load_or_create(path: &Path, random: &Random) -> Result<KeyPair, ConfigError> {
    let text = private_file::read_or_create(path, random, || {
        let pair = KeyPair::generate(random);
        let (id, secret) = (&pair.access_key_id, pair.secret.expose());
        format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n").into()
    })?;
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<KeyPair, ConfigError> {
    let value = |name: &str| {
        let values = text.lines().filter_map(|line| line.split_once('='));
        values
            .filter(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().to_owned())
            .next()
    };
    match (value("aws_access_key_id"), value("aws_secret_access_key")) {
        (Some(access_key_id), Some(secret)) => Ok(KeyPair {
            access_key_id,
            secret: Secret::new(secret),
        }),
        _ => Err(ConfigError::File {
            path: path.to_owned(),
            source: "needs the lines aws_access_key_id = … and aws_secret_access_key = …".into(),
        }),
    }
}
