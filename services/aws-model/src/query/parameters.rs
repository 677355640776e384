//! Parameters with dotted names as the tree that the dots make. The tree is a sorted list and ranges of it, so that no client's names cost
//! more memory than they have letters.

use super::form::Form;
use crate::decode::DecodeError;
use crate::decode::violation::Shortened;

/// Most parts of a name. The deepest members of all models have half as many.
const MOST_PARTS: usize = 32;

/// All parameters, in an order in which those that begin with the same parts stand together, the shorter ones first.
pub(super) struct Parameters<'a>(Vec<(&'a str, &'a str)>);

/// What stands under the same parts: the parameter that ends here, if any, and those that go on.
#[derive(Clone, Copy)]
pub(super) struct Node<'p, 'a> {
    parameters: &'p [(&'a str, &'a str)],
    /// How many letters of the names are behind us, with the dot after them.
    skipped: usize,
}

impl<'a> Parameters<'a> {
    /// # Errors
    /// When a parameter is given twice, or its name has too many parts.
    pub fn of(form: &'a Form) -> Result<Self, DecodeError> {
        let mut parameters: Vec<_> = form.iter().collect();
        if let Some((name, _)) = parameters
            .iter()
            .find(|(name, _)| name.split('.').nth(MOST_PARTS).is_some())
        {
            return Err(refused(name, "has too many parts"));
        }
        parameters.sort_by_cached_key(|(name, _)| name.split('.').collect::<Vec<_>>());
        match parameters.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(twice) => Err(refused(twice[0].0, "is given more than once")),
            None => Ok(Self(parameters)),
        }
    }

    pub fn root(&self) -> Node<'_, 'a> {
        Node {
            parameters: &self.0,
            skipped: 0,
        }
    }
}

impl<'p, 'a> Node<'p, 'a> {
    /// The value of the parameter that ends here.
    pub fn value(&self) -> Option<&'a str> {
        let (name, value) = self.parameters.first()?;
        (name.len() < self.skipped).then_some(value)
    }

    /// What goes on with another part, by that part.
    pub fn children(&self) -> impl Iterator<Item = (&'a str, Node<'p, 'a>)> + use<'p, 'a> {
        let skipped = self.skipped;
        let mut rest = self.longer();
        std::iter::from_fn(move || {
            let part = part(rest.first()?.0, skipped);
            let (these, others) =
                rest.split_at(rest.partition_point(|(name, _)| self::part(name, skipped) <= part));
            rest = others;
            let parameters = these;
            let skipped = skipped + part.len() + 1;
            Some((part, Node { parameters, skipped }))
        })
    }

    /// What goes on with this part.
    pub fn child(&self, wanted: &str) -> Option<Node<'p, 'a>> {
        let rest = self.longer();
        let start = rest.partition_point(|(name, _)| part(name, self.skipped) < wanted);
        let end = rest.partition_point(|(name, _)| part(name, self.skipped) <= wanted);
        (start < end).then(|| Node {
            parameters: &rest[start..end],
            skipped: self.skipped + wanted.len() + 1,
        })
    }

    /// Whether no parameter goes on from here.
    pub fn is_leaf(&self) -> bool {
        self.longer().is_empty()
    }

    /// Whether this is the `Name=` that stands for an empty list, map or structure.
    pub fn is_empty(&self) -> bool {
        self.value() == Some("") && self.is_leaf()
    }

    /// The parameters that go on.
    fn longer(&self) -> &'p [(&'a str, &'a str)] {
        &self.parameters[usize::from(self.value().is_some())..]
    }
}

/// The part of a name that begins after so many letters.
fn part(name: &str, skipped: usize) -> &str {
    name[skipped..].split('.').next().unwrap_or_default()
}

fn refused(name: &str, why: &str) -> DecodeError {
    DecodeError::Serialization(format!("The parameter {} {why}.", Shortened(name)))
}
