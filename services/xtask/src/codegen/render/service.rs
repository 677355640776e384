//! The files about a whole service: its root, the index of its types, its error codes.

use std::fmt::Write;

use anyhow::{Result, bail};

use super::{File, Source};
use crate::codegen::model::Metadata;

impl Source<'_> {
    /// `types.rs`: the modules of shape groups, and every type under one path.
    pub(super) fn types_index(&self) -> Result<String> {
        let mut modules = String::new();
        let mut uses = String::new();
        for (module, shapes) in &self.layout.modules {
            let mut types = Vec::new();
            for &name in shapes {
                let shape = self.model.shape(name)?;
                if shape.has_type() {
                    types.push(name);
                }
            }
            let path = match module.strip_prefix("types::") {
                Some(group) => {
                    let _ = writeln!(modules, "pub(crate) mod {group};");
                    group.to_owned()
                }
                None => format!("super::{module}"),
            };
            if !types.is_empty() {
                let _ = writeln!(uses, "pub use {path}::{{{}}};", types.join(", "));
            }
        }
        Ok(format!(
            "//! Every structure and enum of the service.\n\n{modules}\n{uses}"
        ))
    }

    /// `<service>.rs`: what the service is, and its table of operations.
    pub(super) fn root(&self) -> Result<String> {
        let metadata = &self.model.metadata;
        let id = &metadata.service_id;
        let signing_name = metadata
            .signing_name
            .as_ref()
            .unwrap_or(&metadata.endpoint_prefix);
        let protocol = protocol(metadata)?;
        let target_prefix = &metadata.target_prefix;
        let xml_namespace = &metadata.xml_namespace;
        let api_version = &metadata.api_version;
        let (errors, codes) = match self.layout.modules.contains_key("errors") {
            true => ("mod errors;\n", "pub use errors::ErrorCode;\n\n"),
            false => ("", ""),
        };
        let mut operations = String::new();
        for name in self.model.operations.keys() {
            let _ = writeln!(operations, "OperationInfo::of::<ops::{name}>(),");
        }
        Ok(format!(
            "//! Amazon {id}: types, operations and errors of API version {api_version}.\n\n\
             {errors}pub mod ops;\npub mod types;\n\n{codes}\
             use crate::operation::{{OperationInfo, Protocol, Service}};\n\n\
             /// What the service is on the wire.\n\
             pub const SERVICE: Service = Service {{ id: {id:?}, signing_name: {signing_name:?}, \
             api_version: {api_version:?}, protocol: {protocol}, target_prefix: {target_prefix:?}, \
             xml_namespace: {xml_namespace:?} }};\n\n\
             /// All operations, in the order of their names.\n\
             pub const OPERATIONS: &[OperationInfo] = &[\n{operations}];\n"
        ))
    }

    /// The enum of all exceptions that the model has.
    pub(super) fn error_codes(&self, file: &mut File) -> Result<()> {
        let mut variants = String::new();
        for (name, shape) in self.model.shapes.iter().filter(|(_, shape)| shape.exception) {
            let modelled = shape.error.as_ref().and_then(|error| error.http_status_code);
            let status = modelled.unwrap_or(if shape.fault { 500 } else { 400 });
            let _ = writeln!(
                variants,
                "        {name} = {:?}, {status};",
                self.error_name(name)?
            );
        }
        file.use_name("crate::error_code", "error_code");
        file.item(&format!(
            "error_code! {{\n    pub enum ErrorCode {{\n{variants}    }}\n}}"
        ));
        Ok(())
    }

    /// The code an exception has on the wire: its shape's name, unless a query service says otherwise.
    pub(super) fn error_name<'a>(&'a self, shape: &'a str) -> Result<&'a str> {
        let modelled = self
            .model
            .shape(shape)?
            .error
            .as_ref()
            .and_then(|error| error.code.as_deref());
        Ok(modelled.unwrap_or(shape))
    }
}

fn protocol(metadata: &Metadata) -> Result<&'static str> {
    match (metadata.protocol.as_str(), metadata.json_version.as_deref()) {
        ("json", Some("1.0")) => Ok("Protocol::Json10"),
        ("json", Some("1.1")) => Ok("Protocol::Json11"),
        ("query", _) => Ok("Protocol::Query"),
        ("ec2", _) => Ok("Protocol::Ec2"),
        (other, version) => bail!("no protocol in aws-model for {other} {version:?}"),
    }
}
