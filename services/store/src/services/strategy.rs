//! How deployments of a service replace tasks (BG-01).

use serde::{Deserialize, Serialize};

/// `strategy` of a deployment configuration with what belongs to it. Times are in minutes, shares in percent with one decimal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "strategy", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Strategy {
    #[default]
    Rolling,
    BlueGreen {
        bake: i32,
    },
    Linear {
        step_percent: f64,
        step_bake: i32,
        bake: i32,
    },
    Canary {
        canary_percent: f64,
        canary_bake: i32,
        bake: i32,
    },
}

impl Strategy {
    /// Tasks of the new revision run beside the old ones, and traffic is shifted between two target groups.
    pub fn shifts(self) -> bool {
        self != Self::Rolling
    }

    /// How long both revisions run after all traffic has moved.
    pub fn bake(self) -> i32 {
        match self {
            Self::Rolling => 0,
            Self::BlueGreen { bake } | Self::Linear { bake, .. } | Self::Canary { bake, .. } => bake,
        }
    }
}
