//! From an operation's name to its file.

use aws_model::Violation;

use crate::Error;
use crate::edge::{Conventions, operations, query};
use crate::error::Code;

// One line per operation, in the order of the API reference.
operations! {
    elbv2 as Elbv2 {
        AddListenerCertificates => add_listener_certificates,
        AddTags => add_tags,
        AddTrustStoreRevocations => add_trust_store_revocations,
        CreateListener => create_listener,
        CreateLoadBalancer => create_load_balancer,
        CreateRule => create_rule,
        CreateTargetGroup => create_target_group,
        CreateTrustStore => create_trust_store,
        DeleteListener => delete_listener,
        DeleteLoadBalancer => delete_load_balancer,
        DeleteRule => delete_rule,
        DeleteSharedTrustStoreAssociation => delete_shared_trust_store_association,
        DeleteTargetGroup => delete_target_group,
        DeleteTrustStore => delete_trust_store,
        DeregisterTargets => deregister_targets,
        DescribeAccountLimits => describe_account_limits,
        DescribeCapacityReservation => describe_capacity_reservation,
        DescribeListenerAttributes => describe_listener_attributes,
        DescribeListenerCertificates => describe_listener_certificates,
        DescribeListeners => describe_listeners,
        DescribeLoadBalancerAttributes => describe_load_balancer_attributes,
        DescribeLoadBalancers => describe_load_balancers,
        DescribeRules => describe_rules,
        DescribeSSLPolicies => describe_ssl_policies,
        DescribeTags => describe_tags,
        DescribeTargetGroupAttributes => describe_target_group_attributes,
        DescribeTargetGroups => describe_target_groups,
        DescribeTargetHealth => describe_target_health,
        DescribeTrustStoreAssociations => describe_trust_store_associations,
        DescribeTrustStoreRevocations => describe_trust_store_revocations,
        DescribeTrustStores => describe_trust_stores,
        GetResourcePolicy => get_resource_policy,
        GetTrustStoreCaCertificatesBundle => get_trust_store_ca_certificates_bundle,
        GetTrustStoreRevocationContent => get_trust_store_revocation_content,
        ModifyCapacityReservation => modify_capacity_reservation,
        ModifyIpPools => modify_ip_pools,
        ModifyListener => modify_listener,
        ModifyListenerAttributes => modify_listener_attributes,
        ModifyLoadBalancerAttributes => modify_load_balancer_attributes,
        ModifyRule => modify_rule,
        ModifyTargetGroup => modify_target_group,
        ModifyTargetGroupAttributes => modify_target_group_attributes,
        ModifyTrustStore => modify_trust_store,
        RegisterTargets => register_targets,
        RemoveListenerCertificates => remove_listener_certificates,
        RemoveTags => remove_tags,
        RemoveTrustStoreRevocations => remove_trust_store_revocations,
        SetIpAddressType => set_ip_address_type,
        SetRulePriorities => set_rule_priorities,
        SetSecurityGroups => set_security_groups,
        SetSubnets => set_subnets,
    }
}

/// How Elastic Load Balancing says things.
struct Elbv2;

impl Conventions for Elbv2 {
    const FAULT: Code = Code::with_status("InternalFailure", 500);

    fn unreadable(text: String) -> Error {
        query::malformed_input(text)
    }

    fn invalid(violation: &Violation) -> Error {
        Error::validation(violation.sentence())
    }

    fn unknown(operation: &str) -> Error {
        query::invalid_action(operation)
    }

    fn not_implemented(operation: &str) -> Error {
        query::unsupported(operation)
    }
}
