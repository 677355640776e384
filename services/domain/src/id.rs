//! Ids of things, as they stand in ARNs.

use std::fmt;
use std::str::FromStr;

use rand::Rng;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub Uuid);
        impl $name {
            /// A fresh id from the given source of randomness.
            pub fn random(rng: &mut impl Rng) -> Self {
                Self(uuid::Builder::from_random_bytes(rng.random()).into_uuid())
            }
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.simple())
            }
        }
        impl FromStr for $name {
            type Err = ();
            /// 32 lower-case hex digits; the old form with dashes is accepted too.
            fn from_str(text: &str) -> Result<Self, ()> {
                let dashed = text.len() == 36;
                let plain = text.len() == 32;
                if (!dashed && !plain) || text.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(());
                }
                Uuid::try_parse(text).map(Self).map_err(|_| ())
            }
        }
    };
}

hex_id!(
    /// A task: 32 hex digits.
    TaskId
);
hex_id!(
    /// A container instance: 32 hex digits.
    ContainerInstanceId
);
hex_id!(
    /// An attachment of a task.
    AttachmentId
);

/// A deployment of a service: `ecs-svc/` and 19 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeploymentId(pub i64);

impl DeploymentId {
    pub fn random(rng: &mut impl Rng) -> Self {
        Self(rng.random_range(1_000_000_000_000_000_000..=9_199_999_999_999_999_999))
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ecs-svc/{:019}", self.0)
    }
}

impl FromStr for DeploymentId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix("ecs-svc/").ok_or(())?;
        if digits.len() != 19 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(());
        }
        digits.parse().map(Self).map_err(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a02_deployment_id_is_ecs_svc_and_nineteen_digits() {
        let id = DeploymentId::random(&mut rand::rng());
        let text = id.to_string();
        assert_eq!(text.len(), "ecs-svc/".len() + 19);
        assert_eq!(text.parse::<DeploymentId>(), Ok(id));
    }

    #[test]
    fn a04_task_ids_are_lower_case_hex() {
        let id = TaskId::random(&mut rand::rng());
        assert_eq!(id.to_string().len(), 32);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("0123456789ABCDEF0123456789ABCDEF".parse::<TaskId>().is_err());
        assert!("xyz".parse::<TaskId>().is_err());
    }
}
