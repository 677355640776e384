"""Processes killed at bad moments, with real containers: what was accepted comes to be, nothing runs twice, nothing is left over.

A Berth of its own serves these tests. One task with a restart policy runs through all of them, because its period is a minute.
"""

import collections
import json
import os
import pathlib
import signal
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import botocore.httpsession
import pytest
from conftest import (
    KEY, PROBE_PROGRAM, SECRET, Berth, connected, describe, docker, inspect, part, prober, register, remove_what_tasks_left, run,
    running, service, spawn, stopped, until)
from registry import Registry

UNAVAILABLE = (botocore.exceptions.EndpointConnectionError, botocore.exceptions.ConnectionClosedError,
               botocore.exceptions.ReadTimeoutError, botocore.exceptions.ClientError)


@pytest.fixture(scope="module")
def own(tmp_path_factory, probe):
    berth = Berth(tmp_path_factory.mktemp("faults"))
    berth.start()
    client = berth.client()
    until("the agent is connected", lambda: connected(client))
    instance = client.list_container_instances()["containerInstanceArns"][0]
    register(client, "restarted", prober("app", "exit", "5", "61", restartPolicy={"enabled": True, "restartAttemptPeriod": 60}))
    berth.restarted = running(client, run(client, "restarted"))
    try:
        yield berth
    finally:
        berth.end()
        remove_what_tasks_left(instance)


def containers_of(family):
    """Live containers of a family: id by task and container name."""
    found = collections.defaultdict(list)
    for line in docker("ps", "--no-trunc", "--filter", f"label=com.amazonaws.ecs.task-definition-family={family}", "--format",
                       '{{.ID}} {{.Label "com.amazonaws.ecs.task-arn"}} {{.Label "com.amazonaws.ecs.container-name"}}').splitlines():
        runtime_id, task, name = line.split()
        found[task, name].append(runtime_id)
    return found


def check_that_containers_are_tasks(client, name, count):
    """Exactly the tasks that the API tells run, each once."""
    def probe():
        arns = client.list_tasks(serviceName=name)["taskArns"]
        tasks = client.describe_tasks(tasks=arns)["tasks"] if arns else []
        found = containers_of(name)
        told = {(t["taskArn"], c["name"]): [c.get("runtimeId")] for t in tasks for c in t["containers"]}
        return len(tasks) == count and all(t["lastStatus"] == "RUNNING" for t in tasks) and dict(found) == told and found
    return until(f"the containers of {name} are its tasks", probe, 30)


def deploy(client, name, **how):
    """A second deployment that is under way: the first new task was started."""
    before = set(client.list_tasks(serviceName=name)["taskArns"])
    register(client, name, prober("app", "on", "TERM=0", environment=[{"name": "AT", "value": str(time.time())}]))
    client.update_service(service=name, taskDefinition=name, **how)
    until("it has begun", lambda: set(client.list_tasks(serviceName=name)["taskArns"]) - before)


def settled(client, name):
    def probe():
        try:
            found = service(client, name)
            return (len(found["deployments"]) == 1 and found["deployments"][0]["rolloutState"] == "COMPLETED"
                    and found["runningCount"] == found["desiredCount"])
        except UNAVAILABLE:
            return False
    until(f"{name} is steady", probe, 90)


