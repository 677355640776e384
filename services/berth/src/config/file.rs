//! The settings in a TOML file: top-level keys, and the table `[agent]`.

use std::collections::BTreeMap;
use std::path::Path;

use toml::{Table, Value};

use super::ConfigError;
use super::setting::{Kind, SETTINGS, Setting, find};

/// Reads a configuration file into texts by the names of settings.
///
/// # Errors
/// When it cannot be read, is no TOML, or holds a key or a kind of value that is not known.
pub fn read(path: &Path) -> Result<BTreeMap<&'static str, String>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File {
        path: path.to_owned(),
        source: source.into(),
    })?;
    parse(&text).map_err(|source| ConfigError::File {
        path: path.to_owned(),
        source,
    })
}

fn parse(text: &str) -> Result<BTreeMap<&'static str, String>, Box<dyn std::error::Error + Send + Sync>> {
    let mut values = BTreeMap::new();
    for (name, value) in flatten(text.parse::<Table>()?) {
        let setting = find(&name).ok_or_else(|| unknown(&name))?;
        values.insert(setting.name, written(setting, &value)?);
    }
    Ok(values)
}

fn flatten(table: Table) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(part) if matches!(name.as_str(), "agent" | "proxy") => {
                let of_part = |(key, value)| (format!("{name}.{key}"), value);
                flat.extend(part.into_iter().map(of_part));
            }
            value => flat.push((name, value)),
        }
    }
    flat
}

fn written(setting: &Setting, value: &Value) -> Result<String, String> {
    let wrong = |expected: &str| format!("{} must be {expected}", setting.name);
    match (setting.kind, value) {
        (Kind::Switch, Value::Boolean(on)) => Ok(on.to_string()),
        (Kind::Switch, _) => Err(wrong("true or false")),
        (Kind::List(_), Value::Array(items)) => {
            let items: Option<Vec<String>> = items.iter().map(scalar).collect();
            items
                .map(|items| items.join(","))
                .ok_or_else(|| wrong("an array of texts"))
        }
        (Kind::Map, Value::Table(pairs)) => {
            let pair = |(name, value): (&String, &Value)| Some(format!("{name}={}", scalar(value)?));
            let pairs: Option<Vec<String>> = pairs.iter().map(pair).collect();
            pairs
                .map(|pairs| pairs.join(","))
                .ok_or_else(|| wrong("a table of texts"))
        }
        (Kind::Map, _) => Err(wrong("a table of texts")),
        (Kind::Text(_) | Kind::List(_), value) => scalar(value).ok_or_else(|| wrong("a text or a number")),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

fn unknown(name: &str) -> String {
    let near = SETTINGS
        .iter()
        .map(|setting| (distance(name, setting.name), setting.name))
        .min();
    match near {
        Some((steps, near)) if steps <= 3 => {
            format!("there is no setting {name}; did you mean {near}?")
        }
        _ => format!("there is no setting {name}; `berth config` shows all"),
    }
}

/// How many letters have to be put in, left out or replaced to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn toml_values_become_the_texts_that_flags_would_have() {
        let values = parse(
            "listen = '0.0.0.0:80'\nno_agent = true\nregions = ['us-east-1', 'local-1']\nhost_loss_after = 30\n\
             [agent]\ncluster = 'web'\nattributes = { rack = 'a1', tier = 2 }\n",
        )
        .unwrap();
        let expected = [
            ("agent.attributes", "rack=a1,tier=2"),
            ("agent.cluster", "web"),
            ("host_loss_after", "30"),
            ("listen", "0.0.0.0:80"),
            ("no_agent", "true"),
            ("regions", "us-east-1,local-1"),
        ];
        assert_eq!(
            values
                .iter()
                .map(|(name, text)| (*name, text.as_str()))
                .collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn a_misspelt_key_or_a_wrong_kind_is_named() {
        let refused = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(
            refused("lisen = 'x'"),
            "there is no setting lisen; did you mean listen?"
        );
        assert_eq!(
            refused("colour = 'x'"),
            "there is no setting colour; `berth config` shows all"
        );
        assert_eq!(
            refused("[agent]\nclutser = 'x'"),
            "there is no setting agent.clutser; did you mean agent.cluster?"
        );
        assert_eq!(refused("no_agent = 'yes'"), "no_agent must be true or false");
        assert_eq!(refused("listen = ['x']"), "listen must be a text or a number");
        assert_eq!(
            refused("[agent]\nattributes = 'a=b'"),
            "agent.attributes must be a table of texts"
        );
    }
}
