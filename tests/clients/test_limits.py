"""Limits of a container and of a task as the kernel holds them, and what is told when memory runs out."""

import pathlib

import pytest

from conftest import describe, docker, inspect, part, prober, register, run, running, stopped, until

CGROUP = pathlib.Path("/sys/fs/cgroup")
V2 = (CGROUP / "cgroup.controllers").exists()
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"


def cgroup_of(task, controller):
    """The folder of the container's cgroup on the host."""
    process = docker("inspect", "-f", "{{.State.Pid}}", part(task)["runtimeId"])
    for line in pathlib.Path(f"/proc/{process}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if V2 and controllers == "" or controller in controllers.split(","):
            return (CGROUP if V2 else CGROUP / controller) / path.lstrip("/")
    raise AssertionError(f"no {controller} cgroup")


def test_k06_task_level_cpu_and_memory_are_a_cgroup_over_all_containers(live):
    register(live, "limits", prober("app", memory=48, cpu=128), prober("side", memory=32), cpu="256", memory="128")
    task = running(live, run(live, "limits"))
    assert (task["cpu"], task["memory"]) == ("256", "128"), "T-11"
    assert (part(task)["cpu"], part(task)["memory"]) == ("128", "48")
    memory = cgroup_of(task, "memory")
    if V2:
        assert int((memory / "memory.max").read_text()) == 48 << 20
        assert int((memory.parent / "memory.max").read_text()) == 128 << 20
        quota, period = map(int, (cgroup_of(task, "cpu").parent / "cpu.max").read_text().split())
    else:
        assert int((memory / "memory.limit_in_bytes").read_text()) == 48 << 20
        assert int((memory.parent / "memory.limit_in_bytes").read_text()) == 128 << 20
        cpu = cgroup_of(task, "cpu").parent
        quota, period = (int((cpu / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
    assert quota / period == 0.25
    processes = memory.parent
    assert task["taskArn"].rsplit("/", 1)[1] in str(processes)


def out_of_memory(client, family):
    """A task of the family whose first container ran out of memory, and its engine heard of that: now and then one does not."""
    for _ in range(10):
        task = stopped(client, run(client, family))
        assert part(task)["exitCode"] == 137
        if "reason" in part(task):
            return task
    pytest.fail("no kill for memory was told as one")


def test_t31_a_container_over_its_own_limit_is_told_as_out_of_memory(live):
    register(live, "oom", prober("app", "eat", "64", memory=16))
    task = out_of_memory(live, "oom")
    assert part(task)["reason"] == OUT_OF_MEMORY
    assert task["stopCode"] == "EssentialContainerExited"


def test_t31_a_container_over_the_tasks_limit_is_told_as_out_of_memory(live):
    register(live, "oomtask", prober("app", "eat", "64", memoryReservation=16), prober("side", memory=8),
             memory="32", cpu="128")
    task = out_of_memory(live, "oomtask")
    assert part(task)["reason"] == OUT_OF_MEMORY
    assert "reason" not in part(task, "side"), "only stopped with it"


def test_k06_a_container_that_is_not_essential_may_run_out_of_memory(live):
    register(live, "oomside", prober("app"), prober("side", "eat", "64", memory=16, essential=False))
    for _ in range(10):
        arn = run(live, "oomside")
        side = until("the side is STOPPED", lambda: (
            c := part(describe(live, arn), "side"))["lastStatus"] == "STOPPED" and c, 30)
        assert side["exitCode"] == 137 and describe(live, arn)["lastStatus"] == "RUNNING"
        if "reason" in side:  # As in out_of_memory.
            break
    assert side["reason"] == OUT_OF_MEMORY


def test_a_kill_from_outside_is_not_told_as_out_of_memory(live):
    register(live, "killed", prober("app"), cpu="128", memory="64")
    arn = run(live, "killed")
    docker("kill", part(running(live, arn))["runtimeId"])
    task = stopped(live, arn)
    assert part(task)["exitCode"] == 137 and "reason" not in part(task)


def test_r08_cpu_and_memory_are_overridden_by_the_call(live):
    register(live, "sizes", prober("app", memory=32, cpu=64))
    arn = run(live, "sizes", overrides={"cpu": "256", "memory": "96", "containerOverrides": [
        {"name": "app", "cpu": 128, "memory": 64, "memoryReservation": 40}]})
    task = running(live, arn)
    assert (task["cpu"], task["memory"]) == ("256", "96")
    host = inspect(part(task)["runtimeId"])["HostConfig"]
    assert (host["Memory"], host["MemoryReservation"], host["CpuShares"]) == (64 << 20, 40 << 20, 128)
    instance = live.describe_container_instances(containerInstances=[task["containerInstanceArn"]])["containerInstances"][0]
    taken = {r["name"]: r["integerValue"] - next(
        left["integerValue"] for left in instance["remainingResources"] if left["name"] == r["name"])
        for r in instance["registeredResources"] if r["type"] == "INTEGER"}
    assert taken == {"CPU": 256, "MEMORY": 96}, "I-04"


def test_td22_no_cpu_is_the_least_share(live):
    register(live, "shares", prober("app"))
    assert inspect(part(running(live, run(live, "shares")))["runtimeId"])["HostConfig"]["CpuShares"] == 2


def test_k08_swap_is_what_the_definition_says(live):
    register(live, "swap", prober("app", memory=32, linuxParameters={"maxSwap": 16, "swappiness": 10}))
    host = inspect(part(running(live, run(live, "swap")))["runtimeId"])["HostConfig"]
    assert (host["MemorySwap"], host["MemorySwappiness"]) == (48 << 20, 10)