@pytest.mark.parametrize("how, delay", [("SIGKILL", 0), ("SIGKILL", 0.2), ("SIGKILL", 0.7), ("SIGTERM", 0.2)])
def test_a_server_and_agent_ended_during_a_deployment_finish_it_after_their_restart(own, how, delay):
    client = own.client()
    register(client, "rolling", prober("app", "on", "TERM=0"))
    register(client, "lasting", prober("app", "on", "TERM=0"), prober("side", "on", "USR1=7", essential=False))
    register(client, "ending", prober("app", "on", "USR1=9"))
    lasting, ending = (running(client, run(client, family)) for family in ("lasting", "ending"))
    client.create_service(serviceName="rolling", taskDefinition="rolling", desiredCount=3)
    settled(client, "rolling")
    deploy(client, "rolling")
    time.sleep(delay)

    own.stop(signal.Signals[how])
    assert containers_of("lasting")[lasting["taskArn"], "app"] == [part(lasting)["runtimeId"]], "tasks go on"
    docker("kill", "-s", "USR1", part(lasting, "side")["runtimeId"])
    docker("kill", "-s", "USR1", part(ending)["runtimeId"])
    until("both have ended", lambda: not containers_of("ending") and len(containers_of("lasting")) == 1, 10)
    own.start()

    ended = stopped(client, ending["taskArn"])
    assert part(ended)["exitCode"] == 9 and ended["stopCode"] == "EssentialContainerExited"
    side = until("the side's end is told", lambda: (
        c := part(describe(client, lasting["taskArn"]), "side"))["lastStatus"] == "STOPPED" and c, 30)
    assert side["exitCode"] == 7
    still = describe(client, lasting["taskArn"])
    assert still["lastStatus"] == "RUNNING" and part(still)["runtimeId"] == part(lasting)["runtimeId"]
    settled(client, "rolling")
    check_that_containers_are_tasks(client, "rolling", 3)
    client.delete_service(service="rolling", force=True)
    client.stop_task(task=lasting["taskArn"])
    until("nothing is left over", lambda: not containers_of("rolling") and not containers_of("lasting"), 30)


def test_a_postgresql_killed_during_a_deployment_comes_back_and_the_deployment_finishes(own):
    client = own.client()
    register(client, "database", prober("app", "on", "TERM=0"))
    client.create_service(serviceName="database", taskDefinition="database", desiredCount=3)
    settled(client, "database")
    deploy(client, "database")
    killed = own.postgres()
    os.kill(killed, signal.SIGKILL)
    until("another PostgreSQL runs", lambda: own.postgres() not in (killed, None) and own.ready(), 60)
    settled(client, "database")
    check_that_containers_are_tasks(client, "database", 3)
    assert own.process.poll() is None, "the server lived through it"
    client.delete_service(service="database", force=True)
    until("nothing is left over", lambda: not containers_of("database"), 30)


# Server and agent apart.

class Apart:
    """A server without an agent, and an agent without a server."""

    flags = ["--no-agent", "--host-loss-after", "4s"]

    def __init__(self, folder):
        self.server = Berth(folder)
        self.folder = folder
        self.agent = None
        self.client = self.server.client()

    def start_agent(self):
        self.agent = spawn(self.folder / "agent.log", "agent", "--server", self.server.url, "--data-dir", str(self.folder / "agent"),
                           "--task-cleanup-wait", "1s")

    def kill_agent(self):
        if self.agent and self.agent.poll() is None:
            self.agent.kill()
            self.agent.wait()

    def is_connected(self, wanted):
        instances = self.client.describe_container_instances(
            containerInstances=self.client.list_container_instances()["containerInstanceArns"])["containerInstances"]
        return [i["agentConnected"] for i in instances] == [wanted]


@pytest.fixture(scope="module")
def apart(tmp_path_factory, probe):
    apart = Apart(tmp_path_factory.mktemp("apart"))
    try:
        apart.server.start(*apart.flags)
        apart.start_agent()
        until("the agent is connected", lambda: connected(apart.client))
        apart.instance = apart.client.list_container_instances()["containerInstanceArns"][0]
        yield apart
    finally:
        if apart.agent and apart.agent.poll() is None:
            apart.agent.terminate()
            apart.agent.wait(30)
        apart.server.end()
        if hasattr(apart, "instance"):
            remove_what_tasks_left(apart.instance)


def test_an_agent_that_is_killed_and_started_again_goes_on_with_its_tasks(apart):
    client = apart.client
    register(client, "kept", prober("app", "on", "USR1=9", "TERM=0"))
    stays, ends, ends_with_137 = (running(client, run(client, "kept")) for _ in range(3))
    apart.kill_agent()
    docker("kill", "-s", "USR1", part(ends)["runtimeId"])
    docker("kill", part(ends_with_137)["runtimeId"])
    apart.start_agent()
    assert part(stopped(client, ends["taskArn"]))["exitCode"] == 9
    assert part(stopped(client, ends_with_137["taskArn"]))["exitCode"] == 137
    until("the agent is back as the same host", lambda: apart.is_connected(True), 30)
    assert client.list_container_instances()["containerInstanceArns"] == [apart.instance]
    found = describe(client, stays["taskArn"])
    assert found["lastStatus"] == "RUNNING" and part(found)["runtimeId"] == part(stays)["runtimeId"]
    client.stop_task(task=stays["taskArn"])
    assert part(stopped(client, stays["taskArn"]))["exitCode"] == 0


