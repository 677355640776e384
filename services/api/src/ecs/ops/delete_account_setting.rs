use aws_model::ecs::types::{DeleteAccountSettingRequest, DeleteAccountSettingResponse, SettingName};

use crate::ecs::settings;
use crate::{Context, Error, Result};

/// DeleteAccountSetting: takes a principal's own value back, and shows the value that holds from now on (AC-01).
pub async fn delete_account_setting(
    cx: &Context,
    input: DeleteAccountSettingRequest,
) -> Result<DeleteAccountSettingResponse> {
    if input.name == SettingName::GuardDutyActivate {
        return Err(Error::invalid_parameter(
            "The setting guardDutyActivate is managed by the service and can not be changed.",
        ));
    }
    let principal = settings::principal(cx, input.principal_arn.as_deref())?;
    let name = input.name.as_str();
    store::settings::remove(cx.db(), &cx.scope, &principal.stored, name).await?;
    let rows = store::settings::of(cx.db(), &cx.scope, &principal.stored).await?;
    let (value, _) = settings::in_effect(cx, &rows, name);
    let setting = settings::shown(input.name, &value, &principal.arn);
    Ok(DeleteAccountSettingResponse {
        setting: Some(setting),
    })
}
