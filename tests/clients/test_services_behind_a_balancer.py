"""Services behind load balancers over real containers: no request is lost while tasks come and go (LB-01 to LB-04, T-43, D-11).

The sample program ends at once at SIGTERM, so that a request sent to a task that was told to stop is a request lost.
"""

import collections
import http.client
import os
import pathlib
import signal
import socket
import threading
import time

import pytest
from conftest import (
    Berth, connected, container, describe, docker, free_port, inspect, messages, part, register, remove_what_tasks_left, running, service,
    spawn, steady, stopped, until)

DELAY = 3
CLIENTS = 4
# Bounds of the load: requests of one client, and seconds.
MOST_REQUESTS, LONGEST = 5_000, 120


@pytest.fixture
def elb(berth, live):
    """Load balancers and target groups that are made here go again."""
    client = berth.client(service="elbv2")
    yield client
    for name in live.list_services()["serviceArns"]:
        live.delete_service(service=name, force=True)
    for balancer in client.describe_load_balancers()["LoadBalancers"]:
        client.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    for group in client.describe_target_groups()["TargetGroups"]:
        client.delete_target_group(TargetGroupArn=group["TargetGroupArn"])


class Front:
    """A listener that forwards to one target group."""

    def __init__(self, berth, elb, name):
        self.elb, self.port = elb, free_port()
        subnets = berth.client(service="ec2").describe_subnets()["Subnets"]
        balancer = elb.create_load_balancer(Name=name, Subnets=[s["SubnetId"] for s in subnets][:2])["LoadBalancers"][0]
        self.vpc = subnets[0]["VpcId"]
        self.group = self.group_of(name)
        self.listener = elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=self.port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}])["Listeners"][0]["ListenerArn"]
        self.address = until("a proxy listens", self.listening)

    def group_of(self, name):
        group = self.elb.create_target_group(
            Name=name, Protocol="HTTP", Port=80, VpcId=self.vpc, TargetType="instance", HealthCheckPath="/healthz",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, UnhealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]
        self.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[
            {"Key": "deregistration_delay.timeout_seconds", "Value": str(DELAY)}])
        return group

    def listening(self):
        """Each balancer has an address of its own in 127.0.64.0/20; nobody else has this port."""
        for number in range(1, 100):
            with socket.socket() as s:
                s.settimeout(0.5)
                if s.connect_ex((f"127.0.64.{number}", self.port)) == 0:
                    return f"127.0.64.{number}"
        return None

    def load_balancers(self):
        return [{"targetGroupArn": self.group, "containerName": "app", "containerPort": 8080}]

    def targets(self, state):
        health = self.elb.describe_target_health(TargetGroupArn=self.group)["TargetHealthDescriptions"]
        return [(t["Target"]["Id"], t["Target"]["Port"]) for t in health if t["TargetHealth"]["State"] == state]

    def create(self, ecs, name, count, **more):
        register(ecs, name, serving("one"))
        ecs.create_service(serviceName=name, taskDefinition=name, desiredCount=count, loadBalancers=self.load_balancers(), **more)
        return steady(ecs, name, 90)


class Load:
    """Clients that ask all the while, each over its own connections, half of them a new one for each request."""

    def __init__(self, front):
        self.front, self.over = front, threading.Event()
        self.answers, self.failures = collections.Counter(), []
        self.clients = [threading.Thread(target=self.ask, args=(number % 2 == 0,), daemon=True) for number in range(CLIENTS)]

    def ask(self, keeps):
        deadline, connection = time.monotonic() + LONGEST, None
        for _ in range(MOST_REQUESTS):
            if self.over.is_set() or time.monotonic() > deadline:
                break
            try:
                connection = connection or http.client.HTTPConnection(self.front.address, self.front.port, timeout=10)
                connection.request("GET", "/")
                reply = connection.getresponse()
                body = reply.read().decode()
                self.answers[body.split("!")[0]] += 1
                if reply.status != 200:
                    self.failures.append((time.time(), reply.status, body[:80]))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append((time.time(), None, repr(error)))
                connection = None
            if not keeps and connection:
                connection.close()
                connection = None
            time.sleep(0.01)

    def goes_on(self):
        before = sum(self.answers.values())
        until("more requests are answered", lambda: sum(self.answers.values()) > before + 100)

    def __enter__(self):
        for client in self.clients:
            client.start()
        until("requests are answered", lambda: sum(self.answers.values()) > 50)
        return self

    def __exit__(self, *_):
        self.over.set()
        for client in self.clients:
            client.join()


