//! Figures against their targets: a table for people, `target/bench.json` for machines.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

/// One measured figure.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    pub name: String,
    pub figure: f64,
    pub unit: &'static str,
    pub target: String,
    /// Figure over what it is compared with; below or above 1 is good depending on `better`.
    pub ratio: Option<f64>,
    /// What the ratio is against, measured in the same run.
    pub against: Option<String>,
    /// Whether the target is met; `None` if there is none.
    pub met: Option<bool>,
}

impl Figure {
    /// A figure without a target.
    pub fn only(name: impl Into<String>, figure: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            figure,
            unit,
            target: "-".to_owned(),
            ratio: None,
            against: None,
            met: None,
        }
    }

    /// A figure that should be at least `least`.
    pub fn at_least(name: impl Into<String>, figure: f64, unit: &'static str, least: f64) -> Self {
        let target = format!(">= {least}");
        Self {
            name: name.into(),
            figure,
            unit,
            target,
            ratio: None,
            against: None,
            met: Some(figure >= least),
        }
    }

    /// A figure that should be at most `most`.
    pub fn at_most(name: impl Into<String>, figure: f64, unit: &'static str, most: f64) -> Self {
        let target = format!("<= {most}");
        Self {
            name: name.into(),
            figure,
            unit,
            target,
            ratio: None,
            against: None,
            met: Some(figure <= most),
        }
    }

    /// Compared with another figure of this run.
    #[must_use]
    pub fn against(mut self, what: impl Into<String>, other: f64) -> Self {
        self.ratio = Some(self.figure / other);
        self.against = Some(format!("{} ({other:.1} {})", what.into(), self.unit));
        self
    }
}

/// Middle value.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints the table and writes the file.
///
/// # Errors
/// When the file cannot be written.
pub fn publish(figures: &[Figure], path: &Path) -> anyhow::Result<()> {
    println!(
        "\n{:<58} {:>12} {:<6} {:>12} {:>6}  against",
        "figure", "measured", "unit", "target", "ratio"
    );
    for f in figures {
        let mark = match f.met {
            Some(true) => "ok ",
            Some(false) => "NOT",
            None => "   ",
        };
        let ratio = f.ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let against = f.against.as_deref().unwrap_or("");
        println!(
            "{:<58} {:>12.1} {:<6} {:>12} {:>6}  {mark} {against}",
            f.name, f.figure, f.unit, f.target, ratio
        );
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let json = serde_json::to_string_pretty(figures)?;
    std::fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))
}
