use aws_model::ecs::types::{ListAccountSettingsRequest, ListAccountSettingsResponse, Setting, SettingName};
use store::settings::SettingRow;

use crate::ecs::paging::Page;
use crate::ecs::settings::{self, KNOWN, Principal};
use crate::{Context, Error, Result};

/// ListAccountSettings: what a principal has set, or with `effectiveSettings` every setting's value that holds (AC-01, W-11).
pub async fn list_account_settings(
    cx: &Context,
    input: ListAccountSettingsRequest,
) -> Result<ListAccountSettingsResponse> {
    let page = Page::new(
        "ListAccountSettings",
        input.max_results,
        input.next_token.as_deref(),
        10,
    )?;
    let after = page.after::<String>()?.unwrap_or_default();
    let value = input.value.as_deref();
    check_value(input.name, value)?;
    let principal = settings::principal(cx, input.principal_arn.as_deref())?;
    let rows = store::settings::of(cx.db(), &cx.scope, &principal.arn).await?;
    let effective = input.effective_settings == Some(true);
    let mut names: Vec<SettingName> = KNOWN.iter().map(|known| known.name).collect();
    names.retain(|name| input.name.is_none_or(|wanted| wanted == *name) && name.as_str() > after.as_str());
    names.sort_by_key(|name| name.as_str());
    let shown = names
        .into_iter()
        .filter_map(|name| shown(cx, &principal, &rows, name, effective));
    let settings = shown.filter(|setting| value.is_none_or(|value| setting.value.as_deref() == Some(value)));
    let position = |setting: &Setting| {
        setting
            .name
            .map(SettingName::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (settings, next_token) = page.cut(settings.collect(), position);
    Ok(ListAccountSettingsResponse {
        settings: Some(settings),
        next_token,
    })
}

/// A value is looked for in one setting, and it must be one that the setting can have.
fn check_value(name: Option<SettingName>, value: Option<&str>) -> Result<()> {
    let Some(value) = value else { return Ok(()) };
    let Some(name) = name else {
        return Err(Error::invalid_parameter(
            "You must also specify an account setting name to filter by a value.",
        ));
    };
    let known = KNOWN
        .iter()
        .any(|known| known.name == name && known.values.contains(&value));
    match known {
        true => Ok(()),
        false => Err(Error::invalid_parameter(format!(
            "Invalid value for setting {}.",
            name.as_str()
        ))),
    }
}

fn shown(
    cx: &Context,
    principal: &Principal,
    rows: &[SettingRow],
    name: SettingName,
    effective: bool,
) -> Option<Setting> {
    if effective {
        let (value, owner) = settings::in_effect(cx, rows, name.as_str());
        return Some(settings::shown(name, &value, &owner));
    }
    // The account's defaults are root's.
    let row = settings::resolve(rows, name.as_str())?;
    let owner = settings::owner(cx, row);
    (owner == principal.arn).then(|| settings::shown(name, &row.value, &owner))
}
