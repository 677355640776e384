//! Which values the conditions take.

use aws_model::elbv2::types::RuleCondition;
use routing::cidr::Cidr;
use routing::matcher::compiles_as_regex;

use crate::{Error, Result};

/// Longest value, in characters.
const VALUE_LENGTH: usize = 128;
/// Longest name of a header or method.
const NAME_LENGTH: usize = 40;

/// How many values a normalised condition has, and wildcards in them.
pub fn count(condition: &RuleCondition) -> (usize, usize) {
    let mut wild: Vec<&String> = Vec::new();
    let mut plain = 0;
    if let Some(own) = &condition.host_header_config {
        wild.extend(own.values.iter().flatten());
        plain += own.regex_values.as_ref().map_or(0, Vec::len);
    }
    if let Some(own) = &condition.path_pattern_config {
        wild.extend(own.values.iter().flatten());
        plain += own.regex_values.as_ref().map_or(0, Vec::len);
    }
    if let Some(own) = &condition.http_header_config {
        wild.extend(own.values.iter().flatten());
        plain += own.regex_values.as_ref().map_or(0, Vec::len);
    }
    let methods = condition.http_request_method_config.as_ref();
    plain += methods.and_then(|own| own.values.as_ref()).map_or(0, Vec::len);
    let blocks = condition.source_ip_config.as_ref();
    plain += blocks.and_then(|own| own.values.as_ref()).map_or(0, Vec::len);
    let pairs = condition
        .query_string_config
        .iter()
        .flat_map(|own| own.values.iter().flatten());
    let (mut values, mut stars) = (
        wild.len() + plain,
        wild.iter().map(|value| wildcards(value)).sum(),
    );
    for pair in pairs {
        values += 1;
        stars += pair.key.as_deref().map_or(0, wildcards) + pair.value.as_deref().map_or(0, wildcards);
    }
    (values, stars)
}

/// `*` and `?` that no `\` precedes.
fn wildcards(value: &str) -> usize {
    let mut count = 0;
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '*' | '?' => count += 1,
            _ => {}
        }
    }
    count
}

fn length(value: &str) -> Result<()> {
    if value.is_empty() {
        return Err(Error::validation("A condition value must be specified"));
    }
    if value.chars().count() > VALUE_LENGTH {
        return Err(Error::validation(format!(
            "Condition value '{value}' is too long; the limit is '{VALUE_LENGTH}'"
        )));
    }
    Ok(())
}

fn characters(value: &str, allowed: impl Fn(char) -> bool) -> Result<()> {
    match value.chars().find(|c| !allowed(*c)) {
        Some(_) => Err(Error::validation(format!(
            "Condition value '{value}' contains a character that is not valid"
        ))),
        None => Ok(()),
    }
}

/// A host name with wildcards: it has a dot, and only letters (or wildcards) after the last one.
pub fn host(value: &str) -> Result<()> {
    length(value)?;
    characters(value, |c| c.is_ascii_alphanumeric() || "-.*?".contains(c))?;
    let top = value.rsplit_once('.').map(|(_, top)| top).unwrap_or_default();
    let named = !top.is_empty() && top.chars().all(|c| c.is_ascii_alphabetic() || "*?".contains(c));
    match named {
        true => Ok(()),
        false => Err(Error::validation(format!(
            "Condition value '{value}' is not valid: a host name has at least one '.', and only letters after the last one"
        ))),
    }
}

/// A path with wildcards.
pub fn path(value: &str) -> Result<()> {
    length(value)?;
    characters(value, |c| {
        c.is_ascii_alphanumeric() || "_-.$/~\"'@:+&*?\\".contains(c)
    })
}

/// The value of a header, or the key or value of a query parameter.
pub fn printable(value: &str) -> Result<()> {
    length(value)?;
    characters(value, |c| (' '..='~').contains(&c))
}

/// The name of a header: a token without wildcards; the host has a condition of its own.
pub fn header_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::validation("An HTTP header name must be specified"));
    }
    if name.chars().count() > NAME_LENGTH {
        return Err(Error::validation(format!(
            "HTTP header name '{name}' is too long; the limit is '{NAME_LENGTH}'"
        )));
    }
    if !name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "!#$%&'+-.^_`|~".contains(c))
    {
        return Err(Error::validation(format!(
            "HTTP header name '{name}' contains a character that is not valid"
        )));
    }
    match name.eq_ignore_ascii_case("host") {
        true => Err(Error::validation(
            "HTTP header name 'Host' is not valid; use a 'host-header' condition",
        )),
        false => Ok(()),
    }
}

/// A request method, upper case.
pub fn method(value: &str) -> Result<()> {
    if value.is_empty() || value.len() > NAME_LENGTH {
        return Err(Error::validation(format!(
            "HTTP request method '{value}' must have 1 to {NAME_LENGTH} characters"
        )));
    }
    characters(value, |c| c.is_ascii_uppercase() || "-_".contains(c))
}

/// An IPv4 or IPv6 block.
pub fn block(value: &str) -> Result<()> {
    let valid = value.contains('/') && value.parse::<Cidr>().is_ok() && value != "255.255.255.255/32";
    match valid {
        true => Ok(()),
        false => Err(Error::validation(format!(
            "Source IP '{value}' is not a valid CIDR block"
        ))),
    }
}

/// A regular expression.
pub fn regex(value: &str) -> Result<()> {
    length(value)?;
    match compiles_as_regex(value) {
        true => Ok(()),
        false => Err(Error::validation(format!(
            "Condition value '{value}' is not a valid regular expression"
        ))),
    }
}