def test_what_happens_while_an_agent_is_dead_is_made_up_for(apart):
    client = apart.client
    register(client, "meanwhile", prober("app", "on", "TERM=3"))
    removed, asked = (running(client, run(client, "meanwhile")) for _ in range(2))
    apart.kill_agent()
    docker("rm", "-f", part(removed)["runtimeId"])
    client.stop_task(task=asked["taskArn"], reason="meanwhile")
    accepted = run(client, "meanwhile") if apart.is_connected(True) else None
    apart.start_agent()
    gone = stopped(client, removed["taskArn"])
    assert part(gone)["reason"].startswith("ContainerVanishedError: ") and "exitCode" not in part(gone)
    ended = stopped(client, asked["taskArn"])
    assert part(ended)["exitCode"] == 3 and ended["stoppedReason"] == "meanwhile"
    if accepted:
        running(client, accepted)
        client.stop_task(task=accepted)
        stopped(client, accepted)


def test_an_agent_killed_during_a_pull_pulls_again(apart):
    client = apart.client
    with Registry().serving() as registry:
        registry.push("app", "1", PROBE_PROGRAM, unlike="any other, so that it takes a while")
        registry.delay = 1
        register(client, "pulling", prober("app", "exit", "0", image=f"{registry.host}/app:1"))
        arn = run(client, "pulling")
        until("it is being pulled", lambda: registry.pulls)
        apart.kill_agent()
        apart.start_agent()
        task = stopped(client, arn)
        assert part(task)["exitCode"] == 0 and part(task)["imageDigest"]


def test_a_server_that_is_away_for_long_finds_its_hosts_and_tasks_as_they_are(apart):
    client = apart.client
    register(client, "outage", prober("app", "on", "USR1=9", "TERM=0"))
    stays, ends = (running(client, run(client, "outage")) for _ in range(2))
    apart.server.stop(signal.SIGKILL)
    docker("kill", "-s", "USR1", part(ends)["runtimeId"])
    time.sleep(12)  # An agent that backs off has long pauses by now.
    apart.server.start(*apart.flags)
    assert part(stopped(client, ends["taskArn"]))["exitCode"] == 9
    until("the agent is back", lambda: apart.is_connected(True), 30)
    found = describe(client, stays["taskArn"])
    assert found["lastStatus"] == found["desiredStatus"] == "RUNNING" and part(found)["runtimeId"] == part(stays)["runtimeId"]
    client.stop_task(task=stays["taskArn"])
    assert part(stopped(client, stays["taskArn"]))["exitCode"] == 0


def test_s34_a_host_that_was_lost_finds_its_tasks_stopped_when_it_comes_back(apart):
    client = apart.client
    register(client, "lost", prober("app", "on", "TERM=0"))
    alone = running(client, run(client, "lost"))
    client.create_service(serviceName="lost", taskDefinition="lost", desiredCount=1)
    settled(client, "lost")
    old = describe(client, client.list_tasks(serviceName="lost")["taskArns"][0])
    apart.kill_agent()
    until("the host is told as disconnected", lambda: apart.is_connected(False), 30)
    for task in (alone, old):
        lost = stopped(client, task["taskArn"], 30)
        assert "exitCode" not in part(lost), "nobody saw it end"
    assert containers_of("lost"), "its containers run on unseen"
    apart.start_agent()
    until("its stale containers are stopped and the service has a new task", lambda: set(containers_of("lost")) == {
        (arn, "app") for arn in client.list_tasks(serviceName="lost")["taskArns"]}, 60)
    settled(client, "lost")
    assert old["taskArn"] not in client.list_tasks(serviceName="lost")["taskArns"]
    client.delete_service(service="lost", force=True)


