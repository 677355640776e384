//! `cargo xtask graph`: which crate of the workspace depends on which, as a golden file, so that a new edge is a decision.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// The golden file, from the workspace root.
const GOLDEN: &str = "docs/crate-graph.txt";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev` or `build`; nothing for a normal dependency.
    kind: Option<String>,
}

/// Writes the golden file, or with `check` fails when it is not the graph.
pub fn run(root: &Path, check: bool) -> Result<()> {
    let graph = render(&metadata(root)?);
    let path = root.join(GOLDEN);
    if !check {
        fs::write(&path, graph).with_context(|| format!("writing {}", path.display()))?;
        println!("{GOLDEN} written");
        return Ok(());
    }
    let golden =
        fs::read_to_string(&path).with_context(|| format!("{GOLDEN} is missing; run `cargo xtask graph`"))?;
    let difference = difference(&golden, &graph);
    if !difference.is_empty() {
        bail!(
            "crates depend on each other in a way that {GOLDEN} does not have; if that is meant, run `cargo xtask graph`:\n{difference}"
        );
    }
    Ok(())
}

fn metadata(root: &Path) -> Result<Metadata> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let output = cargo
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("running cargo metadata")?;
    let failure = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "cargo metadata failed: {}",
        failure.trim()
    );
    serde_json::from_slice(&output.stdout).context("reading what cargo metadata says")
}

/// One line for each crate: its name and, after an arrow, the crates of the workspace that it is built on.
fn render(metadata: &Metadata) -> String {
    let members: BTreeSet<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in &metadata.packages {
        let normal = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind.is_none());
        let inside = normal
            .map(|dependency| dependency.name.as_str())
            .filter(|name| members.contains(name));
        graph.entry(&package.name).or_default().extend(inside);
    }
    let mut text = String::new();
    for (name, dependencies) in graph {
        let list: Vec<&str> = dependencies.into_iter().collect();
        let _ = writeln!(
            text,
            "{}",
            format!("{name} -> {}", list.join(" ")).trim_end_matches(" -> ")
        );
    }
    text
}

/// The lines that only one of the two has, marked `-` and `+`.
fn difference(golden: &str, graph: &str) -> String {
    let (golden, graph): (BTreeSet<&str>, BTreeSet<&str>) =
        (golden.lines().collect(), graph.lines().collect());
    let gone = golden.difference(&graph).map(|line| format!("  - {line}\n"));
    let new = graph.difference(&golden).map(|line| format!("  + {line}\n"));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).into(),
            kind: kind.map(Into::into),
        };
        Package {
            name: name.into(),
            dependencies: dependencies.iter().map(dependency).collect(),
        }
    }

    #[test]
    fn only_normal_dependencies_inside_the_workspace_are_edges() {
        let store = package(
            "store",
            &[
                ("domain", None),
                ("kit", None),
                ("sqlx", None),
                ("test-support", Some("dev")),
            ],
        );
        let packages = vec![
            store,
            package("kit", &[]),
            package("domain", &[]),
            package("test-support", &[]),
        ];
        let graph = render(&Metadata { packages });
        assert_eq!(graph, "domain\nkit\nstore -> domain kit\ntest-support\n");
    }

    #[test]
    fn a_new_edge_is_named() {
        assert_eq!(difference("a\nb\n", "a -> b\nb\n"), "  - a\n  + a -> b\n");
        assert_eq!(difference("a\n", "a\n"), "");
    }
}
