"""Images from a registry: digests, pull times, passwords, and what is told when there is none."""

import base64
import json

import pytest
from conftest import (
    PROBE, PROBE_PROGRAM, Berth, connected, docker, part, prober, register, remove_what_tasks_left, run, running, steady, stopped,
    until)
from registry import Registry


@pytest.fixture
def registry(probe):
    with Registry().serving() as registry:
        yield registry


def test_k11_a_pulled_image_has_a_digest_and_pull_times(live, registry):
    digest = registry.push("team/app", "1", PROBE_PROGRAM)
    image = f"{registry.host}/team/app:1"
    register(live, "pulled", prober(image=image))
    task = running(live, run(live, "pulled"))
    assert (part(task)["image"], part(task)["imageDigest"]) == (image, digest)
    assert task["createdAt"] <= task["pullStartedAt"] <= task["pullStoppedAt"] <= task["startedAt"], "T-03"


def test_k11_an_image_made_on_the_host_has_no_digest(live):
    register(live, "local", prober())
    assert "imageDigest" not in part(running(live, run(live, "local")))


def test_k09_a_tag_that_moved_is_pulled_again_and_a_digest_is_kept(live, registry):
    first = registry.push("app", "1", PROBE_PROGRAM)
    register(live, "moves", prober(image=f"{registry.host}/app:1"))
    register(live, "pinned", prober(image=f"{registry.host}/app@{first}"))
    assert part(running(live, run(live, "moves")))["imageDigest"] == first
    second = registry.push("app", "1", PROBE_PROGRAM, version="2")
    assert part(running(live, run(live, "moves")))["imageDigest"] == second
    assert part(running(live, run(live, "pinned")))["imageDigest"] == first


def test_k09_the_image_on_the_host_is_used_when_the_registry_fails(live, registry):
    digest = registry.push("app", "1", PROBE_PROGRAM)
    register(live, "falls-back", prober(image=f"{registry.host}/app:1"))
    running(live, run(live, "falls-back"))
    registry.broken = True
    assert part(running(live, run(live, "falls-back")))["imageDigest"] == digest


@pytest.mark.parametrize("how, words", [
    ("tag", ["manifest", "unknown"]), ("broken", ["closed for today", "503"]), ("nobody", ["connection refused"])])
def test_t31_a_failed_pull_says_why_and_leaves_no_exit_code(live, registry, how, words):
    registry.push("app", "1", PROBE_PROGRAM)
    registry.broken = how == "broken"
    host = "127.0.0.1:9" if how == "nobody" else registry.host
    register(live, "fails", prober(image=f"{host}/app:{'1' if how == 'broken' else 'none'}"), prober("side", image=PROBE))
    task = stopped(live, run(live, "fails"))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError: "), task["stoppedReason"]
    assert part(task)["reason"] == task["stoppedReason"]
    assert any(word in task["stoppedReason"].lower() for word in words), task["stoppedReason"]
    assert "exitCode" not in part(task), "T-33"
    assert "startedAt" not in task and "imageDigest" not in part(task)


def test_t31_a_registry_that_wants_a_password_is_named(live, probe):
    with Registry("me", "secret").serving() as registry:
        registry.push("app", "1", PROBE_PROGRAM)
        register(live, "private", prober(image=f"{registry.host}/app:1"))
        task = stopped(live, run(live, "private"))
    assert task["stoppedReason"].startswith("CannotPullContainerError: ")
    assert "no basic auth credentials" in task["stoppedReason"] or "unauthorized" in task["stoppedReason"].lower()


def test_d30_a_services_tasks_run_what_the_tag_meant_for_the_first_one(live, registry):
    def digests(count):
        def probe():
            arns = live.list_tasks(serviceName="pinned")["taskArns"]
            tasks = live.describe_tasks(tasks=arns)["tasks"] if arns else []
            return tasks if [task["lastStatus"] for task in tasks] == ["RUNNING"] * count else None
        return {part(task)["imageDigest"] for task in until(f"{count} run", probe)}

    first = registry.push("app", "1", PROBE_PROGRAM)
    register(live, "pinned", prober(image=f"{registry.host}/app:1"))
    live.create_service(serviceName="pinned", taskDefinition="pinned", desiredCount=1)
    assert digests(1) == {first}
    second = registry.push("app", "1", PROBE_PROGRAM, version="2")
    live.update_service(service="pinned", desiredCount=3)
    assert digests(3) == {first}
    live.update_service(service="pinned", desiredCount=1, forceNewDeployment=True)
    steady(live, "pinned")
    assert digests(1) == {second}


# A Berth of its own, started with other settings of its agent each time.

@pytest.fixture(scope="module")
def own(tmp_path_factory, probe):
    berth = Berth(tmp_path_factory.mktemp("images"))
    try:
        yield berth
    finally:
        if berth.process:
            instances = berth.client().list_container_instances()["containerInstanceArns"]
            berth.end()
            for arn in instances:
                remove_what_tasks_left(arn)


def start(berth, *flags):
    berth.stop()
    berth.start(*flags)
    until("the agent is connected", lambda: connected(berth.client()))
    return berth.client()


def test_a_private_registry_is_entered_with_the_keys_of_dockers_configuration(own, tmp_path):
    with Registry("me", "se:cret").serving() as registry:
        digest = registry.push("app", "1", PROBE_PROGRAM)
        keys = base64.b64encode(b"me:se:cret").decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": keys}}}))
        client = start(own, "--docker-config", str(tmp_path / "config.json"))
        register(client, "private", prober("app", "exit", "0", image=f"{registry.host}/app:1"))
        task = stopped(client, run(client, "private"))
        assert (part(task).get("exitCode"), part(task)["imageDigest"]) == (0, digest)


@pytest.mark.parametrize("behavior, asked_again", [("always", True), ("once", False), ("prefer-cached", False)])
def test_k09_the_pull_behaviour_decides_when_the_registry_is_asked(own, registry, behavior, asked_again):
    registry.push("app", "1", PROBE_PROGRAM)
    client = start(own, "--image-pull-behavior", behavior)
    register(client, "behaves", prober("app", "exit", "0", image=f"{registry.host}/app:1"))
    pulls = []
    for _ in range(2):
        assert part(stopped(client, run(client, "behaves")))["exitCode"] == 0
        pulls.append(registry.pulls)
    assert (pulls[1] > pulls[0]) == asked_again
    registry.broken = True
    task = stopped(client, run(client, "behaves"))
    assert ("exitCode" in part(task)) == (not asked_again), task.get("stoppedReason")