def test_k10_what_a_stopped_task_had_is_removed_after_the_cleanup_wait(apart):
    client = apart.client
    register(client, "cleaned", prober("app", "exit", "0", mountPoints=[{"sourceVolume": "own", "containerPath": "/own"}]),
             volumes=[{"name": "own"}], cpu="128", memory="64")
    arn = run(client, "cleaned")
    assert part(stopped(client, arn))["exitCode"] == 0
    task_id = arn.rsplit("/", 1)[1]
    label = ["-q", "--filter", f"label=com.amazonaws.ecs.task-arn={arn}"]
    until("container and volume are gone", lambda: not docker("ps", "-a", *label) and not docker("volume", "ls", *label), 30)
    until("its cgroup is gone", lambda: not list(pathlib.Path("/sys/fs/cgroup").glob(f"*/*/{task_id}*")), 10)
    assert describe(client, arn)["lastStatus"] == "STOPPED", "the record stays"


def reset(berth):
    """POST /_berth/reset, signed; gives the status and the milliseconds."""
    request = botocore.awsrequest.AWSRequest("POST", f"{berth.url}/_berth/reset", data=b"")
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(KEY, SECRET), "ecs", "us-east-1").add_auth(request)
    session = botocore.httpsession.URLLib3Session()
    begun = time.monotonic()
    status = session.send(request.prepare()).status_code
    return status, (time.monotonic() - begun) * 1000


def test_a_reset_returns_when_everything_is_gone_and_its_containers_are_stopped(apart):
    client, other = apart.client, apart.server.client("eu-test-1")
    register(client, "gone", prober("app", "on", "TERM=ignore", stopTimeout=2))
    other.create_cluster(clusterName="elsewhere")
    client.create_service(serviceName="gone", taskDefinition="gone", desiredCount=2)
    settled(client, "gone")
    running(client, run(client, "gone"))
    assert len(containers_of("gone")) == 3
    status, milliseconds = reset(apart.server)
    assert status in (200, 204)
    assert not containers_of("gone"), "also those that ignore SIGTERM"
    print(f"\nreset with three containers: {milliseconds:.0f} ms")
    assert other.list_clusters()["clusterArns"] == [] and client.list_task_definitions()["taskDefinitionArns"] == []
    until("the agent is back", lambda: connected(client), 60)
    until("nothing runs", lambda: reset(apart.server)[0] in (200, 204), 10)
    print(f"reset where nothing runs: {reset(apart.server)[1]:.0f} ms")
    until("the agent is back", lambda: connected(client), 60)
    apart.instance = client.list_container_instances()["containerInstanceArns"][0]
    register(client, "after", prober("app", "exit", "0"))
    assert part(stopped(client, run(client, "after")))["exitCode"] == 0


def test_k05_a_restart_policy_restarts_an_essential_container_that_ran_for_its_period(own):
    client, task = own.client(), own.restarted
    runtime_id = part(task)["runtimeId"]
    until("it was started again in place", lambda: inspect(runtime_id)["State"]["StartedAt"] > task["startedAt"].strftime(
        "%Y-%m-%dT%H:%M:%S.%f") and inspect(runtime_id)["State"]["Running"] and restart_count(runtime_id) == 1, 75)
    found = describe(client, task["taskArn"])
    assert found["lastStatus"] == "RUNNING" and part(found)["runtimeId"] == runtime_id
    assert "exitCode" not in part(found)
    client.stop_task(task=task["taskArn"])
    docker("kill", runtime_id, check=False)
    assert stopped(client, task["taskArn"])["stopCode"] == "UserInitiated", "no restart while it is stopped"


def restart_count(runtime_id):
    environment = dict(pair.split("=", 1) for pair in inspect(runtime_id)["Config"]["Env"])
    reply = docker("exec", runtime_id, "/probe", "fetch", environment["ECS_CONTAINER_METADATA_URI_V4"], check=False)
    return json.loads(reply)["RestartCount"] if reply else None
