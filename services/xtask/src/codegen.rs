//! `cargo xtask codegen`: AWS API models in, Rust types and static schemas out.

mod botocore;
mod layout;
mod model;
mod names;
mod output;
mod render;
mod services;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use botocore::Botocore;
use layout::Layout;
use output::Tree;
use services::SERVICES;

/// The sources that `generated.rs` and `generated/` are written into, from the workspace root.
const SOURCE: &str = "services/aws-model/src";

/// Generates all services, or with `check` compares with the committed tree.
pub fn run(root: &Path, botocore: Option<PathBuf>, check: bool) -> Result<()> {
    let directory = root.join(SOURCE);
    if check {
        return check_committed(root, &directory, botocore);
    }
    let botocore = Botocore::find(botocore)?;
    let tree = generate(root, &botocore)?;
    tree.write(&directory)?;
    println!(
        "{} files generated from botocore {}",
        tree.len(),
        botocore.version()
    );
    Ok(())
}

fn check_committed(root: &Path, directory: &Path, botocore: Option<PathBuf>) -> Result<()> {
    let committed = output::committed_version(directory)?;
    let botocore = match Botocore::find(botocore) {
        Ok(found) if found.version() == committed => found,
        Ok(found) => {
            let installed = found.version();
            println!("codegen check skipped: generated from botocore {committed}, {installed} is installed");
            return Ok(());
        }
        Err(error) => {
            println!("codegen check skipped: botocore {committed} is not installed ({error:#})");
            return Ok(());
        }
    };
    generate(root, &botocore)?.compare(directory)
}

fn generate(root: &Path, botocore: &Botocore) -> Result<Tree> {
    let mut tree = Tree::new(botocore.version());
    let modules: String = SERVICES
        .iter()
        .map(|service| format!("pub mod {};\n", service.module))
        .collect();
    tree.add("generated.rs", modules);
    for service in SERVICES {
        let mut model = botocore
            .service(service)
            .with_context(|| format!("reading botocore's model of {}", service.directory))?;
        if let Some(operations) = service.operations {
            model.select(operations)?;
        }
        for (shape, pattern) in service.patterns {
            model.set_pattern(shape, pattern)?;
        }
        for (shape, value) in service.values {
            model.add_value(shape, value)?;
        }
        for (structure, member, shape) in service.additions {
            model.add_member(structure, member, shape)?;
        }
        let layout = Layout::of(&model)?;
        render::service(service, &model, &layout, &mut tree)?;
    }
    tree.format(&root.join("rustfmt.toml"))?;
    Ok(tree)
}
