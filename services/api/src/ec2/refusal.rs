//! Errors that EC2's operations share. The model lists none, so codes are EC2's documented ones.

use domain::network::ResourceKind;
use store::networks::NetworkError;

use crate::Error;
use crate::ec2::codes;
use crate::error::Code;

/// Longest text of a client that is repeated to it.
const QUOTE: usize = 255;

pub fn invalid_value(message: impl Into<String>) -> Error {
    Error::new(codes::INVALID_PARAMETER_VALUE, message)
}

/// Parameters that exclude each other.
pub fn combination(message: impl Into<String>) -> Error {
    Error::new(Code::client("InvalidParameterCombination"), message)
}

pub fn missing(parameter: &str) -> Error {
    Error::new(
        codes::MISSING_PARAMETER,
        format!("The request must contain the parameter {parameter}"),
    )
}

/// A parameter of the API that is not carried out.
pub fn unsupported(parameter: &str) -> Error {
    Error::new(
        codes::UNSUPPORTED_OPERATION,
        format!("The parameter {parameter} is not supported by this version of Berth yet."),
    )
}

/// A text that is no id of this kind.
pub fn malformed(kind: ResourceKind, id: &str) -> Error {
    let text = format!(
        "Invalid id: \"{}\" (expecting \"{}-...\")",
        quoted(id),
        kind.prefix()
    );
    Error::new(Code::client(malformed_code(kind)), text)
}

pub fn not_a_block(text: &str, parameter: &str) -> Error {
    invalid_value(format!(
        "Value ({}) for parameter {parameter} is invalid. This is not a valid CIDR block.",
        quoted(text)
    ))
}

/// Enough of a client's text to recognise it.
pub fn quoted(text: &str) -> String {
    text.chars().take(QUOTE).collect()
}

impl From<NetworkError> for Error {
    fn from(error: NetworkError) -> Self {
        let code = match &error {
            NetworkError::Store(_) => return Self::server(error),
            NetworkError::NotFound { kind, .. } => not_found_code(*kind),
            NetworkError::InUse { .. } | NetworkError::MappedAddresses(_) => {
                return Self::new(codes::DEPENDENCY_VIOLATION, error.to_string());
            }
            NetworkError::DefaultVpcExists => "DefaultVpcAlreadyExists",
            NetworkError::NoDefaultVpc => "DefaultVpcDoesNotExist",
            NetworkError::DefaultSubnetExists { .. } => "DefaultSubnetAlreadyExistsInAvailabilityZone",
            NetworkError::SubnetRange(_) => "InvalidSubnet.Range",
            NetworkError::SubnetConflict(_) => "InvalidSubnet.Conflict",
            NetworkError::DuplicateGroup { .. } => "InvalidGroup.Duplicate",
            NetworkError::DefaultGroup(_) => "CannotDelete",
            NetworkError::GroupsOfDifferentNetworks => "InvalidGroup.NotFound",
            NetworkError::DuplicateRule(_) => "InvalidPermission.Duplicate",
            NetworkError::TooManyRules => "RulesPerSecurityGroupLimitExceeded",
            NetworkError::RuleNotFound => "InvalidPermission.NotFound",
            NetworkError::AlreadyAttached { .. } | NetworkError::AlreadyAssociated(_) => {
                "Resource.AlreadyAssociated"
            }
            NetworkError::NotAttached { .. } => "Gateway.NotAttached",
            NetworkError::RouteExists(_) => "RouteAlreadyExists",
            NetworkError::RouteNotFound { .. } => "InvalidRoute.NotFound",
            NetworkError::EntryExists(_) => "NetworkAclEntryAlreadyExists",
            NetworkError::EntryNotFound(_) => "InvalidNetworkAclEntry.NotFound",
            NetworkError::TooManyEntries => "NetworkAclEntryLimitExceeded",
            NetworkError::TokenMismatch(_) => "IdempotentParameterMismatch",
            NetworkError::TooManyTags(_) => "TagLimitExceeded",
            NetworkError::PeerKindChanged(_)
            | NetworkError::HasInternetGateway(_)
            | NetworkError::NothingToReplace(_)
            | NetworkError::LocalRoute { .. }
            | NetworkError::MoreSpecificThanLocal(_)
            | NetworkError::GatewayElsewhere { .. }
            | NetworkError::SubnetElsewhere { .. }
            | NetworkError::TablesOfDifferentNetworks(..)
            | NetworkError::DefaultAcl(_)
            | NetworkError::AclElsewhere { .. }
            | NetworkError::MainAssociation(_) => return invalid_value(error.to_string()),
        };
        Self::new(Code::client(code), error.to_string())
    }
}

fn not_found_code(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Vpc => "InvalidVpcID.NotFound",
        ResourceKind::Subnet => "InvalidSubnetID.NotFound",
        ResourceKind::SecurityGroup => "InvalidGroup.NotFound",
        ResourceKind::SecurityGroupRule => "InvalidSecurityGroupRuleId.NotFound",
        ResourceKind::InternetGateway => "InvalidInternetGatewayID.NotFound",
        ResourceKind::RouteTable => "InvalidRouteTableID.NotFound",
        ResourceKind::RouteTableAssociation
        | ResourceKind::NetworkAclAssociation
        | ResourceKind::VpcCidrAssociation => "InvalidAssociationID.NotFound",
        ResourceKind::NetworkAcl => "InvalidNetworkAclID.NotFound",
        ResourceKind::NetworkInterface => "InvalidNetworkInterfaceID.NotFound",
    }
}

/// EC2 spells these its own way.
fn malformed_code(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Vpc => "InvalidVpcID.Malformed",
        ResourceKind::Subnet => "InvalidSubnetID.Malformed",
        ResourceKind::SecurityGroup => "InvalidGroupId.Malformed",
        ResourceKind::SecurityGroupRule => "InvalidSecurityGroupRuleId.Malformed",
        ResourceKind::InternetGateway => "InvalidInternetGatewayId.Malformed",
        ResourceKind::RouteTable => "InvalidRouteTableId.Malformed",
        ResourceKind::RouteTableAssociation
        | ResourceKind::NetworkAclAssociation
        | ResourceKind::VpcCidrAssociation => "InvalidAssociationID.Malformed",
        ResourceKind::NetworkAcl => "InvalidNetworkAclId.Malformed",
        ResourceKind::NetworkInterface => "InvalidNetworkInterfaceId.Malformed",
    }
}
