//! Attributes of load balancers (LB-35, LB-12).

use store::load_balancers::LoadBalancerRow;

use super::{Attribute, Catalogue, Map, SWITCH, Values, invalid_configuration};
use crate::Result;

/// What decides which attributes a load balancer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    pub is_application: bool,
    pub is_internal: bool,
    pub is_dualstack: bool,
}

impl Subject {
    pub fn of(row: &LoadBalancerRow) -> Self {
        Self {
            is_application: row.kind == "application",
            is_internal: row.scheme == "internal",
            is_dualstack: row.ip_address_type != "ipv4",
        }
    }
}

/// The key of LB-12.
pub const DELETION_PROTECTION: &str = "deletion_protection.enabled";

pub static CATALOGUE: Catalogue<Subject> = Catalogue {
    noun: "Load balancer",
    attributes: ATTRIBUTES,
    unsupported: |subject, key| {
        let kind = if subject.is_application {
            "application"
        } else {
            "network"
        };
        format!("Load balancer attribute key '{key}' is not supported on load balancers with type '{kind}'")
    },
    check,
};

const fn any(_: &Subject) -> bool {
    true
}

const fn application(subject: &Subject) -> bool {
    subject.is_application
}

const fn network(subject: &Subject) -> bool {
    !subject.is_application
}

const fn off(_: &Subject) -> &'static str {
    "false"
}

const fn on(_: &Subject) -> &'static str {
    "true"
}

const fn empty(_: &Subject) -> &'static str {
    ""
}

/// Of any load balancer, `false` by default, kept.
const fn switch(key: &'static str, applies: fn(&Subject) -> bool, has_effect: bool) -> Attribute<Subject> {
    Attribute {
        key,
        values: SWITCH,
        applies,
        default: off,
        has_effect,
    }
}

const fn text(key: &'static str, applies: fn(&Subject) -> bool, has_effect: bool) -> Attribute<Subject> {
    Attribute {
        key,
        values: Values::Text { max: 1024 },
        applies,
        default: empty,
        has_effect,
    }
}

static ATTRIBUTES: &[Attribute<Subject>] = &[
    switch("access_logs.s3.enabled", any, true),
    text("access_logs.s3.bucket", any, true),
    text("access_logs.s3.prefix", any, true),
    switch("connection_logs.s3.enabled", application, true),
    text("connection_logs.s3.bucket", application, true),
    text("connection_logs.s3.prefix", application, true),
    switch("health_check_logs.s3.enabled", application, false),
    text("health_check_logs.s3.bucket", application, false),
    text("health_check_logs.s3.prefix", application, false),
    Attribute {
        key: "idle_timeout.timeout_seconds",
        values: Values::Number {
            min: 1,
            max: 4000,
            or: None,
        },
        applies: application,
        default: |_| "60",
        has_effect: true,
    },
    Attribute {
        key: "client_keep_alive.seconds",
        values: Values::Number {
            min: 60,
            max: 604_800,
            or: None,
        },
        applies: application,
        default: |_| "3600",
        has_effect: true,
    },
    switch(DELETION_PROTECTION, any, true),
    Attribute {
        key: "load_balancing.cross_zone.enabled",
        values: SWITCH,
        applies: any,
        default: |subject| if subject.is_application { "true" } else { "false" },
        has_effect: false,
    },
    Attribute {
        key: "ipv6.deny_all_igw_traffic",
        values: SWITCH,
        applies: |subject| subject.is_dualstack,
        default: |subject| if subject.is_internal { "true" } else { "false" },
        has_effect: false,
    },
    switch("zonal_shift.config.enabled", any, false),
    Attribute {
        key: "routing.http2.enabled",
        values: SWITCH,
        applies: application,
        default: on,
        has_effect: true,
    },
    switch(
        "routing.http.drop_invalid_header_fields.enabled",
        application,
        true,
    ),
    switch("routing.http.preserve_host_header.enabled", application, false),
    switch(
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
        application,
        true,
    ),
    switch("routing.http.xff_client_port.enabled", application, true),
    Attribute {
        key: "routing.http.xff_header_processing.mode",
        values: Values::OneOf(&["append", "preserve", "remove"]),
        applies: application,
        default: |_| "append",
        has_effect: true,
    },
    Attribute {
        key: "routing.http.desync_mitigation_mode",
        values: Values::OneOf(&["monitor", "defensive", "strictest"]),
        applies: application,
        default: |_| "defensive",
        has_effect: true,
    },
    switch("waf.fail_open.enabled", application, false),
    Attribute {
        key: "dns_record.client_routing_policy",
        values: Values::OneOf(&[
            "any_availability_zone",
            "availability_zone_affinity",
            "partial_availability_zone_affinity",
        ]),
        applies: network,
        default: |_| "any_availability_zone",
        has_effect: false,
    },
    Attribute {
        key: "secondary_ips.auto_assigned.per_subnet",
        values: Values::Number {
            min: 0,
            max: 7,
            or: None,
        },
        applies: network,
        default: |_| "0",
        has_effect: false,
    },
];

