//! Which revision a text means: `family`, `family:revision` or an ARN (TD-02).

use domain::{Arn, Scope};
use store::task_definitions::{Reference, TaskDefinitionRow};

use crate::{Context, Error, Result};

/// Why a text names no revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unnamed {
    /// Neither a family nor an ARN of a task definition.
    Malformed,
    /// The part after the colon is no number.
    Revision(String),
    /// An ARN of another account or region: not found here.
    Elsewhere,
}

/// The family and revision in a reference; without a revision it means the latest ACTIVE one.
pub fn parse(scope: &Scope, text: &str) -> std::result::Result<Reference, Unnamed> {
    if !text.starts_with("arn:") {
        return family_and_revision(text);
    }
    let arn: Arn = text.parse().map_err(|_| Unnamed::Malformed)?;
    let name = arn
        .resource
        .strip_prefix("task-definition/")
        .filter(|_| arn.service == "ecs")
        .ok_or(Unnamed::Malformed)?;
    let reference = family_and_revision(name)?;
    if arn.is_in(scope) {
        Ok(reference)
    } else {
        Err(Unnamed::Elsewhere)
    }
}

fn family_and_revision(text: &str) -> std::result::Result<Reference, Unnamed> {
    let (family, revision) = match text.split_once(':') {
        Some((family, revision)) => (family, Some(revision)),
        None => (text, None),
    };
    if !domain::names::is_resource_name(family) {
        return Err(Unnamed::Malformed);
    }
    let revision = revision
        .map(|digits| number(digits).ok_or_else(|| Unnamed::Revision(digits.to_owned())))
        .transpose()?;
    Ok(Reference {
        family: family.to_owned(),
        revision,
    })
}

fn number(digits: &str) -> Option<i32> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// The `familyPrefix` of a list operation; `None` for all families.
///
/// # Errors
/// InvalidParameterException for what can not be (the beginning of) a family's name.
pub fn family_filter(prefix: Option<&str>) -> Result<Option<&str>> {
    match prefix.filter(|prefix| !prefix.is_empty()) {
        Some(prefix) if !domain::names::is_resource_name(prefix) => Err(Error::invalid_parameter(
            "Family prefix contains invalid characters.",
        )),
        prefix => Ok(prefix),
    }
}

/// The revision that a reference means, in any status; `None` when there is no such thing in this account and region.
pub async fn lookup(cx: &Context, text: &str) -> Result<Option<TaskDefinitionRow>> {
    match parse(&cx.scope, text) {
        Ok(reference) => Ok(store::task_definitions::find(cx.db(), &cx.scope, &reference).await?),
        Err(_) => Ok(None),
    }
}

/// The revision that RunTask, StartTask or a service names, in any status (TD-02).
///
/// # Errors
/// ClientException "TaskDefinition not found."
pub async fn find(cx: &Context, text: &str) -> Result<TaskDefinitionRow> {
    lookup(cx, text)
        .await?
        .ok_or_else(|| Error::client("TaskDefinition not found."))
}

/// The revision that something new is to be made of: it must be ACTIVE (TD-03).
///
/// # Errors
/// ClientException "TaskDefinition not found." or "TaskDefinition is inactive".
pub async fn find_active(cx: &Context, text: &str) -> Result<TaskDefinitionRow> {
    let row = find(cx, text).await?;
    if row.is_active() {
        Ok(row)
    } else {
        Err(Error::client("TaskDefinition is inactive"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn td02_a_reference_is_a_family_a_revision_or_an_arn() {
        let scope = Scope::new("000000000000".parse().unwrap(), "us-east-1".parse().unwrap());
        let web = |revision| {
            Ok(Reference {
                family: "web".to_owned(),
                revision,
            })
        };
        let arn = |rest: &str| format!("arn:aws:ecs:us-east-1:000000000000:{rest}");
        let cases = [
            ("web".to_owned(), web(None)),
            ("web:3".to_owned(), web(Some(3))),
            (arn("task-definition/web:3"), web(Some(3))),
            (arn("task-definition/web"), web(None)),
            ("web:x".to_owned(), Err(Unnamed::Revision("x".to_owned()))),
            ("web:".to_owned(), Err(Unnamed::Revision(String::new()))),
            ("web:+3".to_owned(), Err(Unnamed::Revision("+3".to_owned()))),
            (
                "web:99999999999".to_owned(),
                Err(Unnamed::Revision("99999999999".to_owned())),
            ),
            (String::new(), Err(Unnamed::Malformed)),
            ("a b".to_owned(), Err(Unnamed::Malformed)),
            (arn("cluster/web"), Err(Unnamed::Malformed)),
            (arn("task-definition/"), Err(Unnamed::Malformed)),
            (
                "arn:aws:iam::000000000000:task-definition/web:3".to_owned(),
                Err(Unnamed::Malformed),
            ),
            (
                "arn:aws:ecs:us-east-1:111111111111:task-definition/web:3".to_owned(),
                Err(Unnamed::Elsewhere),
            ),
            (
                "arn:aws:ecs:us-west-2:000000000000:task-definition/web:3".to_owned(),
                Err(Unnamed::Elsewhere),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(&scope, &text), expected, "{text}");
        }
    }
}
