"""Listeners, rules and their certificates by boto3 and the `aws` command: the calls that Terraform makes, in its order."""

import json
import subprocess

import botocore.exceptions
import pytest


@pytest.fixture
def elb(berth, region):
    return berth.client(region, "elbv2")


@pytest.fixture
def networks(berth, region):
    ec2 = berth.client(region, "ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    return vpc, [one["SubnetId"] for one in sorted(subnets, key=lambda one: one["AvailabilityZone"])][:2]


@pytest.fixture
def web(elb, networks):
    """An application load balancer's ARN."""
    return elb.create_load_balancer(Name="web", Subnets=networks[1])["LoadBalancers"][0]["LoadBalancerArn"]


@pytest.fixture
def group(elb, networks):
    def make(name, **more):
        request = {"Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": networks[0], "TargetType": "ip", **more}
        return elb.create_target_group(**request)["TargetGroups"][0]["TargetGroupArn"]
    return make


@pytest.fixture
def certificate(berth, region, tmp_path):
    """Imports a fresh self-signed certificate."""
    acm = berth.client(region, "acm")

    def make(name):
        key, leaf = tmp_path / f"{name}.key", tmp_path / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                        "-subj", f"/CN={name}", "-keyout", key, "-out", leaf], check=True, capture_output=True)
        return acm.import_certificate(Certificate=leaf.read_bytes(), PrivateKey=key.read_bytes())["CertificateArn"]
    return make


def aws(berth, region, *words):
    done = subprocess.run(["aws", "elbv2", *words, "--output", "json"], capture_output=True, text=True,
                          env=berth.environment(region), timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def refused(code, call, **request):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    return error["Message"]


def fixed(status, body=None):
    config = {"StatusCode": status, "ContentType": "text/plain", **({"MessageBody": body} if body else {})}
    return {"Type": "fixed-response", "FixedResponseConfig": config}


REDIRECT = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}


def test_lb10_a_listener_made_as_terraform_makes_it_reads_back_without_a_difference(elb, web):
    made = elb.create_listener(LoadBalancerArn=web, Port=80, Protocol="HTTP", DefaultActions=[{**REDIRECT, "Order": 1}],
                               Tags=[{"Key": "Name", "Value": "front"}])["Listeners"][0]
    arn = made["ListenerArn"]
    read = elb.describe_listeners(ListenerArns=[arn])["Listeners"][0]
    assert read == made
    assert read["DefaultActions"] == [{"Type": "redirect", "Order": 1, "RedirectConfig": {
        "Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}", "StatusCode": "HTTP_301"}}]
    assert elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"] == [{"Key": "Name", "Value": "front"}]
    keys = {one["Key"] for one in elb.describe_listener_attributes(ListenerArn=arn)["Attributes"]}
    assert "routing.http.response.server.enabled" in keys
    elb.delete_listener(ListenerArn=arn)
    assert refused("ListenerNotFound", elb.describe_listeners, ListenerArns=[arn]) == "One or more listeners not found"


