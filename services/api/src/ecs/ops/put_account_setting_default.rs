use aws_model::ecs::types::{PutAccountSettingDefaultRequest, PutAccountSettingDefaultResponse};

use crate::ecs::settings;
use crate::{Context, Result};

/// PutAccountSettingDefault: the value of all principals without their own (AC-01, AC-02).
pub async fn put_account_setting_default(
    cx: &Context,
    input: PutAccountSettingDefaultRequest,
) -> Result<PutAccountSettingDefaultResponse> {
    settings::check(input.name, &input.value)?;
    store::settings::put(cx.db(), &cx.scope, "", input.name.as_str(), &input.value).await?;
    let setting = settings::shown(input.name, &input.value, &cx.scope.root_arn());
    Ok(PutAccountSettingDefaultResponse {
        setting: Some(setting),
    })
}
