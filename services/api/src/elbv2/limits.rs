//! Quotas (LB-41), as DescribeAccountLimits shows them and operations hold them.

/// Load balancers of one kind in an account and region.
pub const LOAD_BALANCERS: i64 = 50;
pub const TARGET_GROUPS: i64 = 3000;
pub const TARGETS_PER_TARGET_GROUP: i64 = 1000;
/// How often one target may be registered, over all groups.
pub const REGISTRATIONS_PER_TARGET: i64 = 100;

/// Of a load balancer.
pub const LISTENERS: i64 = 50;
/// Of a load balancer, default rules not counted.
pub const RULES: i64 = 100;
/// Of a load balancer.
pub const GROUPS_IN_USE: usize = 100;
/// Of a listener, besides the default one.
pub const CERTIFICATES: usize = 25;

/// Name → maximum. Those of kinds of load balancers that Berth does not have are 0.
pub const ALL: &[(&str, i64)] = &[
    ("application-load-balancers", LOAD_BALANCERS),
    ("certificates-per-application-load-balancer", 25),
    ("certificates-per-network-load-balancer", 25),
    ("condition-values-per-alb-rule", 5),
    ("condition-wildcards-per-alb-rule", 5),
    ("gateway-load-balancers", 0),
    ("gateway-load-balancers-per-vpc", 0),
    ("geneve-target-groups", 0),
    ("listeners-per-application-load-balancer", LISTENERS),
    ("listeners-per-network-load-balancer", LISTENERS),
    ("network-load-balancers", LOAD_BALANCERS),
    ("rules-per-application-load-balancer", RULES),
    ("target-groups", TARGET_GROUPS),
    ("target-groups-per-action-on-application-load-balancer", 5),
    ("target-groups-per-action-on-network-load-balancer", 5),
    ("target-groups-per-application-load-balancer", 100),
    (
        "target-id-registrations-per-application-load-balancer",
        REGISTRATIONS_PER_TARGET,
    ),
    ("targets-per-application-load-balancer", 1000),
    ("targets-per-network-load-balancer", 1000),
    ("targets-per-target-group", TARGETS_PER_TARGET_GROUP),
];
