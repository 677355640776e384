//! What is configured for a whole account.

use crate::{Context, Result};

/// Under which account settings stand: no principal has this name, so that ECS's settings do not show it.
const PLACE: &str = "acm";
const DAYS_BEFORE_EXPIRY: &str = "daysBeforeExpiry";
/// AWS's default.
const DAYS: i32 = 45;

/// How long before the expiry of a certificate its account is told.
pub async fn days_before_expiry(cx: &Context) -> Result<i32> {
    let rows = store::settings::of(cx.db(), &cx.scope, PLACE).await?;
    let row = rows
        .into_iter()
        .find(|row| row.principal == PLACE && row.name == DAYS_BEFORE_EXPIRY);
    Ok(row.and_then(|row| row.value.parse().ok()).unwrap_or(DAYS))
}

pub async fn set_days_before_expiry(cx: &Context, days: i32) -> Result<()> {
    Ok(store::settings::put(cx.db(), &cx.scope, PLACE, DAYS_BEFORE_EXPIRY, &days.to_string()).await?)
}
