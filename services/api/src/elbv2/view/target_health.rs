//! Targets and their health in replies (LB-16).

use aws_model::elbv2::types::{
    AnomalyDetection, AnomalyResultEnum, MitigationInEffectEnum, TargetDescription, TargetHealth,
    TargetHealthDescription,
};
use routing::{Health, HealthReason, HealthState};
use store::target_groups::TargetGroupRow;
use store::targets::TargetRow;

use crate::elbv2::view::target_group::check_port;

/// A group's circumstances, which all its targets share.
pub struct Group<'a> {
    pub row: &'a TargetGroupRow,
    /// It is on a listener.
    pub in_use: bool,
    /// Anomaly detection was asked for.
    pub with_anomalies: bool,
}

impl Group<'_> {
    /// A registered target.
    pub fn registered(&self, target: &TargetRow) -> TargetHealthDescription {
        let check = &self.row.health_check.0;
        let health = target.shown(self.in_use, check.enabled);
        let description = TargetDescription {
            id: target.id.clone(),
            port: Some(target.port),
            availability_zone: target.availability_zone.clone(),
            quic_server_id: None,
        };
        self.described(description, target.port, health)
    }

    /// A target that was asked for and is not registered.
    pub fn unregistered(&self, mut target: TargetDescription) -> TargetHealthDescription {
        let port = target.port.unwrap_or(self.row.default_port());
        target.port = Some(port);
        let health = Health::because(HealthState::Unused, HealthReason::NotRegistered);
        self.described(target, port, health)
    }

    fn described(&self, target: TargetDescription, port: i32, health: Health) -> TargetHealthDescription {
        let check_port = match self.row.health_check.0.port {
            None => port.to_string(),
            port => check_port(port),
        };
        TargetHealthDescription {
            target: Some(target),
            health_check_port: Some(check_port),
            target_health: Some(TargetHealth {
                state: health.state.name().parse().ok(),
                reason: health.reason.and_then(|reason| reason.name().parse().ok()),
                description: health.description,
            }),
            anomaly_detection: self.with_anomalies.then_some(AnomalyDetection {
                result: Some(AnomalyResultEnum::Normal),
                mitigation_in_effect: Some(MitigationInEffectEnum::No),
            }),
            administrative_override: None,
        }
    }
}
