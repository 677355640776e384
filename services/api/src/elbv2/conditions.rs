//! Conditions of rules: checked, and written as AWS returns them (LB-31).

mod values;

use std::collections::BTreeSet;

use aws_model::elbv2::types::{
    HostHeaderConditionConfig, HttpHeaderConditionConfig, HttpRequestMethodConditionConfig,
    PathPatternConditionConfig, QueryStringConditionConfig, RuleCondition, SourceIpConditionConfig,
};

use crate::{Error, Result};

/// Values of all conditions of a rule together (LB-31).
const VALUES: usize = 5;
/// Wildcards in all of them.
const WILDCARDS: usize = 5;
const FIELDS: &str = "path-pattern, host-header, http-header, http-request-method, query-string, source-ip";

/// The conditions as they are stored and shown: the field's own member is filled, and for host-header and path-pattern also the older
/// `Values` (or `RegexValues`) beside it.
///
/// # Errors
/// ValidationError.
pub fn normalised(conditions: Vec<RuleCondition>) -> Result<Vec<RuleCondition>> {
    if conditions.is_empty() {
        return Err(Error::validation("A condition must be specified"));
    }
    let (mut seen, mut count, mut wildcards) = (BTreeSet::new(), 0, 0);
    let mut normal = Vec::with_capacity(conditions.len());
    for condition in conditions {
        let one = normalise(condition)?;
        let field = one.field.clone().unwrap_or_default();
        let repeatable = matches!(field.as_str(), "http-header" | "query-string");
        if !seen.insert(field.clone()) && !repeatable {
            return Err(Error::validation(format!(
                "A rule can only have one '{field}' condition"
            )));
        }
        let (values, stars) = values::count(&one);
        if values == 0 {
            return Err(Error::validation("A condition value must be specified"));
        }
        count += values;
        wildcards += stars;
        normal.push(one);
    }
    if count > VALUES {
        return Err(Error::validation(format!(
            "A rule can only have '{VALUES}' condition values"
        )));
    }
    if wildcards > WILDCARDS {
        return Err(Error::validation(format!(
            "A rule can only have '{WILDCARDS}' condition wildcards"
        )));
    }
    Ok(normal)
}

fn normalise(given: RuleCondition) -> Result<RuleCondition> {
    let field = given
        .field
        .clone()
        .ok_or_else(|| Error::validation("A condition field must be specified"))?;
    only_its_own_members(&field, &given)?;
    let empty = RuleCondition {
        field: Some(field.clone()),
        ..RuleCondition::default()
    };
    match field.as_str() {
        "host-header" => host(given, empty),
        "path-pattern" => path(given, empty),
        "http-header" => header(given, empty),
        "http-request-method" => method(given, empty),
        "query-string" => query(given, empty),
        "source-ip" => source(given, empty),
        other => Err(Error::validation(format!(
            "Condition field '{other}' must be one of '[{FIELDS}]'"
        ))),
    }
}

/// A condition has the member of its field and no other.
fn only_its_own_members(field: &str, given: &RuleCondition) -> Result<()> {
    let members = [
        (
            "host-header",
            "HostHeaderConfig",
            given.host_header_config.is_some(),
        ),
        (
            "path-pattern",
            "PathPatternConfig",
            given.path_pattern_config.is_some(),
        ),
        (
            "http-header",
            "HttpHeaderConfig",
            given.http_header_config.is_some(),
        ),
        (
            "query-string",
            "QueryStringConfig",
            given.query_string_config.is_some(),
        ),
        (
            "http-request-method",
            "HttpRequestMethodConfig",
            given.http_request_method_config.is_some(),
        ),
        ("source-ip", "SourceIpConfig", given.source_ip_config.is_some()),
    ];
    let foreign = members.iter().find(|(of, _, set)| *set && *of != field);
    if let Some((_, member, _)) = foreign {
        return Err(Error::validation(format!(
            "You cannot specify '{member}' for the condition field '{field}'"
        )));
    }
    let legacy = given.values.is_some() || given.regex_values.is_some();
    if legacy && matches!(field, "http-header" | "query-string") {
        return Err(Error::validation(format!(
            "You cannot specify 'Values' for the condition field '{field}'"
        )));
    }
    Ok(())
}

