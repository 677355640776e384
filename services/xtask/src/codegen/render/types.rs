//! Structures and enums.

use std::fmt::Write;

use anyhow::{Context, Result};

use super::{File, Source};
use crate::codegen::model::{Kind, Shape};
use crate::codegen::names;

impl Source<'_> {
    /// The Rust type of a shape, when it has one of its own.
    pub(super) fn shape_type(&self, name: &str, module: &str, file: &mut File) -> Result<()> {
        let shape = self.model.shape(name)?;
        if shape.is_structure() {
            self.structure(name, shape, module, file)?;
        } else if shape.is_enum() {
            enumeration(name, shape, file);
        }
        Ok(())
    }

    fn structure(&self, name: &str, shape: &Shape, module: &str, file: &mut File) -> Result<()> {
        let case = Case::of(shape);
        let mut fields = String::new();
        for (member, reference) in &shape.members.0 {
            let field = names::field(member);
            let mut kind = self.rust_type(&reference.shape, module, file)?;
            if self.model.shape(&reference.shape)?.is_structure()
                && self.model.embeds(&reference.shape, name)?
            {
                kind = format!("Box<{kind}>");
            }
            let mut attributes = Vec::new();
            if case.apply(field.trim_start_matches("r#")) != *member {
                attributes.push(format!("rename = \"{member}\""));
            }
            if shape.required.contains(member) {
                attributes.push("default".to_owned());
            } else {
                kind = format!("Option<{kind}>");
                attributes.push("skip_serializing_if = \"Option::is_none\"".to_owned());
            }
            let _ = writeln!(
                fields,
                "#[serde({})]\npub {field}: {kind},",
                attributes.join(", ")
            );
        }
        file.use_name("serde", "Deserialize");
        file.use_name("serde", "Serialize");
        file.item(&format!(
            "#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]\n\
             #[serde(rename_all = \"{}\")]\npub struct {name} {{\n{fields}}}",
            case.name()
        ));
        Ok(())
    }

    /// The type of a field that holds this shape, with what it needs imported.
    pub(super) fn rust_type(&self, name: &str, module: &str, file: &mut File) -> Result<String> {
        let shape = self.model.shape(name)?;
        Ok(match shape.kind {
            Kind::Structure if shape.document => "serde_json::Value".to_owned(),
            Kind::Structure => {
                self.import(name, name, module, file)?;
                name.to_owned()
            }
            Kind::String if shape.is_enum() => {
                self.import(name, name, module, file)?;
                name.to_owned()
            }
            Kind::List => {
                let member = shape
                    .member
                    .as_ref()
                    .with_context(|| format!("list {name} has no member"))?;
                format!("Vec<{}>", self.rust_type(&member.shape, module, file)?)
            }
            Kind::Map => {
                let value = shape
                    .value
                    .as_ref()
                    .with_context(|| format!("map {name} has no value"))?;
                file.use_name("std::collections", "BTreeMap");
                format!(
                    "BTreeMap<String, {}>",
                    self.rust_type(&value.shape, module, file)?
                )
            }
            Kind::String | Kind::Character => "String".to_owned(),
            Kind::Integer => "i32".to_owned(),
            Kind::Long => "i64".to_owned(),
            Kind::Double => "f64".to_owned(),
            Kind::Float => "f32".to_owned(),
            Kind::Boolean => "bool".to_owned(),
            Kind::Timestamp => runtime_type("Timestamp", file),
            Kind::Blob => runtime_type("Blob", file),
        })
    }
}

/// How serde makes JSON names of fields.
#[derive(Clone, Copy)]
enum Case {
    Camel,
    Pascal,
}

impl Case {
    /// The rule that most of a structure's members follow.
    fn of(shape: &Shape) -> Self {
        let members = &shape.members.0;
        let capitals = members
            .iter()
            .filter(|(name, _)| name.starts_with(char::is_uppercase))
            .count();
        if capitals * 2 > members.len() {
            Self::Pascal
        } else {
            Self::Camel
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Camel => "camelCase",
            Self::Pascal => "PascalCase",
        }
    }

    fn apply(self, snake: &str) -> String {
        match self {
            Self::Camel => names::serde_camel(snake),
            Self::Pascal => names::serde_pascal(snake),
        }
    }
}

fn runtime_type(name: &str, file: &mut File) -> String {
    file.use_name("crate", name);
    name.to_owned()
}

fn enumeration(name: &str, shape: &Shape, file: &mut File) {
    let mut variants = String::new();
    for value in &shape.enumeration {
        let _ = writeln!(variants, "        {} = {value:?},", names::variant(value));
    }
    file.use_name("crate::string_enum", "string_enum");
    file.item(&format!(
        "string_enum! {{\n    pub enum {name} {{\n{variants}    }}\n}}"
    ));
}
