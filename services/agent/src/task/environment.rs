//! Environment files: from a path on the host or from an HTTP or HTTPS address, where ECS has S3 (TD-32, SE-05).

use std::collections::BTreeMap;
use std::time::Duration;

use agent_protocol::task::{Container, EnvironmentFile};
use http::Uri;
use tokio::io::AsyncReadExt;

use super::failure::Failure;
use crate::http_client::{HttpClient, tls};

const FETCH_TIMEOUT: Duration = Duration::from_secs(30);
/// Larger files cannot be meant: a whole task definition has at most 64 KiB.
const MAX_BYTES: usize = 1024 * 1024;

/// The variables of all environment files of a container; an earlier file beats a later one.
///
/// # Errors
/// `ResourceInitializationError` when a file cannot be had.
pub async fn fetch(container: &Container, http: &HttpClient) -> Result<BTreeMap<String, String>, Failure> {
    let mut variables = BTreeMap::new();
    for file in &container.environment_files {
        for (name, value) in parse(&read(file, http).await?) {
            variables.entry(name).or_insert(value);
        }
    }
    Ok(variables)
}

async fn read(file: &EnvironmentFile, http: &HttpClient) -> Result<String, Failure> {
    let place = file.value.as_str();
    let failed = |why: &dyn std::fmt::Display| {
        Failure::resource(format!("unable to read the environment file {place}: {why}"))
    };
    let bytes = if let Some(path) = place
        .strip_prefix("file://")
        .or(place.starts_with('/').then_some(place))
    {
        read_file(path).await.map_err(|e| failed(&e))?
    } else if place.starts_with("http://") || place.starts_with("https://") {
        let uri: Uri = place.parse().map_err(|_| failed(&"the address is malformed"))?;
        let body = match uri.scheme_str() {
            Some("https") => tls::get(&uri, FETCH_TIMEOUT).await,
            _ => http.get(&uri, FETCH_TIMEOUT).await,
        };
        body.map_err(|e| failed(&e))?.to_vec()
    } else {
        return Err(failed(
            &"it must be an absolute path, a file://, an http:// or an https:// address",
        ));
    };
    if bytes.len() > MAX_BYTES {
        return Err(failed(&"it is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| failed(&"it is not UTF-8"))
}

/// What stands in a file, one byte more than is allowed at most. Devices and pipes may have no end, or never begin.
async fn read_file(path: &str) -> std::io::Result<Vec<u8>> {
    if !tokio::fs::metadata(path).await?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    let file = tokio::fs::File::open(path).await?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// `NAME=value` lines; `#` starts a comment line; nothing is interpolated and quotes are part of the value.
fn parse(text: &str) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = Vec::new();
    for line in text.lines().map(|line| line.trim_end_matches('\r')) {
        let Some((name, value)) = line
            .split_once('=')
            .filter(|_| !line.trim_start().starts_with('#'))
        else {
            continue;
        };
        let name = name.trim();
        if name.is_empty() {
            continue;
        }
        match variables.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1 = value.to_owned(),
            None => variables.push((name.to_owned(), value.to_owned())),
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn td32_lines_are_taken_as_they_stand() {
        let text = "# c\n\nA=1\nB=\"two\" \n  # d=4\nC=x=y\nnothing\nA=9\n=5\nD=\r\n";
        let expected = [("A", "9"), ("B", "\"two\" "), ("C", "x=y"), ("D", "")];
        let found = parse(text);
        assert_eq!(
            found
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect::<Vec<_>>(),
            expected
        );
    }

    #[tokio::test]
    async fn se05_the_first_file_wins_and_a_missing_one_is_named() {
        let folder = Folder::new();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            EnvironmentFile {
                value: path.display().to_string(),
                r#type: "s3".into(),
            }
        };
        let second = file("b.env", "A=2\nB=2\n");
        let second = EnvironmentFile {
            value: format!("file://{}", second.value),
            ..second
        };
        let environment_files = vec![file("a.env", "A=1\n"), second];
        let mut container = Container {
            environment_files,
            ..Container::default()
        };
        let found = fetch(&container, &HttpClient::new()).await.unwrap();
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [("A".into(), "1".into()), ("B".into(), "2".into())]
        );
        for place in [
            "/no/such/file.env",
            "/dev/zero",
            "arn:aws:s3:::bucket/a.env",
            "https://127.0.0.1:1/a.env",
        ] {
            container.environment_files[0].value = place.into();
            let failure = fetch(&container, &HttpClient::new())
                .await
                .unwrap_err()
                .to_string();
            assert!(
                failure.starts_with("ResourceInitializationError: unable to read"),
                "{failure}"
            );
            assert!(failure.contains(place), "{failure}");
        }
    }
}