/// What stands in the older member and in the field's own: one of both, or the same in both, as a rule reads that was described before.
fn merged(field: &str, legacy: Option<Vec<String>>, own: Option<Vec<String>>) -> Result<Vec<String>> {
    match (legacy, own) {
        (Some(legacy), Some(own)) if legacy != own => Err(Error::validation(format!(
            "The values of the condition '{field}' can be specified only once"
        ))),
        (_, Some(values)) | (Some(values), None) => Ok(values),
        (None, None) => Ok(Vec::new()),
    }
}

/// Wildcard values or regular expressions, not both.
fn exclusive(field: &str, values: &[String], regex: &[String]) -> Result<()> {
    if !values.is_empty() && !regex.is_empty() {
        return Err(Error::validation(format!(
            "You cannot specify both values and regex values for the condition '{field}'"
        )));
    }
    regex.iter().try_for_each(|value| values::regex(value))
}

fn some(values: Vec<String>) -> Option<Vec<String>> {
    Some(values).filter(|values| !values.is_empty())
}

fn host(given: RuleCondition, empty: RuleCondition) -> Result<RuleCondition> {
    let own = given.host_header_config.unwrap_or_default();
    let values = merged("host-header", given.values, own.values)?;
    let regex = merged("host-header", given.regex_values, own.regex_values)?;
    exclusive("host-header", &values, &regex)?;
    values.iter().try_for_each(|value| values::host(value))?;
    Ok(RuleCondition {
        values: some(values.clone()),
        regex_values: some(regex.clone()),
        host_header_config: Some(HostHeaderConditionConfig {
            values: some(values),
            regex_values: some(regex),
        }),
        ..empty
    })
}

fn path(given: RuleCondition, empty: RuleCondition) -> Result<RuleCondition> {
    let own = given.path_pattern_config.unwrap_or_default();
    let values = merged("path-pattern", given.values, own.values)?;
    let regex = merged("path-pattern", given.regex_values, own.regex_values)?;
    exclusive("path-pattern", &values, &regex)?;
    values.iter().try_for_each(|value| values::path(value))?;
    Ok(RuleCondition {
        values: some(values.clone()),
        regex_values: some(regex.clone()),
        path_pattern_config: Some(PathPatternConditionConfig {
            values: some(values),
            regex_values: some(regex),
        }),
        ..empty
    })
}

fn header(given: RuleCondition, empty: RuleCondition) -> Result<RuleCondition> {
    let own = given.http_header_config.unwrap_or_default();
    let name = own.http_header_name.unwrap_or_default();
    values::header_name(&name)?;
    let values = own.values.unwrap_or_default();
    let regex = own.regex_values.unwrap_or_default();
    exclusive("http-header", &values, &regex)?;
    values.iter().try_for_each(|value| values::printable(value))?;
    Ok(RuleCondition {
        http_header_config: Some(HttpHeaderConditionConfig {
            http_header_name: Some(name),
            values: some(values),
            regex_values: some(regex),
        }),
        ..empty
    })
}

fn method(given: RuleCondition, empty: RuleCondition) -> Result<RuleCondition> {
    let own = given.http_request_method_config.unwrap_or_default();
    let values = merged("http-request-method", given.values, own.values)?;
    values.iter().try_for_each(|value| values::method(value))?;
    Ok(RuleCondition {
        http_request_method_config: Some(HttpRequestMethodConditionConfig { values: some(values) }),
        ..empty
    })
}

fn query(given: RuleCondition, empty: RuleCondition) -> Result<RuleCondition> {
    let mut pairs = given
        .query_string_config
        .and_then(|own| own.values)
        .unwrap_or_default();
    for pair in &mut pairs {
        pair.key = pair.key.take().filter(|key| !key.is_empty());
        let value = pair.value.as_deref().filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| Error::validation("A query string value must be specified"))?;
        pair.key.iter().try_for_each(|key| values::printable(key))?;
        values::printable(value)?;
    }
    Ok(RuleCondition {
        query_string_config: Some(QueryStringConditionConfig {
            values: Some(pairs).filter(|pairs| !pairs.is_empty()),
        }),
        ..empty
    })
}

fn source(given: RuleCondition, empty: RuleCondition) -> Result<RuleCondition> {
    let own = given.source_ip_config.unwrap_or_default();
    let values = merged("source-ip", given.values, own.values)?;
    values.iter().try_for_each(|value| values::block(value))?;
    Ok(RuleCondition {
        source_ip_config: Some(SourceIpConditionConfig { values: some(values) }),
        ..empty
    })
}

#[cfg(test)]
mod tests;
