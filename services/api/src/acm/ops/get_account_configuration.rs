use aws_model::Nothing;
use aws_model::acm::types::{ExpiryEventsConfiguration, GetAccountConfigurationResponse};

use crate::acm::account;
use crate::{Context, Result};

/// GetAccountConfiguration.
pub async fn get_account_configuration(cx: &Context, _: Nothing) -> Result<GetAccountConfigurationResponse> {
    Ok(GetAccountConfigurationResponse {
        expiry_events: Some(ExpiryEventsConfiguration {
            days_before_expiry: Some(account::days_before_expiry(cx).await?),
        }),
    })
}
