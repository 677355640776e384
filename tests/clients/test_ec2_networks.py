"""EC2's networks as Terraform, the CDK, boto3's resources and the `aws ec2` command make, read and delete them."""

import json
import subprocess

import boto3
import pytest
from botocore.exceptions import ClientError

from conftest import KEY, SECRET


@pytest.fixture
def ec2(berth, region):
    """A boto3 client in a region of its own."""
    return berth.client(region, "ec2")


@pytest.fixture
def aws(berth, region):
    """Runs the `aws ec2` command; gives its JSON output."""
    def run(*words, check=True):
        done = subprocess.run(["aws", "ec2", *words, "--output", "json"], capture_output=True, text=True,
                              env=berth.environment(region), timeout=120)
        if not check:
            return done
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None
    return run


def filters(**values):
    return [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in values.items()]


def tagged(kind, **tags):
    return [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]


def refusal(call, **arguments):
    """Code and text of the error that a call ends in."""
    with pytest.raises(ClientError) as failed:
        call(**arguments)
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert failed.value.response["ResponseMetadata"]["RequestId"]
    error = failed.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_network_is_made_read_and_destroyed_as_terraform_does(ec2, region):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", InstanceTenancy="default", AmazonProvidedIpv6CidrBlock=False,
                         TagSpecifications=tagged("vpc", Name="main"))["Vpc"]["VpcId"]
    ec2.get_waiter("vpc_available").wait(VpcIds=[vpc])
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    for attribute, value in (("enableDnsHostnames", True), ("enableDnsSupport", True), ("enableNetworkAddressUsageMetrics", False)):
        shown = ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)
        assert shown[attribute[0].upper() + attribute[1:]]["Value"] is value
    # What a VPC has by default, which Terraform shows as its attributes.
    assert len(ec2.describe_network_acls(Filters=filters(default="true", vpc_id=vpc))["NetworkAcls"]) == 1
    main = ec2.describe_route_tables(Filters=[*filters(vpc_id=vpc), {"Name": "association.main", "Values": ["true"]}])["RouteTables"]
    assert len(main) == 1
    assert len(ec2.describe_security_groups(Filters=filters(group_name="default", vpc_id=vpc))["SecurityGroups"]) == 1

    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone=f"{region}a",
                               TagSpecifications=tagged("subnet", Name="public"))["Subnet"]["SubnetId"]
    ec2.get_waiter("subnet_available").wait(SubnetIds=[subnet])
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    shown = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]
    assert (shown["MapPublicIpOnLaunch"], shown["AvailableIpAddressCount"], shown["CidrBlock"]) == (True, 251, "10.0.1.0/24")
    assert shown["Tags"] == [{"Key": "Name", "Value": "public"}]

    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    attached = ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"][0]["Attachments"]
    assert attached == [{"State": "available", "VpcId": vpc}]

    table = ec2.create_route_table(VpcId=vpc, ClientToken="terraform-1")["RouteTable"]["RouteTableId"]
    assert ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)["Return"]
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    shown = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
    assert [route["GatewayId"] for route in shown["Routes"]] == ["local", gateway]
    assert shown["Associations"][0]["RouteTableAssociationId"] == association
    assert shown["Associations"][0]["AssociationState"] == {"State": "associated"}

    group = ec2.create_security_group(GroupName="web", Description="Managed by Terraform", VpcId=vpc)["GroupId"]
    everywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everywhere])
    http = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "http"}],
            "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[http])
    rule = ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[everywhere],
                                               TagSpecifications=tagged("security-group-rule", a="b"))["SecurityGroupRules"][0]
    assert ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])["SecurityGroupRules"] == [rule]
    shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    assert shown["IpPermissions"] == [{**http, "UserIdGroupPairs": [], "PrefixListIds": []}]
    assert refusal(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[http]) == (
        "InvalidPermission.Duplicate", 'the specified rule "peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW" already exists')

    ec2.create_tags(Resources=[vpc, group], Tags=[{"Key": "env", "Value": "test"}])
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "Name"}])
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Tags"] == [{"Key": "env", "Value": "test"}]

    # The wrong way round, then the right one.
    assert refusal(ec2.delete_vpc, VpcId=vpc) == ("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted.")
    assert refusal(ec2.delete_route_table, RouteTableId=table)[0] == "DependencyViolation"
    assert refusal(ec2.delete_internet_gateway, InternetGatewayId=gateway)[0] == "DependencyViolation"
    assert ec2.describe_network_interfaces(Filters=filters(group_id=group))["NetworkInterfaces"] == []
    ec2.delete_security_group(GroupId=group)
    ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    ec2.delete_route_table(RouteTableId=table)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)
    for call, arguments, code in (
            (ec2.describe_vpcs, {"VpcIds": [vpc]}, "InvalidVpcID.NotFound"),
            (ec2.describe_subnets, {"SubnetIds": [subnet]}, "InvalidSubnetID.NotFound"),
            (ec2.describe_security_groups, {"GroupIds": [group]}, "InvalidGroup.NotFound"),
            (ec2.describe_route_tables, {"RouteTableIds": [table]}, "InvalidRouteTableID.NotFound"),
            (ec2.describe_internet_gateways, {"InternetGatewayIds": [gateway]}, "InvalidInternetGatewayID.NotFound")):
        assert refusal(call, **arguments)[0] == code
    assert ec2.describe_tags()["Tags"] == []