fn check(subject: &Subject, whole: &Map) -> Result<()> {
    let value = |key: &str| whole.get(key).map_or("", String::as_str);
    for kind in ["access_logs", "connection_logs", "health_check_logs"] {
        let bucket = format!("{kind}.s3.bucket");
        if value(&format!("{kind}.s3.enabled")) == "true" && value(&bucket).is_empty() {
            return Err(invalid_configuration(format!(
                "The value of '{bucket}' cannot be empty"
            )));
        }
    }
    if subject.is_application && value("load_balancing.cross_zone.enabled") == "false" {
        return Err(invalid_configuration(
            "Load balancer attribute key 'load_balancing.cross_zone.enabled' cannot be set to 'false' on load balancers with type \
             'application'",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPLICATION: Subject = Subject {
        is_application: true,
        is_internal: false,
        is_dualstack: false,
    };
    const NETWORK: Subject = Subject {
        is_application: false,
        ..APPLICATION
    };

    fn set(subject: &Subject, pairs: &[(&str, &str)]) -> Result<Map> {
        let pairs = pairs
            .iter()
            .map(|(key, value)| (Some((*key).to_owned()), Some((*value).to_owned())));
        CATALOGUE.changed(subject, &Map::new(), pairs.collect())
    }

    #[test]
    fn lb35_each_kind_of_load_balancer_has_its_attributes_and_defaults() {
        let all = |subject| CATALOGUE.all(&subject, &Map::new());
        let has = |set: &[(String, String)], key: &str, value: &str| {
            set.iter().any(|(k, v)| k == key && v == value)
        };
        let (application, network) = (all(APPLICATION), all(NETWORK));
        assert_eq!((application.len(), network.len()), (22, 8));
        assert!(has(&application, "idle_timeout.timeout_seconds", "60"));
        assert!(has(&application, "load_balancing.cross_zone.enabled", "true"));
        assert!(has(&network, "load_balancing.cross_zone.enabled", "false"));
        assert!(has(
            &network,
            "dns_record.client_routing_policy",
            "any_availability_zone"
        ));
        let internal = Subject {
            is_internal: true,
            is_dualstack: true,
            ..APPLICATION
        };
        assert!(has(&all(internal), "ipv6.deny_all_igw_traffic", "true"));
    }

    #[test]
    fn lb35_values_and_combinations_are_checked_and_defaults_can_be_written_out() {
        let written: Vec<(String, String)> = CATALOGUE.all(&APPLICATION, &Map::new());
        let pairs: Vec<(&str, &str)> = written.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert!(set(&APPLICATION, &pairs).is_ok());
        for (pairs, code, text) in [
            (
                &[("idle_timeout.timeout_seconds", "4001")][..],
                "ValidationError",
                "Load balancer attribute value '4001' for key 'idle_timeout.timeout_seconds' is not valid: it must be a number between \
                 '1' and '4000'",
            ),
            (
                &[("idle_timeout", "5")],
                "ValidationError",
                "Load balancer attribute key 'idle_timeout' is not recognized",
            ),
            (
                &[("access_logs.s3.enabled", "true")],
                "InvalidConfigurationRequest",
                "The value of 'access_logs.s3.bucket' cannot be empty",
            ),
            (
                &[],
                "ValidationError",
                "Load balancer attributes must be specified",
            ),
        ] {
            let error = set(&APPLICATION, pairs).unwrap_err();
            assert_eq!((error.code.name(), error.message.as_str()), (code, text));
        }
        let error = set(&NETWORK, &[("routing.http2.enabled", "true")]).unwrap_err();
        assert_eq!(
            error.message,
            "Load balancer attribute key 'routing.http2.enabled' is not supported on load balancers with type 'network'"
        );
        assert!(set(&APPLICATION, &[("load_balancing.cross_zone.enabled", "false")]).is_err());
        assert!(set(&NETWORK, &[("load_balancing.cross_zone.enabled", "true")]).is_ok());
    }
}