def serving(greeting):
    return container(portMappings=[{"containerPort": 8080}], environment=[{"name": "GREETING", "value": greeting}])


def tasks_of(ecs, name):
    arns = ecs.list_tasks(serviceName=name)["taskArns"]
    return ecs.describe_tasks(tasks=arns)["tasks"] if arns else []


@pytest.fixture
def front(berth, elb):
    return lambda name: Front(berth, elb, name)


def test_lb01_tasks_are_targets_by_instance_and_host_port_and_answer(live, front):
    entry = front("answers")
    entry.create(live, "answers", 2)
    tasks = tasks_of(live, "answers")
    hosts = live.describe_container_instances(containerInstances=[t["containerInstanceArn"] for t in tasks])["containerInstances"]
    names = {h["containerInstanceArn"]: h.get("ec2InstanceId") or "i-" + h["containerInstanceArn"].rsplit("/", 1)[1][:17] for h in hosts}
    expected = {(names[t["containerInstanceArn"]], part(t)["networkBindings"][0]["hostPort"]) for t in tasks}
    assert set(entry.targets("healthy")) == expected
    with Load(entry) as load:
        pass
    assert load.failures == [] and set(load.answers) == {"one"}


def test_d11_a_rolling_update_loses_no_request(live, front):
    entry = front("rolling")
    entry.create(live, "rolling", 2)
    old = [t["taskArn"] for t in tasks_of(live, "rolling")]
    register(live, "rolling", serving("two"))
    with Load(entry) as load:
        live.update_service(service="rolling", taskDefinition="rolling")
        drained = until("an old task drains", lambda: [t for t in live.describe_tasks(tasks=old)["tasks"]
                                                       if t["lastStatus"] == "DEACTIVATING"])
        assert inspect(part(drained[0])["runtimeId"])["State"]["Running"], "T-43: nobody has told its container yet"
        steady(live, "rolling", 90)
    assert load.failures == []
    assert set(load.answers) == {"one", "two"}
    with Load(entry) as load:
        pass
    assert set(load.answers) == {"two"} and load.failures == []
    told = [m.split(") ", 1)[-1] if "taskSet" not in m else m for m in reversed(messages(live, "rolling"))]
    draining = next(i for i, m in enumerate(told) if "has begun draining connections on" in m)
    assert told[draining + 1].startswith("deregistered ") and told[draining + 2].startswith("has stopped ")
    assert any(m.startswith("registered ") for m in told[:draining])


def test_t43_scaling_in_loses_no_request_and_takes_the_whole_delay(live, front):
    entry = front("shrinking")
    entry.create(live, "shrinking", 3)
    with Load(entry) as load:
        live.update_service(service="shrinking", desiredCount=1)
        leaving = until("two drain", lambda: [t for t in live.describe_tasks(
            tasks=[a for s in ("RUNNING", "STOPPED") for a in live.list_tasks(serviceName="shrinking", desiredStatus=s)["taskArns"]])["tasks"]
            if t["lastStatus"] == "DEACTIVATING"])
        assert service(live, "shrinking")["runningCount"] <= 2, "S-22"
        for task in leaving:
            ended = stopped(live, task["taskArn"])
            assert (ended["stoppedAt"] - ended["stoppingAt"]).total_seconds() >= DELAY
        steady(live, "shrinking")
    assert load.failures == []


def test_t43_a_task_that_is_stopped_by_hand_drains_first(live, front):
    entry = front("byhand")
    entry.create(live, "byhand", 2)
    with Load(entry) as load:
        task = tasks_of(live, "byhand")[0]
        live.stop_task(task=task["taskArn"])
        assert describe(live, task["taskArn"])["lastStatus"] == "DEACTIVATING"
        assert len(entry.targets("draining")) == 1
        ended = stopped(live, task["taskArn"])
        assert (ended["stoppedAt"] - ended["stoppingAt"]).total_seconds() >= DELAY
        steady(live, "byhand")
    assert load.failures == []


