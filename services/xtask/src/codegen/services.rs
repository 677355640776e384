//! Which AWS services are generated, and how much of each.

/// One AWS service to generate. A further service is one more entry in [`SERVICES`].
pub struct ServiceSpec {
    /// Name of the generated module.
    pub module: &'static str,
    /// Directory of the service inside botocore's `data`.
    pub directory: &'static str,
    /// API version, the directory below.
    pub api_version: &'static str,
    /// The operations that are generated, with the shapes they reach; all of the model's when not given.
    pub operations: Option<&'static [&'static str]>,
    /// Members that clients send although the public model leaves them out: structure, member, shape.
    pub additions: &'static [(&'static str, &'static str, &'static str)],
    /// Patterns with looks ahead, which Rust's `regex` has not, and what says the same: shape, pattern.
    pub patterns: &'static [(&'static str, &'static str)],
    /// Values that the service answers although its model leaves them out: enum, value.
    pub values: &'static [(&'static str, &'static str)],
}

/// All services, in the order of their modules.
pub const SERVICES: &[ServiceSpec] = &[
    ServiceSpec {
        module: "acm",
        directory: "acm",
        api_version: "2015-12-08",
        operations: None,
        additions: &[],
        patterns: &[("DomainNameString", DOMAIN_NAME)],
        values: &[],
    },
    ServiceSpec {
        module: "ec2",
        directory: "ec2",
        api_version: "2016-11-15",
        operations: Some(EC2_OPERATIONS),
        additions: &[],
        patterns: &[],
        // Of an internet gateway; Terraform waits for it.
        values: &[("AttachmentStatus", "available")],
    },
    ServiceSpec {
        module: "ecs",
        directory: "ecs",
        api_version: "2014-11-13",
        operations: None,
        // The ECS agent has a model of its own.
        additions: &[("RegisterContainerInstanceRequest", "clientToken", "String")],
        patterns: &[],
        values: &[],
    },
    ServiceSpec {
        module: "elbv2",
        directory: "elbv2",
        api_version: "2015-12-01",
        operations: None,
        additions: &[],
        patterns: &[],
        values: &[],
    },
];

/// Labels of at most 63 letters, the last one of two at least; none begins or ends with a hyphen.
const DOMAIN_NAME: &str =
    r"(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]";

/// What tools ask of networks before they make a load balancer or a service; EC2 has 765 operations.
const EC2_OPERATIONS: &[&str] = &[
    "AssociateRouteTable",
    "AttachInternetGateway",
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "CreateDefaultSubnet",
    "CreateDefaultVpc",
    "CreateInternetGateway",
    "CreateNetworkAcl",
    "CreateNetworkAclEntry",
    "CreateRoute",
    "CreateRouteTable",
    "CreateSecurityGroup",
    "CreateSubnet",
    "CreateTags",
    "CreateVpc",
    "DeleteInternetGateway",
    "DeleteNetworkAcl",
    "DeleteNetworkAclEntry",
    "DeleteRoute",
    "DeleteRouteTable",
    "DeleteSecurityGroup",
    "DeleteSubnet",
    "DeleteTags",
    "DeleteVpc",
    "DescribeAccountAttributes",
    "DescribeAddresses",
    "DescribeAvailabilityZones",
    "DescribeInternetGateways",
    "DescribeNetworkAcls",
    "DescribeNetworkInterfaces",
    "DescribeRegions",
    "DescribeRouteTables",
    "DescribeSecurityGroupRules",
    "DescribeSecurityGroups",
    "DescribeSubnets",
    "DescribeTags",
    "DescribeVpcAttribute",
    "DescribeVpcClassicLink",
    "DescribeVpcClassicLinkDnsSupport",
    "DescribeVpcs",
    "DescribeVpnGateways",
    "DetachInternetGateway",
    "DisassociateRouteTable",
    "ModifySecurityGroupRules",
    "ModifySubnetAttribute",
    "ModifyVpcAttribute",
    "ReplaceNetworkAclAssociation",
    "ReplaceNetworkAclEntry",
    "ReplaceRoute",
    "ReplaceRouteTableAssociation",
    "RevokeSecurityGroupEgress",
    "RevokeSecurityGroupIngress",
    "UpdateSecurityGroupRuleDescriptionsEgress",
    "UpdateSecurityGroupRuleDescriptionsIngress",
];
