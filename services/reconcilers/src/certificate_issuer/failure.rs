//! What can go wrong with an order, and what comes of it.

use chrono::{DateTime, TimeDelta, Utc};
use instant_acme::Error;
use kit::Random;
use store::StoreError;
use store::acme::Issuing;
use thiserror::Error;

/// Wait after the first failure; it doubles with each.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(30);
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(6);

/// Why a look at an order did not get on.
#[derive(Debug, Error)]
pub enum Failure {
    /// The directory refused, or could not be reached.
    #[error(transparent)]
    Acme(#[from] Error),
    /// The order is over without a certificate.
    #[error("the order is over: {0}")]
    Order(String),
    #[error("the directory offers no HTTP-01 challenge for {0}")]
    NoChallenge(String),
    #[error(transparent)]
    Flaw(#[from] certificates::Flaw),
    #[error("{0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure {
    pub fn other(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Other(Box::new(error))
    }

    /// The FailureReason of what no repetition will mend.
    pub fn for_good(&self) -> Option<&'static str> {
        let Self::Acme(Error::Api(problem)) = self else {
            return None;
        };
        match problem.r#type.as_deref()?.rsplit(':').next()? {
            "rejectedIdentifier" | "unsupportedIdentifier" => Some("DOMAIN_NOT_ALLOWED"),
            "caa" => Some("CAA_ERROR"),
            _ => None,
        }
    }

    /// How the order stands after this: it waits, and begins anew unless the directory was only out of reach.
    pub fn after(&self, before: &Issuing, now: DateTime<Utc>, random: &Random) -> Issuing {
        let failures = before.failures.saturating_add(1);
        let noted = Issuing {
            since: before.since,
            not_before: Some(now + wait(failures, random.fraction())),
            failures,
            last_failure: Some(self.to_string()),
            ..Issuing::default()
        };
        match self {
            Self::Acme(Error::Api(_)) | Self::Order(_) | Self::NoChallenge(_) | Self::Flaw(_) => noted,
            _ => Issuing {
                order_url: before.order_url.clone(),
                answered_at: before.answered_at,
                sealed_key: before.sealed_key.clone(),
                tokens: before.tokens.clone(),
                ..noted
            },
        }
    }
}

/// Doubles with each failure, give or take a tenth. `chance` is from 0 to 1.
fn wait(failures: u32, chance: f64) -> TimeDelta {
    let doubled = FIRST_WAIT * (1 << (failures.saturating_sub(1)).min(10));
    let wait = doubled.min(LONGEST_WAIT);
    let milliseconds = wait.num_milliseconds() as f64 * (0.9 + chance / 5.0);
    TimeDelta::milliseconds(milliseconds as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_six_hours() {
        let minutes = |failures| wait(failures, 0.5).num_seconds();
        assert_eq!([minutes(1), minutes(2), minutes(3)], [30, 60, 120]);
        assert_eq!(minutes(40), 6 * 3600);
        assert!(wait(1, 0.0) < wait(1, 1.0));
    }

    #[test]
    fn an_order_stays_when_the_directory_is_only_out_of_reach() {
        let before = Issuing {
            order_url: Some("order".into()),
            tokens: vec!["token".into()],
            ..Issuing::default()
        };
        let (now, random) = (Utc::now(), Random::seeded(1));
        let away = Failure::Acme(Error::Timeout(None)).after(&before, now, &random);
        assert_eq!((away.order_url, away.failures), (before.order_url.clone(), 1));
        let refused = Failure::Order("invalid".into()).after(&before, now, &random);
        assert_eq!((refused.order_url, refused.tokens), (None, Vec::new()));
        assert!(refused.not_before.is_some_and(|due| due > now));
    }
}
