//! What `berth config` prints.

use super::setting::{SETTINGS, Setting};
use super::{Config, values};

const MASK: &str = "***";

/// One row a setting: name, value, source.
pub fn render(config: &Config) -> String {
    let header = ["NAME", "VALUE", "SOURCE"].map(str::to_owned);
    let rows: Vec<[String; 3]> = std::iter::once(header)
        .chain(SETTINGS.iter().map(|setting| row(config, setting)))
        .collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let (name_width, value_width) = (width(0), width(1));
    rows.iter()
        .map(|[name, value, source]| {
            format!("{name:name_width$}  {value:value_width$}  {source}")
                .trim_end()
                .to_owned()
                + "\n"
        })
        .collect()
}

fn row(config: &Config, setting: &Setting) -> [String; 3] {
    let (value, source) = match config.layers.get(setting.name) {
        Some((_, source)) if setting.secret => (MASK.to_owned(), source.to_string()),
        Some((text, source)) if setting.name == "database_url" => {
            (values::without_password(text), source.to_string())
        }
        Some((text, source)) => (text.to_owned(), source.to_string()),
        None => unset(config, setting),
    };
    [setting.name.to_owned(), value, source]
}

/// The value of one setting as the table shows it; `None` if there is no such setting.
pub fn value(config: &Config, name: &str) -> Option<String> {
    let setting = SETTINGS.iter().find(|setting| setting.name == name)?;
    let [_, value, _] = row(config, setting);
    Some(value)
}

/// What stands for a setting that nobody set.
fn unset(config: &Config, setting: &Setting) -> (String, String) {
    let (known, file) = match setting.name {
        "access_key_id" => (made_key_id(config), "credentials"),
        "secret_access_key" => (made_key_id(config).map(|_| MASK.to_owned()), "credentials"),
        "master_key" => (
            config
                .data_dir
                .join("master.key")
                .exists()
                .then(|| MASK.to_owned()),
            "master.key",
        ),
        "database_url" => return ("(private PostgreSQL)".to_owned(), "default".to_owned()),
        _ => return ("-".to_owned(), "default".to_owned()),
    };
    let value = known.unwrap_or_else(|| "(made at the first start)".to_owned());
    (value, config.data_dir.join(file).display().to_string())
}

fn made_key_id(config: &Config) -> Option<String> {
    config
        .existing_key_pair()
        .ok()
        .flatten()
        .map(|pair| pair.access_key_id)
}
