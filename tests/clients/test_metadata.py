"""The metadata endpoint, asked from inside containers at its well-known address (EP-02)."""

import json

import pytest
from conftest import look, part, prober, register, run, running, until


def variables(task, name="app"):
    return dict(pair.split("=", 1) for pair in look(task, "file", "/proc/1/environ", name=name).split("\0") if "=" in pair)


def ask(task, path="", name="app", version="_V4"):
    base = variables(task, name)[f"ECS_CONTAINER_METADATA_URI{version}"]
    return json.loads(look(task, "fetch", base + path, name=name))


@pytest.fixture
def task(live):
    """A task of two containers with tags and limits."""
    register(live, "meta", prober("app", "serve", cpu=64, portMappings=[{"containerPort": 8080}], dockerLabels={"team": "web"},
                                  restartPolicy={"enabled": True}, logConfiguration={
                                      "logDriver": "json-file", "options": {"max-size": "1m"}}),
             prober("side", essential=False), cpu="256", memory="128")
    return running(live, run(live, "meta", tags=[{"key": "stage", "value": "test"}]))


def test_ep02_the_container_is_told_about_itself(task):
    assert variables(task)["ECS_CONTAINER_METADATA_URI_V4"].startswith("http://169.254.170.2/v4/")
    found = ask(task)
    own = part(task)
    assert (found["DockerId"], found["Name"], found["Image"]) == (own["runtimeId"], "app", own["image"])
    assert found["ContainerARN"] == own["containerArn"]
    assert (found["DesiredStatus"], found["KnownStatus"], found["Type"]) == ("RUNNING", "RUNNING", "NORMAL")
    assert found["Limits"] == {"CPU": 64, "Memory": 32}
    assert found["Labels"]["team"] == "web" and found["Labels"]["com.amazonaws.ecs.task-arn"] == task["taskArn"]
    assert found["Ports"][0]["ContainerPort"] == 8080
    assert found["Ports"][0]["HostPort"] == own["networkBindings"][0]["hostPort"]
    mode = {"mode": "non-blocking", "max-buffer-size": "10m"}
    assert (found["LogDriver"], found["LogOptions"]) == ("json-file", {"max-size": "1m", **mode}), "TD-38"
    assert found["RestartCount"] == 0, "K-05"
    assert found["Networks"][0]["NetworkMode"] == "bridge" and found["Networks"][0]["IPv4Addresses"]
    assert found["CreatedAt"] <= found["StartedAt"] and "ExitCode" not in found
    assert found["ImageID"].startswith("sha256:")


def test_ep02_the_task_is_told_with_its_containers_and_tags(task):
    found = ask(task, "/task")
    assert found["TaskARN"] == task["taskArn"] and found["Cluster"] == task["clusterArn"]
    assert (found["Family"], found["Revision"]) == ("meta", task["taskDefinitionArn"].rsplit(":", 1)[1])
    assert found["Limits"] == {"CPU": 0.25, "Memory": 128}
    assert {c["Name"] for c in found["Containers"]} == {"app", "side"}
    assert (found["DesiredStatus"], found["KnownStatus"], found["LaunchType"]) == ("RUNNING", "RUNNING", "EC2")
    assert found["AvailabilityZone"] == "us-east-1a" and "TaskTags" not in found
    assert ask(task, "/taskWithTags")["TaskTags"] == {"stage": "test"}


def test_ep02_statistics_are_dockers(task):
    assert ask(task, "/stats")["memory_stats"]["usage"] > 0
    both = ask(task, "/task/stats")
    assert set(both) == {c["runtimeId"] for c in task["containers"]}
    assert "cpu_stats" in both[part(task)["runtimeId"]]


def test_ep02_version_3_is_still_there(task):
    assert ask(task, version="")["DockerId"] == part(task)["runtimeId"]


def test_ep02_an_unknown_id_is_not_found(task):
    with pytest.raises(AssertionError, match="404"):
        look(task, "fetch", "http://169.254.170.2/v4/unknown")


def test_ep02_the_endpoint_answers_in_host_mode_too(live):
    register(live, "hostmeta", prober("app"), networkMode="host")
    task = running(live, run(live, "hostmeta"))
    assert ask(task)["Networks"][0]["NetworkMode"] == "host"


def test_ep02_a_service_and_an_ended_container_are_told(live):
    register(live, "svcmeta", prober("app"), prober("side", "exit", "3", essential=False))
    live.create_service(serviceName="svcmeta", taskDefinition="svcmeta", desiredCount=1)
    arn = until("a task", lambda: live.list_tasks(serviceName="svcmeta")["taskArns"])[0]
    task = running(live, arn)
    side = until("the side is STOPPED", lambda: next(
        (c for c in ask(task, "/task")["Containers"] if c["Name"] == "side" and c["KnownStatus"] == "STOPPED"), None), 10)
    assert side["ExitCode"] == 3 and side["StartedAt"] <= side["FinishedAt"]
    assert ask(task, "/task")["ServiceName"] == "svcmeta"


def test_ep01_without_a_role_no_credentials_are_named(task):
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in variables(task)
    assert variables(task)["AWS_REGION"] == "us-east-1"
