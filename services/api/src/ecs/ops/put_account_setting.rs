use aws_model::ecs::types::{PutAccountSettingRequest, PutAccountSettingResponse, SettingName};

use crate::ecs::settings;
use crate::{Context, Error, Result};

/// PutAccountSetting: one principal's own value (AC-01, AC-02).
pub async fn put_account_setting(
    cx: &Context,
    input: PutAccountSettingRequest,
) -> Result<PutAccountSettingResponse> {
    settings::check(input.name, &input.value)?;
    let principal = settings::principal(cx, input.principal_arn.as_deref())?;
    if input.name == SettingName::FargateTaskRetirementWaitPeriod && principal.arn != cx.scope.root_arn() {
        return Err(Error::invalid_parameter(
            "The setting fargateTaskRetirementWaitPeriod can only be set for the root user.",
        ));
    }
    let name = input.name.as_str();
    store::settings::put(cx.db(), &cx.scope, &principal.stored, name, &input.value).await?;
    let setting = settings::shown(input.name, &input.value, &principal.arn);
    Ok(PutAccountSettingResponse {
        setting: Some(setting),
    })
}
