"""Load balancers, target groups and targets by boto3, the `aws` command and the calls that Terraform makes, in its order."""

import json
import subprocess

import botocore.exceptions
import pytest


@pytest.fixture
def elb(berth, region):
    return berth.client(region, "elbv2")


@pytest.fixture
def networks(berth, region):
    """The default VPC's id and its subnets, one a zone."""
    ec2 = berth.client(region, "ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    return vpc, [one["SubnetId"] for one in sorted(subnets, key=lambda one: one["AvailabilityZone"])]


def aws(berth, region, *words, check=True):
    """Runs the `aws elbv2` command; gives its JSON output, or the finished process."""
    done = subprocess.run(["aws", "elbv2", *words, "--output", "json"], capture_output=True, text=True,
                          env=berth.environment(region), timeout=120)
    if not check:
        return done
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def refused(code, call, **request):
    """Calls and gives the text of the refusal."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    return error["Message"]


def pairs(attributes):
    return {one["Key"]: one["Value"] for one in attributes}


def listed(attributes):
    return [{"Key": key, "Value": value} for key, value in attributes.items()]


BALANCERS = {
    "application": {
        "deletion_protection.enabled": "false", "idle_timeout.timeout_seconds": "60", "routing.http2.enabled": "true",
        "routing.http.drop_invalid_header_fields.enabled": "true", "routing.http.preserve_host_header.enabled": "false",
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false", "routing.http.xff_client_port.enabled": "false",
        "routing.http.xff_header_processing.mode": "append", "routing.http.desync_mitigation_mode": "strictest",
        "waf.fail_open.enabled": "false", "client_keep_alive.seconds": "3600", "zonal_shift.config.enabled": "false",
        "access_logs.s3.enabled": "false", "connection_logs.s3.enabled": "false", "health_check_logs.s3.enabled": "false",
    },
    "network": {
        "deletion_protection.enabled": "false", "load_balancing.cross_zone.enabled": "true",
        "dns_record.client_routing_policy": "any_availability_zone", "zonal_shift.config.enabled": "false",
        "access_logs.s3.enabled": "false", "secondary_ips.auto_assigned.per_subnet": "0",
    },
}


@pytest.mark.parametrize("kind", BALANCERS)
def test_lb10_a_load_balancer_made_as_terraform_makes_it_reads_back_without_a_difference(elb, networks, kind):
    _, subnets = networks
    assert refused("LoadBalancerNotFound", elb.describe_load_balancers, Names=["web"]) == "Load balancers '[web]' not found"
    tags = [{"Key": "Name", "Value": "web"}, {"Key": "stage", "Value": "test"}]
    made = elb.create_load_balancer(
        Name="web", Type=kind, Scheme="internal", SubnetMappings=[{"SubnetId": one} for one in subnets[:2]], Tags=tags,
        IpAddressType="ipv4")["LoadBalancers"][0]
    arn = made["LoadBalancerArn"]
    elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn])
    elb.get_waiter("load_balancer_exists").wait(LoadBalancerArns=[arn])
    set_ = elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=listed(BALANCERS[kind]))["Attributes"]

    shown = elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    assert shown.pop("State") == {"Code": "active"} and made.pop("State") == {"Code": "provisioning"}
    assert shown == made
    assert (shown["Type"], shown["Scheme"], shown["IpAddressType"]) == (kind, "internal", "ipv4")
    assert {zone["SubnetId"] for zone in shown["AvailabilityZones"]} == set(subnets[:2])
    assert shown["CreatedTime"].tzinfo and shown["CanonicalHostedZoneId"] and shown["DNSName"]
    attributes = pairs(elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"])
    assert attributes == pairs(set_)
    assert BALANCERS[kind].items() <= attributes.items()
    assert elb.describe_capacity_reservation(LoadBalancerArn=arn).get("MinimumLoadBalancerCapacity") is None
    described = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    assert described == [{"ResourceArn": arn, "Tags": tags}]

    elb.delete_load_balancer(LoadBalancerArn=arn)
    elb.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[arn])
    elb.delete_load_balancer(LoadBalancerArn=arn)


GROUPS = {
    "http": ({"Protocol": "HTTP", "ProtocolVersion": "HTTP2", "HealthCheckPath": "/ping", "Matcher": {"HttpCode": "200-299,301"}}, {
        "deregistration_delay.timeout_seconds": "5", "slow_start.duration_seconds": "0", "stickiness.enabled": "true",
        "stickiness.type": "lb_cookie", "stickiness.lb_cookie.duration_seconds": "60",
        "load_balancing.algorithm.type": "least_outstanding_requests", "load_balancing.algorithm.anomaly_mitigation": "off",
        "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off"}),
    "grpc": ({"Protocol": "HTTP", "ProtocolVersion": "GRPC", "Matcher": {"GrpcCode": "0-5,12"}}, {"stickiness.enabled": "false"}),
    "tcp": ({"Protocol": "TCP"}, {
        "deregistration_delay.timeout_seconds": "300", "deregistration_delay.connection_termination.enabled": "false",
        "preserve_client_ip.enabled": "false", "proxy_protocol_v2.enabled": "true", "stickiness.enabled": "false",
        "stickiness.type": "source_ip", "target_health_state.unhealthy.connection_termination.enabled": "false",
        "target_health_state.unhealthy.draining_interval_seconds": "10"}),
    "udp": ({"Protocol": "UDP", "HealthCheckProtocol": "HTTP", "HealthCheckPort": "8080", "HealthCheckPath": "/"}, {
        "deregistration_delay.timeout_seconds": "0"}),
    "tls": ({"Protocol": "TLS"}, {"stickiness.enabled": "false", "stickiness.type": "source_ip"}),
}


@pytest.mark.parametrize("name", GROUPS)
def test_lb14_a_target_group_made_as_terraform_makes_it_reads_back_without_a_difference(elb, networks, name):
    vpc, _ = networks
    request, wanted = GROUPS[name]
    assert refused("TargetGroupNotFound", elb.describe_target_groups, Names=[name]) == "One or more target groups not found"
    check = {"HealthCheckEnabled": True, "HealthCheckIntervalSeconds": 30, "HealthyThresholdCount": 3, "UnhealthyThresholdCount": 3}
    whole = {"Name": name, "Port": 80, "VpcId": vpc, "TargetType": "ip", "IpAddressType": "ipv4", **check, **request}
    made = elb.create_target_group(**whole, Tags=[{"Key": "Name", "Value": name}])["TargetGroups"][0]
    arn = made["TargetGroupArn"]
    set_ = elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=listed(wanted))["Attributes"]

    shown = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    assert shown == made
    whole["TargetGroupName"] = whole.pop("Name")
    assert whole.items() <= shown.items()
    attributes = pairs(elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"])
    assert attributes == pairs(set_) and wanted.items() <= attributes.items()
    tags = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    assert tags == [{"ResourceArn": arn, "Tags": [{"Key": "Name", "Value": name}]}]
    # What reads back can be written again.
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=listed(attributes))
    elb.delete_target_group(TargetGroupArn=arn)


def test_lb16_targets_are_attached_and_detached_as_terraform_does(elb, networks):
    vpc, subnets = networks
    balancer = elb.create_load_balancer(Name="web", Subnets=subnets[:2])["LoadBalancers"][0]["LoadBalancerArn"]
    group = elb.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
    target = {"Id": "127.0.0.1", "Port": 1}

    def health(**more):
        return elb.describe_target_health(TargetGroupArn=group, **more)["TargetHealthDescriptions"]

    elb.register_targets(TargetGroupArn=group, Targets=[target])
    assert health(Targets=[target])[0]["TargetHealth"]["Reason"] == "Target.NotInUse"
    elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=18081,
                        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])
    assert health(Targets=[target])[0]["Target"] == target
    assert health()[0]["TargetHealth"]["State"] in ("initial", "unhealthy")
    elb.deregister_targets(TargetGroupArn=group, Targets=[target])
    assert health(Targets=[target])[0]["TargetHealth"]["Reason"] == "Target.DeregistrationInProgress"
    other = {"Id": "127.0.0.2", "Port": 80}
    assert health(Targets=[other])[0]["TargetHealth"]["Reason"] == "Target.NotRegistered"
    assert "in use" in refused("ResourceInUse", elb.delete_target_group, TargetGroupArn=group)
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    elb.delete_target_group(TargetGroupArn=group)


def test_lb11_what_exists_with_other_settings_is_refused_by_name(elb, networks):
    vpc, subnets = networks
    elb.create_load_balancer(Name="web", Subnets=subnets[:2])
    elb.create_load_balancer(Name="web", Subnets=list(reversed(subnets[:2])))
    text = refused("DuplicateLoadBalancerName", elb.create_load_balancer, Name="web", Subnets=subnets[:2], Scheme="internal")
    assert text == "A load balancer with the same name 'web' exists, but with different settings"
    elb.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)
    text = refused("DuplicateTargetGroupName", elb.create_target_group, Name="web", Protocol="HTTP", Port=81, VpcId=vpc)
    assert text == "A target group with the same name 'web' exists, but with different settings"


def test_lb13_paginators_of_boto3_see_everything_once(elb, networks):
    vpc, subnets = networks
    names = [f"web-{n}" for n in range(5)]
    for name in names:
        elb.create_load_balancer(Name=name, Subnets=subnets[:2])
        elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc)
    pages = elb.get_paginator("describe_load_balancers").paginate(PaginationConfig={"PageSize": 2})
    assert [one["LoadBalancerName"] for page in pages for one in page["LoadBalancers"]] == names
    pages = elb.get_paginator("describe_target_groups").paginate(PaginationConfig={"PageSize": 2})
    assert [one["TargetGroupName"] for page in pages for one in page["TargetGroups"]] == names
    pages = list(elb.get_paginator("describe_account_limits").paginate(PaginationConfig={"PageSize": 7}))
    assert len(pages) > 1 and {"Name": "target-groups", "Max": "3000"} in [one for page in pages for one in page["Limits"]]
    policies = elb.get_paginator("describe_ssl_policies").paginate(PaginationConfig={"PageSize": 10}).build_full_result()
    assert len({one["Name"] for one in policies["SslPolicies"]}) == len(policies["SslPolicies"]) > 10


def test_the_aws_command_makes_changes_and_deletes_a_load_balancer(berth, region, networks):
    vpc, subnets = networks
    made = aws(berth, region, "create-load-balancer", "--name", "web", "--subnets", *subnets[:2], "--tags", "Key=stage,Value=test")
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    aws(berth, region, "wait", "load-balancer-available", "--load-balancer-arns", arn)
    aws(berth, region, "modify-load-balancer-attributes", "--load-balancer-arn", arn, "--attributes",
        "Key=deletion_protection.enabled,Value=true")
    refusal = aws(berth, region, "delete-load-balancer", "--load-balancer-arn", arn, check=False)
    assert refusal.returncode != 0 and "(OperationNotPermitted) when calling the DeleteLoadBalancer operation" in refusal.stderr
    aws(berth, region, "modify-load-balancer-attributes", "--load-balancer-arn", arn, "--attributes",
        "Key=deletion_protection.enabled,Value=false")
    group = aws(berth, region, "create-target-group", "--name", "web", "--protocol", "HTTP", "--port", "80", "--vpc-id", vpc,
                "--target-type", "ip")["TargetGroups"][0]["TargetGroupArn"]
    aws(berth, region, "register-targets", "--target-group-arn", group, "--targets", "Id=10.0.0.1", "Id=10.0.0.2,Port=81")
    health = aws(berth, region, "describe-target-health", "--target-group-arn", group)["TargetHealthDescriptions"]
    assert [(one["Target"]["Id"], one["Target"]["Port"]) for one in health] == [("10.0.0.1", 80), ("10.0.0.2", 81)]
    aws(berth, region, "add-tags", "--resource-arns", arn, group, "--tags", "Key=team,Value=shop")
    tags = aws(berth, region, "describe-tags", "--resource-arns", arn, group)["TagDescriptions"]
    assert tags == [
        {"ResourceArn": arn, "Tags": [{"Key": "stage", "Value": "test"}, {"Key": "team", "Value": "shop"}]},
        {"ResourceArn": group, "Tags": [{"Key": "team", "Value": "shop"}]}]
    aws(berth, region, "remove-tags", "--resource-arns", arn, "--tag-keys", "team")
    aws(berth, region, "set-subnets", "--load-balancer-arn", arn, "--subnets", *subnets[1:3])
    aws(berth, region, "delete-load-balancer", "--load-balancer-arn", arn)
    aws(berth, region, "wait", "load-balancers-deleted", "--load-balancer-arns", arn)
    refusal = aws(berth, region, "describe-load-balancers", "--names", "web", check=False)
    assert "(LoadBalancerNotFound) when calling the DescribeLoadBalancers operation: Load balancers '[web]' not found" in refusal.stderr