def test_a_vpcs_default_network_acl_is_taken_over_as_terraform_does(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    acl = ec2.describe_network_acls(Filters=filters(vpc_id=vpc, default="true"))["NetworkAcls"][0]
    for entry in acl["Entries"]:
        if entry["RuleNumber"] < 32767:
            ec2.delete_network_acl_entry(NetworkAclId=acl["NetworkAclId"], RuleNumber=entry["RuleNumber"], Egress=entry["Egress"])
    ec2.create_network_acl_entry(NetworkAclId=acl["NetworkAclId"], RuleNumber=101, Protocol="-1", RuleAction="allow", Egress=True,
                                 Ipv6CidrBlock="::/0", PortRange={"From": 0, "To": 0})
    ec2.create_network_acl_entry(NetworkAclId=acl["NetworkAclId"], RuleNumber=100, Protocol="6", RuleAction="allow", Egress=False,
                                 CidrBlock="10.0.0.0/8", PortRange={"From": 80, "To": 443})
    shown = ec2.describe_network_acls(NetworkAclIds=[acl["NetworkAclId"]])["NetworkAcls"][0]["Entries"]
    deny = {"CidrBlock": "0.0.0.0/0", "Protocol": "-1", "RuleAction": "deny", "RuleNumber": 32767}
    assert shown == [
        {"Ipv6CidrBlock": "::/0", "Egress": True, "Protocol": "-1", "RuleAction": "allow", "RuleNumber": 101},
        {**deny, "Egress": True},
        {"CidrBlock": "10.0.0.0/8", "Egress": False, "Protocol": "6", "RuleAction": "allow", "RuleNumber": 100,
         "PortRange": {"From": 80, "To": 443}},
        {**deny, "Egress": False}]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    own = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    of_subnet = [{"Name": "association.subnet-id", "Values": [subnet]}]
    association = ec2.describe_network_acls(Filters=of_subnet)["NetworkAcls"][0]["Associations"][0]["NetworkAclAssociationId"]
    ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=own)
    assert [found["NetworkAclId"] for found in ec2.describe_network_acls(Filters=of_subnet)["NetworkAcls"]] == [own]
    assert refusal(ec2.delete_network_acl, NetworkAclId=own)[0] == "DependencyViolation"
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_network_acl(NetworkAclId=own)
    ec2.delete_vpc(VpcId=vpc)


def test_the_default_network_is_looked_up_as_the_cdk_does(ec2, region):
    vpc = ec2.describe_vpcs(Filters=filters(isDefault="true"))["Vpcs"][0]
    of_vpc = filters(vpc_id=vpc["VpcId"])
    subnets = ec2.describe_subnets(Filters=of_vpc)["Subnets"]
    assert sorted(subnet["AvailabilityZone"] for subnet in subnets) == [f"{region}{zone}" for zone in "abc"]
    tables = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]
    assert any(route.get("GatewayId", "").startswith("igw-") for table in tables for route in table["Routes"])
    attachment = [{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}, {"Name": "attachment.state", "Values": ["attached"]}]
    assert ec2.describe_vpn_gateways(Filters=attachment)["VpnGateways"] == []
    zones = ec2.describe_availability_zones(Filters=filters(state="available"))["AvailabilityZones"]
    assert [zone["ZoneName"] for zone in zones] == [f"{region}{zone}" for zone in "abc"]
    assert region in [known["RegionName"] for known in ec2.describe_regions()["Regions"]]


