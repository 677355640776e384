"""The API as boto3 and the `aws` command see it, in regions of their own and without containers."""

import botocore.exceptions
import pytest


def code(error):
    return error.value.response["Error"]["Code"]


def test_c01_a_cluster_is_made_once_and_described(ecs):
    first = ecs.create_cluster(clusterName="shop", tags=[{"key": "team", "value": "web"}])["cluster"]
    again = ecs.create_cluster(clusterName="shop")["cluster"]
    assert first["clusterArn"] == again["clusterArn"] and first["status"] == "ACTIVE"
    assert [c["clusterName"] for c in ecs.describe_clusters(clusters=["shop", "none"])["clusters"]] == ["shop"]
    assert ecs.describe_clusters(clusters=["none"])["failures"][0]["reason"] == "MISSING"
    assert ecs.list_clusters()["clusterArns"] == [first["clusterArn"]]
    assert ecs.delete_cluster(cluster="shop")["cluster"]["status"] == "INACTIVE"
    assert ecs.list_clusters()["clusterArns"] == []


def test_regions_are_namespaces_of_their_own(berth, ecs):
    ecs.create_cluster(clusterName="here")
    assert "here" not in "".join(berth.client("elsewhere-9").list_clusters()["clusterArns"])


def test_c08_an_unknown_cluster_has_its_own_error(ecs):
    with pytest.raises(ecs.exceptions.ClusterNotFoundException) as error:
        ecs.list_tasks(cluster="none")
    assert error.value.response["Error"]["Message"] == "Cluster not found."
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error.value.response["ResponseMetadata"]["RequestId"]


def test_w07_wrong_keys_are_refused(berth):
    import boto3
    bad = boto3.client("ecs", region_name="us-east-1", endpoint_url=berth.url, aws_access_key_id="AKIATESTCLIENTS00000",
                       aws_secret_access_key="wrong")
    with pytest.raises(botocore.exceptions.ClientError) as error:
        bad.list_clusters()
    assert code(error) == "InvalidSignatureException"
    unknown = boto3.client("ecs", region_name="us-east-1", endpoint_url=berth.url, aws_access_key_id="AKIANOBODY",
                           aws_secret_access_key="x")
    with pytest.raises(botocore.exceptions.ClientError) as error:
        unknown.list_clusters()
    assert code(error) == "UnrecognizedClientException"


def test_w01_replies_are_json_1_1_with_a_request_id(ecs):
    headers = ecs.list_clusters()["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert len(headers["x-amzn-requestid"]) == 36


def test_the_aws_command_registers_and_lists(berth, region):
    berth.aws("create-cluster", "--cluster-name", "cli", region=region)
    made = berth.aws("register-task-definition", "--family", "cli", "--container-definitions",
                     '[{"name":"a","image":"x","memory":16}]', region=region)["taskDefinition"]
    assert made["revision"] == 1 and made["status"] == "ACTIVE"
    listed = berth.aws("list-task-definitions", region=region)["taskDefinitionArns"]
    assert listed == [made["taskDefinitionArn"]]
    failed = berth.aws("describe-task-definition", "--task-definition", "none", region=region, check=False)
    assert failed.returncode != 0 and "ClientException" in failed.stderr


def test_an_operation_that_is_not_there_yet_says_so(ecs):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ecs.list_daemons()
    assert "not implemented by this version of Berth yet" in str(error.value)
