"""Two hosts on one machine: a network namespace each, with a Docker Engine and an agent of its own, and one server for both."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest
from conftest import (
    PROBE, Berth, describe, docker, part, prober, register, running, spawn, steady,
    stopped, until)

HOST_LOSS_AFTER = 4
NUMBER = os.getpid() % 200
SUBNET = f"10.{200 + NUMBER % 50}.{NUMBER}"
BRIDGE = f"berth{NUMBER}"
BOTH_ZONES = [{"type": "spread", "field": "attribute:ecs.availability-zone"}]


def ip(*words, check=True):
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=check)


class Host:
    """A network namespace with a Docker Engine and an agent."""

    def __init__(self, folder, number, server):
        self.name, self.zone = f"{BRIDGE}-{number}", f"zone-{number}"
        self.number, self.folder, self.server = number, folder / str(number), server
        self.folder.mkdir()
        self.socket = f"unix://{self.folder}/docker.sock"
        self.inside = ["nsenter", f"--net=/run/netns/{self.name}"]
        self.agent = self.engine = self.arn = None

    def make_network(self):
        ip("netns", "add", self.name)
        here, there = f"{BRIDGE}h{self.number}", f"{BRIDGE}n{self.number}"
        ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", self.name)
        ip("link", "set", here, "master", BRIDGE, "up")
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("-n", self.name, "addr", "add", f"{SUBNET}.{10 + self.number}/24", "dev", there)
        ip("-n", self.name, "link", "set", there, "up")

    def start_engine(self):
        with open(self.folder / "dockerd.log", "ab") as log:
            self.engine = subprocess.Popen(
                [*self.inside, "dockerd", "-H", self.socket, "--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec",
                 "--pidfile", f"{self.folder}/dockerd.pid", "--bip", f"172.{28 + self.number}.77.1/24"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

        def ready():
            assert self.engine.poll() is None, (self.folder / "dockerd.log").read_text()[-2000:]
            return docker("-H", self.socket, "version", "-f", "{{.Server.Version}}", check=False)
        until("dockerd answers", ready, 60)

    def start_agent(self):
        self.agent = spawn(self.folder / "agent.log", "agent", "--server", self.server.url, "--data-dir", f"{self.folder}/agent",
                           "--docker-host", self.socket, "--availability-zone", self.zone, before=self.inside)

    def containers(self, family):
        return docker("-H", self.socket, "ps", "-q", "--no-trunc", "--filter",
                      f"label=com.amazonaws.ecs.task-definition-family={family}").split()

    def kill_agent(self):
        self.agent.kill()
        self.agent.wait()

    def kill_engine(self):
        """Without a goodbye to its containers; with its containerd, which a new engine would wait for in vain."""
        self.engine.kill()
        self.engine.wait()
        for process in processes_of(self.folder, "containerd"):
            end(process)
        until("its containerd is gone", lambda: not list(processes_of(self.folder, "containerd")), 10)
        # Where nobody reaps it, its process id still looks alive.
        (self.folder / "exec/containerd/containerd.pid").unlink(missing_ok=True)

    def remove(self):
        """Takes everything away again, whatever state it is in."""
        if self.agent and self.agent.poll() is None:
            self.kill_agent()
        if self.engine:
            with contextlib.suppress(Exception):
                if self.engine.poll() is not None:
                    self.start_engine()
                if left := docker("-H", self.socket, "ps", "-aq").split():
                    docker("-H", self.socket, "rm", "-fv", *left)
            self.engine.terminate()
            try:
                self.engine.wait(20)
            except subprocess.TimeoutExpired:
                self.kill_engine()
        for process in processes_of(self.folder):
            end(process)
        for line in reversed(pathlib.Path("/proc/mounts").read_text().splitlines()):
            if line.split()[1].startswith(str(self.folder)):
                subprocess.run(["umount", "-l", line.split()[1]], capture_output=True)
        ip("netns", "del", self.name, check=False)
        ip("link", "del", f"{BRIDGE}h{self.number}", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def processes_of(folder, program=""):
    """What an engine left: its containerd and shims name the folder."""
    for process in pathlib.Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_text().split("\0")
                if any(str(folder) in word for word in words) and words[0].endswith(program):
                    yield int(process.name)


def end(process):
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory, probe):
    """Server, client, and two hosts that are connected."""
    tried = ip("link", "add", BRIDGE, "type", "bridge", check=False)
    if tried.returncode:
        pytest.skip(f"no network namespaces here: {tried.stderr.strip()}")
    folder = tmp_path_factory.mktemp("two")
    server, made = None, []
    try:
        ip("addr", "add", f"{SUBNET}.1/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        server = Berth(folder, f"{SUBNET}.1")
        made = [Host(folder, number, server) for number in (1, 2)]
        for host in made:
            try:
                host.make_network()
            except subprocess.CalledProcessError as error:
                pytest.skip(f"no network namespaces here: {error.stderr.strip()}")
        server.start("--no-agent", "--host-loss-after", f"{HOST_LOSS_AFTER}s")
        client = server.client()
        for host in made:
            host.start_engine()
            image = subprocess.Popen(["docker", "save", PROBE], stdout=subprocess.PIPE)
            subprocess.run(["docker", "-H", host.socket, "load"], stdin=image.stdout, check=True, capture_output=True)
            image.wait()
            host.start_agent()
        for host in made:
            host.arn = until(f"{host.zone} is there", lambda: instance_in(client, host.zone))
        yield server, client, *made
    finally:
        for host in made:
            host.remove()
        if server:
            server.end()
        ip("link", "del", BRIDGE, check=False)


def instance_in(client, zone):
    try:
        arns = client.list_container_instances(filter=f"attribute:ecs.availability-zone == {zone}")["containerInstanceArns"]
    except client.exceptions.ClusterNotFoundException:
        return None
    return arns[0] if arns and is_connected(client, arns[0]) else None


def is_connected(client, arn):
    return client.describe_container_instances(containerInstances=[arn])["containerInstances"][0]["agentConnected"]


@pytest.fixture
def spread(hosts):
    """A service of four tasks, two on each host."""
    server, client, one, two = hosts
    register(client, "spread", prober("app", "on", "TERM=0"))
    client.create_service(serviceName="spread", taskDefinition="spread", desiredCount=4, placementStrategy=BOTH_ZONES)
    steady(client, "spread")
    assert where(client) == {one.arn: 2, two.arn: 2}
    yield
    client.delete_service(service="spread", force=True)
    client.get_waiter("services_inactive").wait(services=["spread"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    until("nothing is left over", lambda: not one.containers("spread") and not two.containers("spread"), 30)


def where(client):
    """How many tasks of the service run on each host."""
    arns = client.list_tasks(serviceName="spread")["taskArns"]
    found = {}
    for task in client.describe_tasks(tasks=arns)["tasks"] if arns else []:
        if task["lastStatus"] == "RUNNING":
            found[task["containerInstanceArn"]] = found.get(task["containerInstanceArn"], 0) + 1
    return found


def test_p03_tasks_are_spread_over_zones(hosts, spread):
    _, client, one, two = hosts
    assert len(one.containers("spread")) == len(two.containers("spread")) == 2
    for host in (one, two):
        attributes = client.describe_container_instances(containerInstances=[host.arn])["containerInstances"][0]["attributes"]
        assert {"name": "ecs.availability-zone", "value": host.zone} in attributes


def test_dr01_draining_a_host_moves_its_service_tasks_and_leaves_standalone_ones(hosts, spread):
    _, client, one, two = hosts
    register(client, "alone", prober("app", "on", "TERM=0"))
    alone = client.start_task(taskDefinition="alone", containerInstances=[one.arn])["tasks"][0]["taskArn"]
    running(client, alone)
    client.update_container_instances_state(containerInstances=[one.arn], status="DRAINING")
    until("all service tasks are on the other host", lambda: where(client) == {two.arn: 4})
    until("their containers are gone", lambda: one.containers("spread") == [])
    assert describe(client, alone)["lastStatus"] == "RUNNING"
    assert one.containers("alone") == [part(describe(client, alone))["runtimeId"]]
    assert not client.run_task(taskDefinition="alone", placementConstraints=[
        {"type": "memberOf", "expression": f"attribute:ecs.availability-zone == {one.zone}"}])["tasks"]
    client.update_container_instances_state(containerInstances=[one.arn], status="ACTIVE")
    client.stop_task(task=alone)
    stopped(client, alone)


def test_s34_a_host_whose_agent_and_engine_die_is_replaced_and_cleaned_up_when_it_comes_back(hosts, spread):
    _, client, one, two = hosts
    register(client, "standalone", prober("app", "on", "TERM=0"))
    standalone = client.start_task(taskDefinition="standalone", containerInstances=[two.arn])["tasks"][0]["taskArn"]
    running(client, standalone)
    lost = [t["taskArn"] for t in client.describe_tasks(tasks=client.list_tasks(serviceName="spread")["taskArns"])["tasks"]
            if t["containerInstanceArn"] == two.arn]
    begun = time.monotonic()
    two.kill_agent()
    two.kill_engine()
    until("all tasks run on the other host", lambda: where(client) == {one.arn: 4}, HOST_LOSS_AFTER + 30)
    print(f"\nhost killed to replacement RUNNING: {time.monotonic() - begun:.1f} s with host_loss_after {HOST_LOSS_AFTER} s")
    for task in client.describe_tasks(tasks=[*lost, standalone])["tasks"]:
        assert (task["lastStatus"], task["desiredStatus"]) == ("STOPPED", "STOPPED") and task["stoppedReason"], "R-13"
    assert not is_connected(client, two.arn)
    steady(client, "spread")
    two.start_engine()
    two.start_agent()
    until("it is back as the same host", lambda: instance_in(client, two.zone) == two.arn, 60)
    until("its stale containers are stopped", lambda: not two.containers("spread") and not two.containers("standalone"), 30)
    resources = client.describe_container_instances(containerInstances=[two.arn])["containerInstances"][0]
    assert resources["runningTasksCount"] == resources["pendingTasksCount"] == 0
    client.update_service(service="spread", forceNewDeployment=True)
    steady(client, "spread")
    assert where(client).get(two.arn), "it takes tasks again"


def test_s34_an_agent_that_was_away_too_long_stops_what_was_replaced(hosts, spread):
    _, client, one, two = hosts
    stale = two.containers("spread")
    assert len(stale) == 2
    two.kill_agent()
    until("all tasks run on the other host", lambda: where(client) == {one.arn: 4}, HOST_LOSS_AFTER + 30)
    assert two.containers("spread") == stale, "nobody is there to stop them"
    two.start_agent()
    until("the stale containers are stopped", lambda: two.containers("spread") == [], 60)
    assert where(client) == {one.arn: 4}


def test_an_engine_that_dies_and_comes_back_loses_its_containers_and_nothing_else(hosts, spread):
    _, client, one, two = hosts
    register(client, "engine", prober("app", "on", "TERM=0"))
    alone = client.start_task(taskDefinition="engine", containerInstances=[two.arn])["tasks"][0]["taskArn"]
    running(client, alone)
    before = {t["taskArn"] for t in client.describe_tasks(tasks=client.list_tasks(serviceName="spread")["taskArns"])["tasks"]
              if t["containerInstanceArn"] == one.arn}
    two.kill_engine()
    two.start_engine()
    ended = stopped(client, alone, 90)
    assert ended["stopCode"] == "EssentialContainerExited" and "exitCode" in part(ended)
    steady(client, "spread", 90)
    until("four tasks run", lambda: sum(where(client).values()) == 4)
    assert before <= set(client.list_tasks(serviceName="spread")["taskArns"]), "the other host's tasks are left alone"
    ids = {part(t)["runtimeId"] for t in client.describe_tasks(tasks=client.list_tasks(serviceName="spread")["taskArns"])["tasks"]}
    assert ids == {*one.containers("spread"), *two.containers("spread")}
    again = client.start_task(taskDefinition="engine", containerInstances=[two.arn])["tasks"][0]["taskArn"]
    running(client, again)
    client.stop_task(task=again)
    stopped(client, again)


def test_i08_a_host_that_is_deregistered_by_force_loses_its_tasks_to_the_other(hosts, spread):
    _, client, one, two = hosts
    tasks = client.describe_tasks(tasks=client.list_tasks(serviceName="spread")["taskArns"])["tasks"]
    orphans = [task for task in tasks if task["containerInstanceArn"] == two.arn]
    gone = client.deregister_container_instance(containerInstance=two.arn, force=True)["containerInstance"]
    assert gone["status"] == "INACTIVE"
    until("all tasks run on the other host", lambda: where(client) == {one.arn: 4})
    assert client.list_container_instances()["containerInstanceArns"] == [one.arn]
    for task in client.describe_tasks(tasks=[t["taskArn"] for t in orphans])["tasks"]:
        assert task["lastStatus"] == "STOPPED"
        assert task["stoppedReason"] == "Container instance deregistration forced by user"
    two.kill_agent()
    if left := docker("-H", two.socket, "ps", "-q").split():
        docker("-H", two.socket, "rm", "-fv", *left)