def test_resources_of_boto3_find_what_belongs_to_a_vpc(berth, region):
    ec2 = boto3.resource("ec2", region_name=region, endpoint_url=berth.url, aws_access_key_id=KEY, aws_secret_access_key=SECRET)
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")
    vpc.wait_until_exists()
    vpc.create_tags(Tags=[{"Key": "Name", "Value": "ours"}])
    subnet = vpc.create_subnet(CidrBlock="10.9.0.0/24")
    group = vpc.create_security_group(GroupName="web", Description="web")
    group.authorize_ingress(CidrIp="0.0.0.0/0", IpProtocol="tcp", FromPort=443, ToPort=443)
    table = vpc.create_route_table()
    table.associate_with_subnet(SubnetId=subnet.id)
    vpc.reload()
    assert vpc.tags == [{"Key": "Name", "Value": "ours"}]
    assert [found.id for found in vpc.subnets.all()] == [subnet.id]
    assert {found.group_name for found in vpc.security_groups.all()} == {"default", "web"}
    assert table.id in [found.id for found in vpc.route_tables.all()]
    assert list(subnet.network_interfaces.all()) == []
    group.reload()
    assert group.ip_permissions[0]["FromPort"] == 443
    assert [found.id for found in ec2.vpcs.filter(Filters=[{"Name": "tag:Name", "Values": ["our?"]}])] == [vpc.id]
    group.delete()
    subnet.delete()
    table.delete()
    vpc.delete()


def test_pages_and_dry_runs(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = {ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in range(12)}
    pages = list(ec2.get_paginator("describe_subnets").paginate(Filters=filters(vpc_id=vpc), PaginationConfig={"PageSize": 5}))
    assert [len(page["Subnets"]) for page in pages] == [5, 5, 2]
    assert {subnet["SubnetId"] for page in pages for subnet in page["Subnets"]} == made
    with pytest.raises(ClientError) as failed:
        ec2.delete_vpc(VpcId=vpc, DryRun=True)
    assert failed.value.response["Error"]["Code"] == "DryRunOperation"
    assert refusal(ec2.describe_vpcs, Filters=filters(colour="red")) == ("InvalidParameterValue", "The filter 'colour' is invalid")
    assert refusal(ec2.describe_vpcs, VpcIds=["main"])[0] == "InvalidVpcID.Malformed"


def test_the_aws_command_makes_describes_and_deletes(aws):
    vpc = aws("create-vpc", "--cidr-block", "10.0.0.0/16", "--tag-specifications",
              "ResourceType=vpc,Tags=[{Key=Name,Value=main}]")["Vpc"]["VpcId"]
    aws("wait", "vpc-available", "--vpc-ids", vpc)
    aws("modify-vpc-attribute", "--vpc-id", vpc, "--no-enable-dns-support")
    assert aws("describe-vpc-attribute", "--vpc-id", vpc, "--attribute", "enableDnsSupport")["EnableDnsSupport"] == {"Value": False}
    subnet = aws("create-subnet", "--vpc-id", vpc, "--cidr-block", "10.0.0.0/24")["Subnet"]["SubnetId"]
    aws("modify-subnet-attribute", "--subnet-id", subnet, "--map-public-ip-on-launch")
    group = aws("create-security-group", "--group-name", "web", "--description", "web", "--vpc-id", vpc)["GroupId"]
    made = aws("authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "80-81", "--cidr", "10.1.2.3/8")
    assert made["SecurityGroupRules"][0]["CidrIpv4"] == "10.0.0.0/8"
    aws("authorize-security-group-ingress", "--group-id", group, "--protocol", "icmp", "--port", "-1", "--source-group", group)
    found = aws("describe-security-groups", "--filters", "Name=ip-permission.to-port,Values=81", "--query", "SecurityGroups[].GroupId")
    assert found == [group]
    aws("revoke-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "80-81", "--cidr", "10.0.0.0/8")
    refused = aws("delete-vpc", "--vpc-id", vpc, check=False)
    assert refused.returncode != 0
    assert "(DependencyViolation) when calling the DeleteVpc operation" in refused.stderr
    aws("delete-security-group", "--group-id", group)
    aws("delete-subnet", "--subnet-id", subnet)
    aws("delete-vpc", "--vpc-id", vpc)
    assert aws("describe-vpcs", "--filters", "Name=tag:Name,Values=main")["Vpcs"] == []
