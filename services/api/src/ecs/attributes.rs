//! Attributes of container instances (I-10, P-07).

use crate::{Error, Result};

/// Custom attributes that a container instance may have.
pub const LIMIT: usize = 10;

/// Whether a name is free for users. The others are what agents say of their hosts.
pub fn is_custom(name: &str) -> bool {
    !name.starts_with("ecs.") && !name.starts_with("com.amazonaws.")
}

/// Checks a custom attribute.
///
/// # Errors
/// InvalidParameterException for a reserved prefix, a bad length or letter, or blanks around the value.
pub fn check_custom(name: &str, value: Option<&str>) -> Result<()> {
    let named = |c: char| c.is_ascii_alphanumeric() || "_-./\\".contains(c);
    if !(1..=128).contains(&name.len()) || !name.chars().all(named) {
        return Err(Error::invalid_parameter(
            "An attribute's name must have 1 to 128 letters, digits, hyphens, underscores, periods, slashes or backslashes.",
        ));
    }
    if !is_custom(name) {
        return Err(Error::invalid_parameter(format!(
            "The attribute name {name} has a reserved prefix."
        )));
    }
    let Some(value) = value else { return Ok(()) };
    if value.len() > 128 || !value.chars().all(|c| named(c) || ":@ ".contains(c)) || value.trim() != value {
        return Err(Error::invalid_parameter(format!(
            "The value of the attribute {name} must have at most 128 letters, digits, hyphens, underscores, periods, at signs, slashes, \
             backslashes, colons or spaces, and no spaces around it."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i10_names_and_values_of_custom_attributes_are_checked() {
        for (name, value) in [
            ("stack", Some("prod")),
            ("a.b/c\\d-e_f", None),
            ("x", Some("a b:c@d")),
            ("x", Some("")),
        ] {
            assert!(check_custom(name, value).is_ok(), "{name} {value:?}");
        }
        let long = "n".repeat(129);
        for (name, value) in [
            ("", None),
            ("a b", None),
            (long.as_str(), None),
            ("ecs.os-type", Some("linux")),
            ("com.amazonaws.ecs.capability.x", None),
            ("x", Some(" a")),
            ("x", Some("a*")),
            ("x", Some(long.as_str())),
        ] {
            assert!(check_custom(name, value).is_err(), "{name} {value:?}");
        }
    }
}
