use aws_model::Nothing;
use aws_model::acm::ErrorCode;
use aws_model::acm::types::PutAccountConfigurationRequest;

use crate::acm::account;
use crate::{Context, Error, Result};

/// PutAccountConfiguration: kept and returned; Berth sends no expiry events yet.
pub async fn put_account_configuration(
    cx: &Context,
    input: PutAccountConfigurationRequest,
) -> Result<Nothing> {
    let days = input.expiry_events.and_then(|events| events.days_before_expiry);
    if let Some(days) = days {
        if !(1..=45).contains(&days) {
            return Err(Error::new(
                ErrorCode::ValidationException,
                "DaysBeforeExpiry must be between 1 and 45.",
            ));
        }
        account::set_days_before_expiry(cx, days).await?;
    }
    Ok(Nothing::default())
}
