//! Parameters with dotted names as the tree that the dots make.

use std::collections::BTreeMap;

use super::form::Form;
use crate::decode::DecodeError;
use crate::decode::violation::Shortened;

/// Most parts of a name. The deepest members of all models have half as many.
const MOST_PARTS: usize = 32;

/// What stands under a part of a name.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    /// The value of the parameter that ends here.
    pub value: Option<&'a str>,
    /// What goes on with another part.
    pub children: BTreeMap<&'a str, Node<'a>>,
}

impl<'a> Node<'a> {
    /// # Errors
    /// When a parameter is given twice, or its name has too many parts.
    pub fn of(form: &'a Form) -> Result<Self, DecodeError> {
        let mut root = Self::default();
        for (name, value) in form.iter() {
            if name.split('.').nth(MOST_PARTS).is_some() {
                return Err(refused(name, "has too many parts"));
            }
            let mut node = &mut root;
            for part in name.split('.') {
                node = node.children.entry(part).or_default();
            }
            if node.value.replace(value).is_some() {
                return Err(refused(name, "is given more than once"));
            }
        }
        Ok(root)
    }

    /// Whether this is the `Name=` that stands for an empty list, map or structure.
    pub fn is_empty(&self) -> bool {
        self.value == Some("") && self.children.is_empty()
    }
}

fn refused(name: &str, why: &str) -> DecodeError {
    DecodeError::Serialization(format!("The parameter {} {why}.", Shortened(name)))
}