def test_lb02_a_crash_costs_at_most_the_requests_on_their_way(live, front):
    entry = front("crashing")
    entry.create(live, "crashing", 2)
    with Load(entry) as load:
        task = tasks_of(live, "crashing")[0]
        docker("kill", part(task)["runtimeId"])
        stopped(live, task["taskArn"])
        until("it is deregistered", lambda: len(entry.targets("draining")) == 1)
        before = sum(load.answers.values())
        steady(live, "crashing")
        assert sum(load.answers.values()) > before
    # A request that had reached the program, and one that met the closed port before the target was taken out.
    assert len(load.failures) <= 2 * CLIENTS, load.failures
    assert len(entry.targets("healthy")) == 2


def test_s30_a_task_that_fails_its_checks_is_replaced_without_a_lost_request(live, front):
    entry = front("sick")
    register(live, "sick", container(portMappings=[{"containerPort": 8080}]))
    entry.create(live, "sick", 2)
    task = tasks_of(live, "sick")[0]
    with Load(entry) as load:
        docker("pause", part(task)["runtimeId"])
        try:
            until("its target is unhealthy", lambda: entry.targets("unhealthy"), 60)
            until("another is healthy", lambda: len(entry.targets("healthy")) == 2, 60)
            until("it is given up", lambda: describe(live, task["taskArn"])["desiredStatus"] == "STOPPED", 60)
        finally:
            docker("unpause", part(task)["runtimeId"], check=False)
        assert stopped(live, task["taskArn"])["stoppedReason"] == f"Task failed ELB health checks in (target-group {entry.group})"
        steady(live, "sick")
    assert any("is unhealthy in (target-group" in m for m in messages(live, "sick")), "S-33"
    assert running(live, tasks_of(live, "sick")[0]["taskArn"])
    # What a frozen program had taken is not answered; nothing else is lost.
    assert len(load.failures) <= 4 * CLIENTS, load.failures


def hooks_of(live, rollout):
    return live.describe_service_deployments(serviceDeploymentArns=[rollout])["serviceDeployments"][0]["lifecycleHookDetails"]


def test_bg07_bg21_a_blue_green_deployment_that_pauses_loses_no_request(live, elb, front):
    entry = front("bluegreen")
    green = entry.group_of("bluegreen-other")
    rule = elb.describe_rules(ListenerArn=entry.listener)["Rules"][0]["RuleArn"]
    forward = {"TargetGroups": [{"TargetGroupArn": entry.group, "Weight": 1}, {"TargetGroupArn": green, "Weight": 0}]}
    elb.modify_listener(ListenerArn=entry.listener, DefaultActions=[{"Type": "forward", "ForwardConfig": forward}])
    behind = entry.load_balancers()
    behind[0]["advancedConfiguration"] = {
        "alternateTargetGroupArn": green, "productionListenerRule": rule, "roleArn": "arn:aws:iam::000000000000:role/shift"}
    register(live, "bluegreen", serving("one"))
    live.create_service(serviceName="bluegreen", taskDefinition="bluegreen", desiredCount=2, loadBalancers=behind,
                        deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0})
    steady(live, "bluegreen", 90)
    register(live, "bluegreen", serving("two"))
    pauses = [{"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"], "timeoutConfiguration": {"timeoutInMinutes": 5}}]
    with Load(entry) as load:
        configuration = live.update_service(
            service="bluegreen", taskDefinition="bluegreen", deploymentConfiguration={"lifecycleHooks": pauses},
        )["service"]["deploymentConfiguration"]
        assert configuration["lifecycleHooks"] == pauses
        rollout = live.list_service_deployments(service="bluegreen")["serviceDeployments"][0]["serviceDeploymentArn"]
        hook = until("the deployment waits for its hook", lambda: hooks_of(live, rollout), 60)[0]
        assert hook["status"] == "AWAITING_ACTION" and set(load.answers) == {"one"}
        live.continue_service_deployment(serviceDeploymentArn=rollout, hookId=hook["hookId"])
        steady(live, "bluegreen", 90)
    assert [h["status"] for h in hooks_of(live, rollout)] == ["SUCCEEDED"]
    assert load.failures == [] and set(load.answers) == {"one", "two"}
    shown = elb.describe_rules(ListenerArn=entry.listener)["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"]
    assert {t["TargetGroupArn"]: t["Weight"] for t in shown} == {entry.group: 0, green: 100}
    rollouts = live.list_service_deployments(service="bluegreen")["serviceDeployments"]
    assert [r["status"] for r in rollouts] == ["SUCCESSFUL", "SUCCESSFUL"]


