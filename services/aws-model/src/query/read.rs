//! From the tree of parameters to the JSON value that the schema describes. Limits are checked later, with JSON's.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde_json::{Map, Number, Value};

use super::parameters::Node;
use crate::decode::DecodeError;
use crate::decode::violation::Shortened;
use crate::operation::Protocol;
use crate::schema::{Member, Shape};

/// The request that the parameters make.
///
/// # Errors
/// When a parameter stands where a value of another kind belongs.
pub(super) fn request(
    shape: &'static Shape,
    root: Node<'_, '_>,
    protocol: Protocol,
) -> Result<Value, DecodeError> {
    let reader = Reader { protocol };
    reader.structure(shape.members(), root, &Place::Request)
}

struct Reader {
    protocol: Protocol,
}

/// Where among the parameters the walk is.
enum Place<'a> {
    Request,
    Part(&'a Place<'a>, &'a str),
}

impl Reader {
    fn value(
        &self,
        shape: &'static Shape,
        node: Node<'_, '_>,
        place: &Place<'_>,
    ) -> Result<Value, DecodeError> {
        match shape {
            Shape::Structure { .. } | Shape::List { .. } | Shape::Map { .. } => {
                if node.value().is_some() && !node.is_empty() {
                    return Err(place.wrong_kind(shape));
                }
                match shape {
                    Shape::List {
                        member,
                        item,
                        flattened,
                        ..
                    } => {
                        let counted = *flattened || self.protocol == Protocol::Ec2;
                        self.list(member, (!counted).then_some(*item), node, place)
                    }
                    Shape::Map { value, .. } => self.map(value, node, place),
                    _ => self.structure(shape.members(), node, place),
                }
            }
            _ => match node.value() {
                Some(text) if node.is_leaf() => scalar(shape, text).ok_or_else(|| place.wrong_kind(shape)),
                _ => Err(place.wrong_kind(shape)),
            },
        }
    }

    fn structure(
        &self,
        members: &'static [Member],
        node: Node<'_, '_>,
        place: &Place<'_>,
    ) -> Result<Value, DecodeError> {
        let mut object = Map::new();
        for member in members {
            if let Some(child) = node.child(member.query) {
                let place = Place::Part(place, member.query);
                object.insert(member.name.to_owned(), self.value(member.shape, child, &place)?);
            }
        }
        Ok(Value::Object(object))
    }

    /// `Name.1`, or with a word before the index `Name.member.1`.
    fn list(
        &self,
        member: &'static Shape,
        word: Option<&'static str>,
        node: Node<'_, '_>,
        place: &Place<'_>,
    ) -> Result<Value, DecodeError> {
        let items = match word {
            Some(word) => below(word, node, place)?,
            None => Some(node),
        };
        let place = match word {
            Some(word) => &Place::Part(place, word),
            None => place,
        };
        let mut list = Vec::new();
        for (part, item) in items
            .map(|node| in_order(node, place))
            .transpose()?
            .unwrap_or_default()
        {
            list.push(self.value(member, item, &Place::Part(place, part))?);
        }
        Ok(Value::Array(list))
    }

    /// `Name.entry.1.key` and `Name.entry.1.value`.
    fn map(
        &self,
        shape: &'static Shape,
        node: Node<'_, '_>,
        place: &Place<'_>,
    ) -> Result<Value, DecodeError> {
        let mut map = Map::new();
        let entries = below("entry", node, place)?;
        let place = &Place::Part(place, "entry");
        for (part, entry) in entries
            .map(|node| in_order(node, place))
            .transpose()?
            .unwrap_or_default()
        {
            let place = Place::Part(place, part);
            let (Some(key), Some(value)) = (entry.child("key"), entry.child("value")) else {
                return Err(place.refused("must have a key and a value"));
            };
            let key = match key.value() {
                Some(text) if key.is_leaf() => text,
                _ => return Err(Place::Part(&place, "key").refused("must be a string")),
            };
            let value = self.value(shape, value, &Place::Part(&place, "value"))?;
            if map.insert(key.to_owned(), value).is_some() {
                return Err(place.refused("has the same key as another entry"));
            }
        }
        Ok(Value::Object(map))
    }
}

/// The one child that a list or map may have; none when it is empty.
fn below<'p, 'a>(
    word: &str,
    node: Node<'p, 'a>,
    place: &Place<'_>,
) -> Result<Option<Node<'p, 'a>>, DecodeError> {
    match node.children().find(|(part, _)| *part != word) {
        Some((other, _)) => Err(Place::Part(place, other).refused(&format!("must be {place}.{word}.N"))),
        None => Ok(node.child(word)),
    }
}

/// Items by their indexes, which may have gaps.
fn in_order<'p, 'a>(
    node: Node<'p, 'a>,
    place: &Place<'_>,
) -> Result<Vec<(&'a str, Node<'p, 'a>)>, DecodeError> {
    if node.value().is_some() && !node.is_empty() {
        return Err(place.refused("must be a list"));
    }
    let mut items = BTreeMap::new();
    for (part, item) in node.children() {
        let digits = part.len() <= 9 && part.bytes().all(|byte| byte.is_ascii_digit());
        let Some(index) = part.parse::<u32>().ok().filter(|_| digits) else {
            let why = "must have a number of at most nine digits at its end";
            return Err(Place::Part(place, part).refused(why));
        };
        if items.insert(index, (part, item)).is_some() {
            return Err(Place::Part(place, part).refused("is given more than once"));
        }
    }
    Ok(items.into_values().collect())
}

/// A text as the JSON value of its kind.
fn scalar(shape: &Shape, text: &str) -> Option<Value> {
    match shape {
        Shape::Boolean => text.parse().ok().map(Value::Bool),
        Shape::Integer { .. } | Shape::Long { .. } => match text.parse::<i64>() {
            Ok(number) => Some(number.into()),
            // Out of all range, and said to be so by whoever checks bounds.
            Err(_) if is_whole(text) => text.parse().ok().and_then(Number::from_f64).map(Value::Number),
            Err(_) => None,
        },
        Shape::Float { .. } | Shape::Double { .. } => {
            text.parse().ok().and_then(Number::from_f64).map(Value::Number)
        }
        _ => Some(text.into()),
    }
}

fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

impl Place<'_> {
    fn wrong_kind(&self, shape: &Shape) -> DecodeError {
        let kind = match shape {
            Shape::Structure { .. } => "a structure",
            Shape::Map { .. } => "a map",
            other => other.kind(),
        };
        self.refused(&format!("must be {kind}"))
    }

    fn refused(&self, why: &str) -> DecodeError {
        DecodeError::Serialization(format!("The parameter {self} {why}."))
    }
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request => Ok(()),
            Self::Part(Place::Request, part) => write!(f, "{}", Shortened(part)),
            Self::Part(above, part) => write!(f, "{above}.{}", Shortened(part)),
        }
    }
}