def test_lb31_rules_made_as_terraform_makes_them_read_back_without_a_difference(elb, web, group):
    listener = elb.create_listener(LoadBalancerArn=web, Port=80, Protocol="HTTP", DefaultActions=[fixed("404")])
    listener = listener["Listeners"][0]["ListenerArn"]
    blue, green = group("blue"), group("green")
    forward = {"Type": "forward", "Order": 1, "ForwardConfig": {
        "TargetGroups": [{"TargetGroupArn": blue, "Weight": 80}, {"TargetGroupArn": green, "Weight": 20}],
        "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 600}}}
    conditions = [
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}},
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/static/*"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Forwarded-For", "Values": ["192.168.1.*"]}},
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "health", "Value": "check"}, {"Value": "bar"}]}},
    ]
    made = elb.create_rule(ListenerArn=listener, Priority=100, Conditions=conditions, Actions=[forward])["Rules"][0]
    read = elb.describe_rules(RuleArns=[made["RuleArn"]])["Rules"][0]
    assert read == made and read["Actions"] == [forward] and read["Priority"] == "100"
    assert [{k: v for k, v in one.items() if k != "Values"} for one in read["Conditions"]] == conditions
    assert read["Conditions"][0]["Values"] == ["*.example.com"]
    changed = elb.modify_rule(RuleArn=made["RuleArn"], Conditions=read["Conditions"], Actions=read["Actions"])["Rules"][0]
    assert changed == read, "what was read can be written"
    elb.set_rule_priorities(RulePriorities=[{"RuleArn": made["RuleArn"], "Priority": 7}])
    order = [one["Priority"] for one in elb.describe_rules(ListenerArn=listener)["Rules"]]
    assert order == ["7", "default"]
    assert refused("PriorityInUse", elb.create_rule, ListenerArn=listener, Priority=7, Conditions=conditions,
                   Actions=[fixed("200")]) == "The specified priority is in use."
    assert refused("ResourceInUse", elb.delete_target_group, TargetGroupArn=green)
    elb.delete_rule(RuleArn=made["RuleArn"])
    elb.delete_target_group(TargetGroupArn=green)


def test_lb32_jwt_validation_and_openid_connect_stand_before_the_terminal_action(elb, web, certificate):
    oidc = {"Issuer": "https://id.example.com", "AuthorizationEndpoint": "https://id.example.com/auth",
            "TokenEndpoint": "https://id.example.com/token", "UserInfoEndpoint": "https://id.example.com/me", "ClientId": "app"}
    listener = elb.create_listener(
        LoadBalancerArn=web, Port=443, Protocol="HTTPS", Certificates=[{"CertificateArn": certificate("a.test")}],
        DefaultActions=[{"Type": "authenticate-oidc", "AuthenticateOidcConfig": {**oidc, "ClientSecret": "hidden"}}, fixed("200")],
    )["Listeners"][0]
    first = listener["DefaultActions"][0]["AuthenticateOidcConfig"]
    assert first == {**oidc, "SessionCookieName": "AWSELBAuthSessionCookie", "Scope": "openid", "SessionTimeout": 604800,
                     "OnUnauthenticatedRequest": "authenticate"}
    jwt = {"Type": "jwt-validation", "JwtValidationConfig": {
        "JwksEndpoint": "https://id.example.com/keys", "Issuer": "https://id.example.com",
        "AdditionalClaims": [{"Format": "single-string", "Name": "aud", "Values": ["app"]}]}}
    rule = elb.create_rule(ListenerArn=listener["ListenerArn"], Priority=1, Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}],
                           Actions=[jwt, fixed("200", "in")])["Rules"][0]
    assert [one["Order"] for one in rule["Actions"]] == [1, 2] and rule["Actions"][0]["JwtValidationConfig"] == jwt["JwtValidationConfig"]
    cognito = {"Type": "authenticate-cognito", "AuthenticateCognitoConfig": {
        "UserPoolArn": "arn:aws:cognito-idp:us-east-1:000000000000:userpool/x", "UserPoolClientId": "x", "UserPoolDomain": "x"}}
    text = refused("InvalidLoadBalancerAction", elb.modify_listener, ListenerArn=listener["ListenerArn"],
                   DefaultActions=[cognito, fixed("200")])
    assert "authenticate-cognito" in text


def test_lb39_certificates_for_sni_by_the_aws_command(berth, region, elb, web, certificate):
    first, second = certificate("a.test"), certificate("b.test")
    listener = aws(berth, region, "create-listener", "--load-balancer-arn", web, "--protocol", "HTTPS", "--port", "443",
                   "--certificates", f"CertificateArn={first}", "--ssl-policy", "ELBSecurityPolicy-TLS13-1-2-2021-06",
                   "--default-actions", "Type=fixed-response,FixedResponseConfig={StatusCode=200}")["Listeners"][0]
    assert listener["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06" and listener["MutualAuthentication"] == {"Mode": "off"}
    arn = listener["ListenerArn"]
    aws(berth, region, "add-listener-certificates", "--listener-arn", arn, "--certificates", f"CertificateArn={second}")
    shown = aws(berth, region, "describe-listener-certificates", "--listener-arn", arn)["Certificates"]
    assert shown == [{"CertificateArn": first, "IsDefault": True}, {"CertificateArn": second, "IsDefault": False}]
    acm = berth.client(region, "acm")
    assert acm.describe_certificate(CertificateArn=second)["Certificate"]["InUseBy"] == [web]
    assert refused("ResourceInUseException", acm.delete_certificate, CertificateArn=second)
    aws(berth, region, "remove-listener-certificates", "--listener-arn", arn, "--certificates", f"CertificateArn={second}")
    acm.delete_certificate(CertificateArn=second)
    attributes = aws(berth, region, "modify-listener-attributes", "--listener-arn", arn, "--attributes",
                     "Key=routing.http.response.x_frame_options.header_value,Value=DENY")["Attributes"]
    assert {"Key": "routing.http.response.x_frame_options.header_value", "Value": "DENY"} in attributes


def test_lb39_a_trust_store_reads_its_bundle_from_the_servers_folder_of_objects(berth, region, elb, web, certificate, tmp_path):
    folder = berth.data_dir / "data" / "s3" / "bundles"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                    "-subj", "/CN=authority", "-keyout", tmp_path / "ca.key", "-out", folder / "ca.pem"], check=True, capture_output=True)
    store = elb.create_trust_store(Name="clients", CaCertificatesBundleS3Bucket="bundles", CaCertificatesBundleS3Key="ca.pem")
    store = store["TrustStores"][0]
    assert store["Status"] == "ACTIVE" and store["NumberOfCaCertificates"] == 1
    listener = elb.create_listener(
        LoadBalancerArn=web, Port=443, Protocol="HTTPS", Certificates=[{"CertificateArn": certificate("a.test")}],
        MutualAuthentication={"Mode": "verify", "TrustStoreArn": store["TrustStoreArn"]}, DefaultActions=[fixed("200")])["Listeners"][0]
    assert listener["MutualAuthentication"]["Mode"] == "verify"
    assert refused("TrustStoreInUse", elb.delete_trust_store, TrustStoreArn=store["TrustStoreArn"])
    elb.delete_listener(ListenerArn=listener["ListenerArn"])
    elb.delete_trust_store(TrustStoreArn=store["TrustStoreArn"])
    refused("CaCertificatesBundleNotFound", elb.create_trust_store, Name="none", CaCertificatesBundleS3Bucket="bundles",
            CaCertificatesBundleS3Key="none.pem")
