//! Static schemas of the shapes that requests are made of.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use serde_json::Number;

use super::{File, Source};
use crate::codegen::model::{Kind, Reference, Shape};
use crate::codegen::names;

impl Source<'_> {
    /// The static of one shape; unconstrained scalars share the runtime's.
    pub(super) fn shape_schema(&self, name: &str, module: &str, file: &mut File) -> Result<()> {
        let shape = self.model.shape(name)?;
        if shape.is_unconstrained_scalar() {
            return Ok(());
        }
        let value = match shape.kind {
            Kind::Structure => self.structure_schema(name, shape, module, file)?,
            Kind::List => {
                let member = shape
                    .member
                    .as_ref()
                    .with_context(|| format!("list {name} has no member"))?;
                let item = self.item_name(member);
                let renamed = member.location_name.is_some();
                let member = self.schema(&member.shape, module, file)?;
                let flattened = shape.flattened;
                ensure!(
                    !(flattened && renamed),
                    "aws-model knows no flattened lists with a name for items, so not {name}"
                );
                format!(
                    "List {{ member: &{member}, {}, item: {item:?}, flattened: {flattened} }}",
                    range(shape)
                )
            }
            Kind::Map => {
                let value = shape
                    .value
                    .as_ref()
                    .with_context(|| format!("map {name} has no value"))?;
                let renamed = [&shape.key, &shape.value]
                    .into_iter()
                    .flatten()
                    .any(|reference| reference.location_name.is_some());
                ensure!(
                    !renamed && !shape.flattened,
                    "aws-model knows no maps but those of key, value and entry, so not {name}"
                );
                let value = self.schema(&value.shape, module, file)?;
                format!("Map {{ value: &{value}, {} }}", range(shape))
            }
            Kind::String | Kind::Character => {
                let enumeration = if shape.is_enum() {
                    format!("{name}::NAMES")
                } else {
                    "&[]".to_owned()
                };
                let pattern = &shape.pattern;
                let looks_around = ["(?!", "(?=", "(?<"];
                ensure!(
                    !pattern
                        .iter()
                        .any(|pattern| looks_around.iter().any(|look| pattern.contains(look))),
                    "Rust's regex has no {pattern:?}: say the pattern of {name} in other words"
                );
                format!(
                    "String {{ {}, pattern: {pattern:?}, enumeration: {enumeration} }}",
                    range(shape)
                )
            }
            Kind::Integer | Kind::Long => format!("{:?} {{ {} }}", shape.kind, range(shape)),
            Kind::Double | Kind::Float => format!("{:?} {{ {} }}", shape.kind, float_range(shape)),
            Kind::Blob => format!("Blob {{ {} }}", range(shape)),
            Kind::Boolean | Kind::Timestamp => format!("{:?}", shape.kind),
        };
        file.use_name("crate::schema", "Shape");
        file.item(&format!(
            "pub(crate) static {}: Shape = Shape::{value};",
            names::constant(name)
        ));
        Ok(())
    }

    fn structure_schema(&self, name: &str, shape: &Shape, module: &str, file: &mut File) -> Result<String> {
        let mut members = String::new();
        for (member, reference) in &shape.members.0 {
            let schema = self.schema(&reference.shape, module, file)?;
            let kind = if shape.required.contains(member) {
                "required"
            } else {
                "optional"
            };
            let wire = match self.wire_names(member, reference) {
                (query, xml) if query == *member && xml == *member => String::new(),
                (query, xml) => format!(".on_wire({query:?}, {xml:?})"),
            };
            let _ = writeln!(members, "Member::{kind}({member:?}, &{schema}){wire},");
        }
        if !members.is_empty() {
            file.use_name("crate::schema", "Member");
        }
        Ok(format!("Structure {{ name: {name:?}, members: &[\n{members}] }}"))
    }

    /// The names of a member in form parameters and in XML.
    fn wire_names(&self, member: &str, reference: &Reference) -> (String, String) {
        let xml = reference.location_name.as_deref().unwrap_or(member);
        let query = match &reference.query_name {
            Some(name) => name.clone(),
            None if self.model.metadata.protocol == "ec2" => names::capitalised(xml),
            None => xml.to_owned(),
        };
        (query, xml.to_owned())
    }

    /// The element of a list's item in XML, which is also what stands before the index in Query's parameters.
    fn item_name<'a>(&self, member: &'a Reference) -> &'a str {
        let protocol_says = match self.model.metadata.protocol.as_str() {
            "ec2" => "item",
            _ => "member",
        };
        member.location_name.as_deref().unwrap_or(protocol_says)
    }

    /// The path of a shape's static, imported where it stands in another file.
    pub(super) fn schema(&self, name: &str, module: &str, file: &mut File) -> Result<String> {
        let shape = self.model.shape(name)?;
        if shape.is_unconstrained_scalar() {
            let kind = if shape.document {
                "Document".to_owned()
            } else {
                format!("{:?}", shape.kind)
            };
            file.use_name("crate::schema", "self");
            return Ok(format!("schema::{}", names::constant(&kind)));
        }
        let constant = names::constant(name);
        self.import(name, &constant, module, file)?;
        Ok(constant)
    }
}

/// Length of a string, list, map or blob, or value of a whole number.
fn range(shape: &Shape) -> String {
    let bound = |number: &Option<Number>| match number.as_ref().and_then(Number::as_i64) {
        Some(number) => format!("Some({number})"),
        None => "None".to_owned(),
    };
    format!("min: {}, max: {}", bound(&shape.min), bound(&shape.max))
}

fn float_range(shape: &Shape) -> String {
    let bound = |number: &Option<Number>| format!("{:?}", number.as_ref().and_then(Number::as_f64));
    format!("min: {}, max: {}", bound(&shape.min), bound(&shape.max))
}
