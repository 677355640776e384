//! Rust source of one service: `<service>.rs`, `ops.rs`, `types.rs`, `errors.rs` and the files below them.

mod operation;
mod schema;
mod service;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anyhow::{Context, Result};

use super::layout::Layout;
use super::model::Model;
use super::names;
use super::output::Tree;
use super::services::ServiceSpec;

/// Everything that rendering reads.
struct Source<'a> {
    service: &'a ServiceSpec,
    model: &'a Model,
    layout: &'a Layout<'a>,
}

/// One file being written: what it uses, and its items.
#[derive(Default)]
struct File {
    /// Paths after `crate::` or absolute ones, by module, with the names taken from them.
    uses: BTreeMap<String, BTreeSet<String>>,
    items: String,
}

/// Adds all files of one service to the tree.
pub fn service(service: &ServiceSpec, model: &Model, layout: &Layout<'_>, tree: &mut Tree) -> Result<()> {
    check_names(model, layout)?;
    let source = Source {
        service,
        model,
        layout,
    };
    let directory = format!("generated/{}", service.module);
    for (module, shapes) in &layout.modules {
        let file = source
            .file(module, shapes)
            .with_context(|| format!("rendering {module}"))?;
        tree.add(format!("{directory}/{}.rs", module.replace("::", "/")), file);
    }
    tree.add(format!("{directory}/ops.rs"), source.operations_index());
    tree.add(format!("{directory}/types.rs"), source.types_index()?);
    tree.add(format!("{directory}.rs"), source.root()?);
    Ok(())
}

fn check_names(model: &Model, layout: &Layout<'_>) -> Result<()> {
    names::check_distinct(
        "statics",
        layout
            .in_messages
            .iter()
            .map(|&name| (name, names::constant(name))),
    )?;
    for (name, shape) in &model.shapes {
        if shape.has_type() {
            names::check_type(name)?;
        }
        names::check_distinct(
            name,
            shape
                .members
                .0
                .iter()
                .map(|(member, _)| (member.as_str(), names::snake(member))),
        )?;
        names::check_distinct(
            name,
            shape
                .enumeration
                .iter()
                .map(|value| (value.as_str(), names::variant(value))),
        )?;
    }
    Ok(())
}

impl Source<'_> {
    /// One file of the layout: the operation it is about, if any, then its shapes.
    fn file(&self, module: &str, shapes: &[&str]) -> Result<String> {
        let mut file = File::default();
        if let Some(operation) = module.strip_prefix("ops::") {
            self.operation(operation, &mut file)?;
        }
        if module == "errors" {
            self.error_codes(&mut file)?;
        }
        for name in shapes {
            self.shape_type(name, module, &mut file)?;
        }
        for name in shapes
            .iter()
            .filter(|name| self.layout.in_messages.contains(*name))
        {
            self.shape_schema(name, module, &mut file)?;
        }
        Ok(file.text())
    }

    /// Names `name`, which belongs to `shape`, in a file of `module`: imported unless it stands in the same file.
    fn import(&self, shape: &str, name: &str, module: &str, file: &mut File) -> Result<()> {
        let owner = self
            .layout
            .module_of
            .get(shape)
            .with_context(|| format!("no module for {shape}"))?;
        if owner != module {
            file.use_name(
                &format!("crate::generated::{}::{owner}", self.service.module),
                name,
            );
        }
        Ok(())
    }
}

impl File {
    fn use_name(&mut self, module: &str, name: &str) {
        self.uses
            .entry(module.to_owned())
            .or_default()
            .insert(name.to_owned());
    }

    fn item(&mut self, text: &str) {
        self.items.push_str(text);
        self.items.push_str("\n\n");
    }

    fn text(self) -> String {
        let mut text = String::new();
        for foreign in [true, false] {
            for (module, names) in self
                .uses
                .iter()
                .filter(|(module, _)| module.starts_with("crate::") != foreign)
            {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let _ = writeln!(text, "use {module}::{{{}}};", names.join(", "));
            }
            text.push('\n');
        }
        text + &self.items
    }
}
