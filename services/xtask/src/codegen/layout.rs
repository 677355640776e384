//! Which generated file each shape stands in.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::model::Model;
use super::names;

/// Where every shape goes: shapes that one operation alone uses stand beside it, what no operation reaches (the
/// exceptions and what only they use) in `errors`, all others in a group by the first word of their name.
pub struct Layout<'a> {
    /// Module path below the service, such as `ops::run_task` or `types::container`, with the shapes in it.
    pub modules: BTreeMap<String, Vec<&'a str>>,
    /// The module of each shape.
    pub module_of: BTreeMap<&'a str, String>,
    /// Shapes that requests and responses are made of; these get a static schema.
    pub in_messages: BTreeSet<&'a str>,
}

impl<'a> Layout<'a> {
    pub fn of(model: &'a Model) -> Result<Self> {
        let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut in_messages = BTreeSet::new();
        for (name, operation) in &model.operations {
            let input = model.reach(operation.input.iter().map(|r| r.shape.as_str()))?;
            let output = model.reach(operation.output.iter().map(|r| r.shape.as_str()))?;
            for &shape in input.union(&output) {
                users.entry(shape).or_default().push(name);
            }
            in_messages.extend(input.union(&output).copied());
        }
        let mut layout = Self {
            modules: BTreeMap::new(),
            module_of: BTreeMap::new(),
            in_messages,
        };
        let first_words: BTreeSet<String> = model.shapes.keys().map(|name| first_word(name)).collect();
        for (name, shape) in &model.shapes {
            let has_schema = layout.in_messages.contains(name.as_str()) && !shape.is_unconstrained_scalar();
            if !shape.has_type() && !has_schema {
                continue;
            }
            let module = match users.get(name.as_str()).map(Vec::as_slice) {
                Some([operation]) => format!("ops::{}", names::snake(operation)),
                Some(_) => format!("types::{}", group(name, &first_words)),
                None => "errors".to_owned(),
            };
            layout.modules.entry(module.clone()).or_default().push(name);
            layout.module_of.insert(name, module);
        }
        for operation in model.operations.keys() {
            layout
                .modules
                .entry(format!("ops::{}", names::snake(operation)))
                .or_default();
        }
        Ok(layout)
    }
}

fn first_word(name: &str) -> String {
    names::words(name).swap_remove(0)
}

/// The first word of a name, in the singular when other names start with that.
fn group(name: &str, first_words: &BTreeSet<String>) -> String {
    let word = first_word(name);
    match word.strip_suffix('s') {
        Some(singular) if first_words.contains(singular) => singular.to_owned(),
        _ => word,
    }
}
