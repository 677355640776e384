//! How many certificates there may be.

use aws_model::acm::ErrorCode;
use store::{Tx, certificates};

use crate::{Context, Error, Result};

/// Certificates of an account in a region.
const CERTIFICATES: i64 = 2_500;

/// Whether there may be one more; the transaction makes certificates alone ([`certificates::create_alone`]).
///
/// # Errors
/// LimitExceededException.
pub async fn check(cx: &Context, tx: &mut Tx) -> Result<()> {
    match certificates::count(tx, &cx.scope).await? < CERTIFICATES {
        true => Ok(()),
        false => Err(Error::new(
            ErrorCode::LimitExceededException,
            format!("An account cannot have more than {CERTIFICATES} certificates."),
        )),
    }
}
