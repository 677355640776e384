//! Operations: a unit struct each, and the index of them.

use anyhow::{Context, Result, ensure};

use super::{File, Source};
use crate::codegen::model::Reference;
use crate::codegen::names;

impl Source<'_> {
    /// The unit struct of the operation whose module is `module`, and its `Operation` implementation.
    pub(super) fn operation(&self, module: &str, file: &mut File) -> Result<()> {
        let (name, operation) = self
            .model
            .operations
            .iter()
            .find(|(name, _)| names::snake(name) == module)
            .with_context(|| format!("no operation for module {module}"))?;
        let module = format!("ops::{module}");
        let (input, shape) = self.message(operation.input.as_ref(), &module, file)?;
        let (output, answer) = self.message(operation.output.as_ref(), &module, file)?;
        let wrapper = operation
            .output
            .as_ref()
            .and_then(|output| output.result_wrapper.as_ref());
        ensure!(
            wrapper.is_none_or(|wrapper| *wrapper == format!("{name}Result")),
            "aws-model has no place for the result wrapper {wrapper:?} of {name}"
        );
        let service = self.service.module;
        let errors = self.error_names(&operation.errors)?;
        file.use_name("crate::schema", "Shape");
        file.use_name("crate::operation", "Operation");
        file.item(&format!("pub struct {name};"));
        file.item(&format!(
            "impl Operation for {name} {{\n\
             const NAME: &'static str = {name:?};\n\
             const SERVICE: &'static crate::operation::Service = &crate::generated::{service}::SERVICE;\n\
             const INPUT: &'static Shape = {shape};\n\
             const OUTPUT: &'static Shape = {answer};\n\
             const ERRORS: &'static [&'static str] = &{errors:?};\n\
             type Input = {input};\ntype Output = {output};\n}}"
        ));
        Ok(())
    }

    /// The type of a request or response, and the path of its schema.
    fn message(
        &self,
        reference: Option<&Reference>,
        module: &str,
        file: &mut File,
    ) -> Result<(String, String)> {
        match reference {
            Some(Reference { shape, .. }) => Ok((
                self.rust_type(shape, module, file)?,
                format!("&{}", self.schema(shape, module, file)?),
            )),
            None => Ok((
                "crate::operation::Nothing".to_owned(),
                "&crate::schema::NOTHING".to_owned(),
            )),
        }
    }

    fn error_names<'a>(&'a self, errors: &'a [Reference]) -> Result<Vec<&'a str>> {
        let names: Result<Vec<&str>> = errors.iter().map(|error| self.error_name(&error.shape)).collect();
        let mut names = names?;
        names.sort_unstable();
        Ok(names)
    }

    /// `ops.rs`: the modules, and every unit struct under one path.
    pub(super) fn operations_index(&self) -> String {
        let mut modules = String::new();
        let mut names = String::new();
        let mut visits = String::new();
        for name in self.model.operations.keys() {
            let module = names::snake(name);
            modules += &format!("pub(crate) mod {module};\n");
            names += &format!("pub use {module}::{name};\n");
            visits += &format!("visitor.visit::<{name}>();\n");
        }
        format!(
            "//! The operations: one unit struct each.\n\n{modules}\n{names}\n\
             use crate::operation::OperationVisitor;\n\n\
             /// Shows each operation's type to the visitor, in the order of their names.\n\
             pub fn visit(visitor: &mut impl OperationVisitor) {{\n{visits}}}\n"
        )
    }
}
