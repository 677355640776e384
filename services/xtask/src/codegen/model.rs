//! The part of a botocore service model that code is generated from: names, types and constraints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use anyhow::{Context, Result, ensure};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A service: its operations and shapes by name.
#[derive(Deserialize)]
pub struct Model {
    pub metadata: Metadata,
    pub operations: BTreeMap<String, Operation>,
    pub shapes: BTreeMap<String, Shape>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    pub api_version: String,
    pub endpoint_prefix: String,
    pub protocol: String,
    pub json_version: Option<String>,
    pub service_id: String,
    pub signing_name: Option<String>,
    pub target_prefix: Option<String>,
    pub xml_namespace: Option<String>,
}

#[derive(Deserialize)]
pub struct Operation {
    pub input: Option<Reference>,
    pub output: Option<Reference>,
    #[serde(default)]
    pub errors: Vec<Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    pub shape: String,
    /// The name in XML, and in EC2's requests with a capital, when it is not the member's.
    pub location_name: Option<String>,
    /// The name in EC2's requests, when it is neither of those.
    pub query_name: Option<String>,
    /// The element around an operation's output in XML.
    pub result_wrapper: Option<String>,
}

impl Reference {
    /// A mention of a shape, and nothing said about it.
    pub fn to(shape: &str) -> Self {
        Self {
            shape: shape.to_owned(),
            location_name: None,
            query_name: None,
            result_wrapper: None,
        }
    }
}

#[derive(Deserialize)]
pub struct Shape {
    #[serde(rename = "type")]
    pub kind: Kind,
    #[serde(default)]
    pub members: Ordered<Reference>,
    #[serde(default)]
    pub required: Vec<String>,
    pub member: Option<Reference>,
    pub key: Option<Reference>,
    pub value: Option<Reference>,
    #[serde(rename = "enum", default)]
    pub enumeration: Vec<String>,
    pub min: Option<serde_json::Number>,
    pub max: Option<serde_json::Number>,
    pub pattern: Option<String>,
    #[serde(default)]
    pub exception: bool,
    #[serde(default)]
    pub fault: bool,
    #[serde(default)]
    pub document: bool,
    #[serde(default)]
    pub flattened: bool,
    pub error: Option<ErrorTrait>,
}

/// What query services say of an exception: its code and HTTP status.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorTrait {
    pub code: Option<String>,
    pub http_status_code: Option<u16>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Structure,
    List,
    Map,
    String,
    Character,
    Integer,
    Long,
    Double,
    Float,
    Boolean,
    Timestamp,
    Blob,
}

/// A JSON object in the order of the document, which for members is the order AWS documents them in.
pub struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl Operation {
    /// The shapes that the operation mentions directly.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        let both = self.input.iter().chain(&self.output).chain(&self.errors);
        both.map(|reference| reference.shape.as_str())
    }
}

impl Shape {
    /// The shapes that this one mentions directly.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        let members = self.members.0.iter().map(|(_, reference)| reference);
        members
            .chain(&self.member)
            .chain(&self.key)
            .chain(&self.value)
            .map(|reference| reference.shape.as_str())
    }

    pub fn is_enum(&self) -> bool {
        self.kind == Kind::String && !self.enumeration.is_empty()
    }

    pub fn is_structure(&self) -> bool {
        self.kind == Kind::Structure && !self.document
    }

    /// Whether a Rust type is generated for the shape.
    pub fn has_type(&self) -> bool {
        self.is_structure() || self.is_enum()
    }

    /// A scalar that any value of its type satisfies.
    pub fn is_unconstrained_scalar(&self) -> bool {
        let scalar = !matches!(self.kind, Kind::Structure | Kind::List | Kind::Map) || self.document;
        scalar
            && self.enumeration.is_empty()
            && self.min.is_none()
            && self.max.is_none()
            && self.pattern.is_none()
    }
}

impl Model {
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("parsing the service model")
    }

    /// Leaves only these operations, the shapes they reach, and the exceptions.
    pub fn select(&mut self, operations: &[&str]) -> Result<()> {
        for name in operations {
            ensure!(
                self.operations.contains_key(*name),
                "the model has no operation {name}"
            );
        }
        self.operations
            .retain(|name, _| operations.contains(&name.as_str()));
        let of_operations = self.operations.values().flat_map(Operation::references);
        let exceptions = self.shapes.iter().filter(|(_, shape)| shape.exception);
        let roots = of_operations.chain(exceptions.map(|(name, _)| name.as_str()));
        let reached: BTreeSet<String> = self.reach(roots)?.into_iter().map(str::to_owned).collect();
        self.shapes.retain(|name, _| reached.contains(name));
        Ok(())
    }

    /// Says a string's pattern in other words; gives an error once the model has none.
    pub fn set_pattern(&mut self, shape: &str, pattern: &str) -> Result<()> {
        let standing = self
            .shapes
            .get_mut(shape)
            .and_then(|shape| shape.pattern.as_mut());
        *standing.with_context(|| format!("{shape} has no pattern by now"))? = pattern.to_owned();
        Ok(())
    }

    /// Adds a value at the end of an enum; gives an error once the model has it.
    pub fn add_value(&mut self, shape: &str, value: &str) -> Result<()> {
        let values = self
            .shapes
            .get_mut(shape)
            .map(|shape| &mut shape.enumeration)
            .filter(|values| !values.is_empty())
            .with_context(|| format!("{shape} is no enum"))?;
        ensure!(
            !values.iter().any(|known| known == value),
            "{shape} has {value} by now"
        );
        values.push(value.to_owned());
        Ok(())
    }

    /// Adds a member that is not required at the end of a structure; gives an error once the model has it.
    pub fn add_member(&mut self, structure: &str, member: &str, shape: &str) -> Result<()> {
        self.shape(shape)?;
        let shape = Reference::to(shape);
        let members = &mut self
            .shapes
            .get_mut(structure)
            .with_context(|| format!("the model has no shape {structure}"))?
            .members
            .0;
        ensure!(
            members.iter().all(|(name, _)| name != member),
            "{structure} has {member} by now"
        );
        members.push((member.to_owned(), shape));
        Ok(())
    }

    pub fn shape(&self, name: &str) -> Result<&Shape> {
        self.shapes
            .get(name)
            .with_context(|| format!("the model has no shape {name}"))
    }

    /// All shapes reachable from `roots`, those included.
    pub fn reach<'a>(&'a self, roots: impl IntoIterator<Item = &'a str>) -> Result<BTreeSet<&'a str>> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = roots.into_iter().collect();
        while let Some(name) = open.pop() {
            if seen.insert(name) {
                open.extend(self.shape(name)?.references());
            }
        }
        Ok(seen)
    }

    /// Whether a value of structure `from` can hold a `to` with no list or map between, so that a box is needed.
    pub fn embeds(&self, from: &str, to: &str) -> Result<bool> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(name) = open.pop() {
            if name == to {
                return Ok(true);
            }
            let shape = self.shape(name)?;
            if shape.is_structure() && seen.insert(name) {
                open.extend(shape.references());
            }
        }
        Ok(false)
    }
}
