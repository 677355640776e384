//! From an operation's name to its file.

use aws_model::{Constraint, Violation};

use crate::ec2::codes;
use crate::edge::{Conventions, Payload, operations, query};
use crate::error::Code;
use crate::{Error, Result};

// One line per operation, in the order of the API reference.
operations! {
    ec2 as Ec2 {
        CreateVpc => create_vpc,
        DeleteVpc => delete_vpc,
        DescribeVpcs => describe_vpcs,
        ModifyVpcAttribute => modify_vpc_attribute,
        DescribeVpcAttribute => describe_vpc_attribute,
        CreateDefaultVpc => create_default_vpc,
        CreateSubnet => create_subnet,
        DeleteSubnet => delete_subnet,
        DescribeSubnets => describe_subnets,
        ModifySubnetAttribute => modify_subnet_attribute,
        CreateDefaultSubnet => create_default_subnet,
        CreateSecurityGroup => create_security_group,
        DeleteSecurityGroup => delete_security_group,
        DescribeSecurityGroups => describe_security_groups,
        DescribeSecurityGroupRules => describe_security_group_rules,
        AuthorizeSecurityGroupIngress => authorize_security_group_ingress,
        AuthorizeSecurityGroupEgress => authorize_security_group_egress,
        RevokeSecurityGroupIngress => revoke_security_group_ingress,
        RevokeSecurityGroupEgress => revoke_security_group_egress,
        ModifySecurityGroupRules => modify_security_group_rules,
        UpdateSecurityGroupRuleDescriptionsIngress => update_security_group_rule_descriptions_ingress,
        UpdateSecurityGroupRuleDescriptionsEgress => update_security_group_rule_descriptions_egress,
        DescribeAvailabilityZones => describe_availability_zones,
        DescribeRegions => describe_regions,
        CreateInternetGateway => create_internet_gateway,
        DeleteInternetGateway => delete_internet_gateway,
        AttachInternetGateway => attach_internet_gateway,
        DetachInternetGateway => detach_internet_gateway,
        DescribeInternetGateways => describe_internet_gateways,
        CreateRouteTable => create_route_table,
        DeleteRouteTable => delete_route_table,
        DescribeRouteTables => describe_route_tables,
        CreateRoute => create_route,
        DeleteRoute => delete_route,
        ReplaceRoute => replace_route,
        AssociateRouteTable => associate_route_table,
        DisassociateRouteTable => disassociate_route_table,
        ReplaceRouteTableAssociation => replace_route_table_association,
        DescribeNetworkInterfaces => describe_network_interfaces,
        CreateNetworkAcl => create_network_acl,
        DeleteNetworkAcl => delete_network_acl,
        DescribeNetworkAcls => describe_network_acls,
        CreateNetworkAclEntry => create_network_acl_entry,
        DeleteNetworkAclEntry => delete_network_acl_entry,
        ReplaceNetworkAclEntry => replace_network_acl_entry,
        ReplaceNetworkAclAssociation => replace_network_acl_association,
        DescribeAccountAttributes => describe_account_attributes,
        DescribeVpcClassicLink => describe_vpc_classic_link,
        DescribeVpcClassicLinkDnsSupport => describe_vpc_classic_link_dns_support,
        DescribeVpnGateways => describe_vpn_gateways,
        DescribeAddresses => describe_addresses,
        CreateTags => create_tags,
        DeleteTags => delete_tags,
        DescribeTags => describe_tags,
    }
}

/// How EC2 says things.
struct Ec2;

impl Conventions for Ec2 {
    const FAULT: Code = codes::INTERNAL_ERROR;

    fn unreadable(text: String) -> Error {
        Error::new(codes::INVALID_PARAMETER_VALUE, text)
    }

    fn invalid(violation: &Violation) -> Error {
        let parameter = violation.parameter();
        if violation.constraint == Constraint::Present {
            let text = format!("The request must contain the parameter {parameter}");
            return Error::new(codes::MISSING_PARAMETER, text);
        }
        let value = violation.value.as_deref().unwrap_or_default();
        let rule = violation.constraint.rule();
        let text = format!("Value ({value}) for parameter {parameter} is invalid. It must {rule}.");
        Error::new(codes::INVALID_PARAMETER_VALUE, text)
    }

    fn unknown(operation: &str) -> Error {
        query::invalid_action(operation)
    }

    fn not_implemented(operation: &str) -> Error {
        query::unsupported(operation)
    }

    /// `DryRun=true` asks whether the request would be carried out, and does nothing.
    fn admit(payload: &Payload) -> Result<()> {
        match payload.flag("DryRun") {
            true => Err(Error::new(
                codes::DRY_RUN_OPERATION,
                "Request would have succeeded, but DryRun flag is set.",
            )),
            false => Ok(()),
        }
    }
}