def test_a_service_that_sleeps_answers_the_requests_that_wake_it(live, front):
    entry = front("sleepy")
    arn = entry.create(live, "sleepy", 1)["serviceArn"]
    live.tag_resource(resourceArn=arn, tags=[{"key": "berth:scale-to-zero-after", "value": "10"}])
    until("it sleeps", lambda: (s := service(live, "sleepy"))["desiredCount"] == 0 and not tasks_of(live, "sleepy") and s, 60)
    until("its target is gone", lambda: not entry.targets("draining"))
    with Load(entry) as load:
        pass
    assert load.failures == [] and set(load.answers) == {"one"}
    assert service(live, "sleepy")["desiredCount"] == 1
    assert any("wakes up for a request" in m for m in messages(live, "sleepy"))


@pytest.fixture(scope="module")
def apart(tmp_path_factory, image):
    """A server, an agent and a proxy, each a process of its own."""
    folder = tmp_path_factory.mktemp("apart")
    server = Berth(folder)
    server.start("--no-agent", "--no-proxy")
    agent = spawn(folder / "agent.log", "agent", "--server", server.url, "--data-dir", str(folder / "agent"),
                  "--metadata-address", f"127.0.0.1:{free_port()}")
    server.proxies = []
    server.begin_proxy = lambda: server.proxies.append(
        spawn(folder / "proxy.log", "proxy", "--server", server.url, "--data-dir", str(folder / "proxy")))
    server.begin_proxy()
    ecs = server.client()
    until("the agent is connected", lambda: connected(ecs))
    instance = ecs.list_container_instances()["containerInstanceArns"][0]
    try:
        yield server
    finally:
        for process in (agent, *server.proxies):
            process.terminate()
            process.wait(60)
        server.end()
        remove_what_tasks_left(instance)


def ended_and_started_again(server, load):
    server.stop(signal.SIGKILL)
    load.goes_on()
    server.start("--no-agent", "--no-proxy")


@pytest.mark.parametrize("moment", ["begun", "draining"])
def test_a_server_killed_during_a_rolling_update_loses_no_request(apart, moment):
    ecs, elb = apart.client(), apart.client(service="elbv2")
    name = f"killed-{moment}"
    entry = Front(apart, elb, name)
    entry.create(ecs, name, 2)
    old = [t["taskArn"] for t in tasks_of(ecs, name)]
    register(ecs, name, serving("two"))
    with Load(entry) as load:
        ecs.update_service(service=name, taskDefinition=name)
        if moment == "draining":
            until("an old task drains", lambda: any(t["lastStatus"] == "DEACTIVATING" for t in ecs.describe_tasks(tasks=old)["tasks"]))
        ended_and_started_again(apart, load)
        steady(ecs, name, 90)
        for task in old:
            assert stopped(ecs, task)["stopCode"] == "ServiceSchedulerInitiated"
        ecs.update_service(service=name, desiredCount=1)
        until("one drains", lambda: entry.targets("draining"))
        steady(ecs, name, 90)
    assert load.failures == [] and set(load.answers) == {"one", "two"}


def test_a_proxy_that_is_upgraded_and_a_database_that_is_killed_lose_no_request(apart):
    ecs, elb = apart.client(), apart.client(service="elbv2")
    entry = Front(apart, elb, "upgraded")
    entry.create(ecs, "upgraded", 2)
    with Load(entry) as load:
        apart.begin_proxy()
        until("the first proxy has handed over and ended", lambda: apart.proxies[0].poll() is not None)
        load.goes_on()
        killed = apart.postgres()
        os.kill(killed, signal.SIGKILL)
        until("another PostgreSQL runs", lambda: apart.postgres() not in (killed, None) and apart.ready(), 60)
        load.goes_on()
        until("the API answers", lambda: len(entry.targets("healthy")) == 2)
    assert load.failures == [] and apart.proxies[1].poll() is None


def test_a_proxy_takes_as_many_open_files_as_the_system_allows(tmp_path):
    proxy = spawn(tmp_path / "log", "proxy", "--server", "http://127.0.0.1:1", "--data-dir", str(tmp_path / "proxy"),
                  before=("prlimit", "--nofile=256:2048"))
    try:
        limits = pathlib.Path(f"/proc/{proxy.pid}/limits")
        until("it has raised its own limit", lambda: ["Max", "open", "files", "2048"] in [
            line.split()[:4] for line in limits.read_text().splitlines()])
    finally:
        proxy.terminate()
        proxy.wait(30)
