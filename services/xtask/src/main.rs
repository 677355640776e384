//! Development tasks of the repository, run as `cargo xtask <task>`.

mod codegen;
mod graph;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of Berth")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Generate the AWS model crate's types from the API models inside the installed botocore package.
    Codegen {
        /// Write nothing; fail when the committed files are not what would be generated.
        #[arg(long)]
        check: bool,
        /// The botocore package's directory; asked from `python3` when absent.
        #[arg(long, value_name = "DIR")]
        botocore: Option<PathBuf>,
    },
    /// Write docs/crate-graph.txt: which crate of the workspace depends on which.
    Graph {
        /// Write nothing; fail when the committed file is not the graph.
        #[arg(long)]
        check: bool,
    },
    /// Check the length of files, the crate graph, the generated code, and that no package registry is written down.
    Tidy,
}

fn main() -> ExitCode {
    let root = workspace_root();
    let result = match Arguments::parse().task {
        Task::Codegen { check, botocore } => codegen::run(&root, botocore, check),
        Task::Graph { check } => graph::run(&root, check),
        Task::Tidy => tidy::run(&root),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The repository: two levels above this crate.
fn workspace_root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).map(PathBuf::from).unwrap_or(manifest)
}
