//! Account settings: names, values, and which value holds (AC-01, AC-02).

use aws_model::ecs::ErrorCode;
use aws_model::ecs::types::{Setting, SettingName, SettingType};
use domain::Arn;
use store::settings::SettingRow;

use crate::{Context, Error, Result};

/// A setting that can be made, with its values; the first is the service's default.
pub struct Known {
    pub name: SettingName,
    pub values: &'static [&'static str],
}

/// All settings of the service. `guardDutyActivate` is read-only.
pub const KNOWN: &[Known] = &[
    Known {
        name: SettingName::ServiceLongArnFormat,
        values: &["enabled", "disabled"],
    },
    Known {
        name: SettingName::TaskLongArnFormat,
        values: &["enabled", "disabled"],
    },
    Known {
        name: SettingName::ContainerInstanceLongArnFormat,
        values: &["enabled", "disabled"],
    },
    Known {
        name: SettingName::AwsvpcTrunking,
        values: &["disabled", "enabled"],
    },
    Known {
        name: SettingName::ContainerInsights,
        values: &["disabled", "enabled", "enhanced"],
    },
    Known {
        name: SettingName::FargateFipsMode,
        values: &["disabled", "enabled"],
    },
    Known {
        name: SettingName::TagResourceAuthorization,
        values: &["on", "off"],
    },
    Known {
        name: SettingName::FargateTaskRetirementWaitPeriod,
        values: &["7", "0", "14"],
    },
    Known {
        name: SettingName::GuardDutyActivate,
        values: &["off", "on"],
    },
    Known {
        name: SettingName::DefaultLogDriverMode,
        values: &["non-blocking", "blocking"],
    },
    Known {
        name: SettingName::FargateEventWindows,
        values: &["disabled", "enabled"],
    },
];

/// Checks a value that is to be set.
///
/// # Errors
/// InvalidParameterException for a value that the setting does not have, for a read-only setting and for turning long ARNs off.
pub fn check(name: SettingName, value: &str) -> Result<()> {
    let known = KNOWN.iter().find(|known| known.name == name);
    let values = known.map(|known| known.values).unwrap_or_default();
    if name == SettingName::GuardDutyActivate {
        return Err(Error::invalid_parameter(
            "The setting guardDutyActivate is managed by the service and can not be changed.",
        ));
    }
    if !values.contains(&value) {
        let text = format!(
            "Invalid value '{value}' for setting {}. Valid values: {}.",
            name.as_str(),
            values.join(", ")
        );
        return Err(Error::invalid_parameter(text));
    }
    if name.as_str().ends_with("LongArnFormat") && value == "disabled" {
        let text = format!(
            "The setting {} can no longer be disabled: only the long ARN format is in use.",
            name.as_str()
        );
        return Err(Error::invalid_parameter(text));
    }
    Ok(())
}

/// Whose settings a request is about.
pub struct Principal {
    /// As stored: empty for the account's default.
    pub stored: String,
    pub arn: String,
}

/// The caller, or the principal that it names. The root of an account is named for the account's default (AC-01).
///
/// # Errors
/// InvalidParameterException for what is no principal of this account; AccessDeniedException for another one than the caller, which
/// only root may name.
pub fn principal(cx: &Context, named: Option<&str>) -> Result<Principal> {
    let (root, caller) = (cx.scope.root_arn(), &cx.caller.principal_arn);
    let Some(arn) = named.filter(|arn| !arn.is_empty()) else {
        return Ok(Principal {
            stored: caller.clone(),
            arn: caller.clone(),
        });
    };
    let parsed: Option<Arn> = arn.parse().ok();
    let known = parsed.is_some_and(|parsed| {
        let kind =
            matches!(parsed.kind(), "user" | "role") && parsed.resource.len() > parsed.kind().len() + 1;
        parsed.service == "iam"
            && parsed.account == cx.scope.account.as_str()
            && (kind || parsed.resource == "root")
    });
    if !known || arn.len() > 2048 {
        return Err(Error::invalid_parameter(
            "The principalArn must be the ARN of a user, a role or root of this account.",
        ));
    }
    if arn != caller && *caller != root {
        let text = "Only the root user can work with the account settings of another principal.";
        return Err(Error::new(ErrorCode::AccessDeniedException, text));
    }
    let stored = if arn == root {
        String::new()
    } else {
        arn.to_owned()
    };
    Ok(Principal {
        stored,
        arn: arn.to_owned(),
    })
}

/// The value that holds for the caller: its own, else the account's, else the service's (AC-01).
pub async fn effective(cx: &Context, name: &str) -> Result<String> {
    let rows = store::settings::of(cx.db(), &cx.scope, &cx.caller.principal_arn).await?;
    Ok(in_effect(cx, &rows, name).0)
}

/// The value that holds by these rows, and whose it is: the principal's, or root's for defaults.
pub fn in_effect(cx: &Context, rows: &[SettingRow], name: &str) -> (String, String) {
    let service_default = || {
        let known = KNOWN.iter().find(|known| known.name.as_str() == name);
        known
            .and_then(|known| known.values.first())
            .copied()
            .unwrap_or_default()
            .to_owned()
    };
    match resolve(rows, name) {
        Some(row) => (row.value.clone(), owner(cx, row)),
        None => (service_default(), cx.scope.root_arn()),
    }
}

/// The ARN that a row is shown with.
pub fn owner(cx: &Context, row: &SettingRow) -> String {
    match row.principal.as_str() {
        "" => cx.scope.root_arn(),
        principal => principal.to_owned(),
    }
}

/// The principal's own row of a setting, else the account's default row.
pub fn resolve<'a>(rows: &'a [SettingRow], name: &str) -> Option<&'a SettingRow> {
    let mut of_name = rows.iter().filter(|row| row.name == name);
    let first = of_name.clone().find(|row| !row.principal.is_empty());
    first.or_else(|| of_name.next())
}

/// A setting as the API shows it.
pub fn shown(name: SettingName, value: &str, principal_arn: &str) -> Setting {
    Setting {
        name: Some(name),
        value: Some(value.to_owned()),
        principal_arn: Some(principal_arn.to_owned()),
        r#type: Some(match name {
            SettingName::GuardDutyActivate => SettingType::AwsManaged,
            _ => SettingType::User,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(principal: &str, value: &str) -> SettingRow {
        SettingRow {
            principal: principal.to_owned(),
            name: "containerInsights".to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn ac01_own_value_beats_the_accounts_default() {
        let rows = [row("", "enabled"), row("arn:x", "disabled")];
        assert_eq!(resolve(&rows, "containerInsights").unwrap().value, "disabled");
        assert_eq!(resolve(&rows[..1], "containerInsights").unwrap().value, "enabled");
        assert!(resolve(&rows, "awsvpcTrunking").is_none());
    }

    #[test]
    fn ac02_values_are_checked() {
        assert!(check(SettingName::ContainerInsights, "enhanced").is_ok());
        assert!(check(SettingName::ContainerInsights, "on").is_err());
        assert!(check(SettingName::TaskLongArnFormat, "disabled").is_err());
        assert!(check(SettingName::GuardDutyActivate, "on").is_err());
    }
}
