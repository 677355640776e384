"""Volumes of a task: paths of the host, volumes of its own, volumes that outlive it, and those of another container."""

import uuid

import pytest
from conftest import docker, inspect, look, part, prober, register, run, running, stopped


def mount(volume, path, **more):
    return {"sourceVolume": volume, "containerPath": path, **more}


def volumes_of(task):
    return docker("volume", "ls", "-q", "--filter", f"label=com.amazonaws.ecs.task-arn={task['taskArn']}").split()


def test_v01_a_path_of_the_host_is_mounted_and_can_be_read_only(live, tmp_path):
    (tmp_path / "here").write_text("from the host")
    register(live, "bind", prober("app", mountPoints=[mount("data", "/data"), mount("data", "/safe", readOnly=True)]),
             volumes=[{"name": "data", "host": {"sourcePath": str(tmp_path)}}])
    task = running(live, run(live, "bind"))
    assert look(task, "file", "/safe/here") == "from the host"
    look(task, "write", "/data/there", "from the container")
    assert (tmp_path / "there").read_text() == "from the container"
    with pytest.raises(AssertionError, match="Read-only file system"):
        look(task, "write", "/safe/there", "x")


@pytest.mark.parametrize("volume", [{}, {"host": {}}, {"dockerVolumeConfiguration": {"scope": "task", "driver": "local"}}],
                         ids=["nothing", "host", "docker"])
def test_td34_a_volume_of_the_task_is_shared_inside_and_starts_empty(live, volume):
    register(live, "own", prober("app", mountPoints=[mount("scratch", "/a")]),
             prober("side", mountPoints=[mount("scratch", "/b")]), volumes=[{"name": "scratch", **volume}])
    first = running(live, run(live, "own"))
    look(first, "write", "/a/file", "shared")
    assert look(first, "file", "/b/file", name="side") == "shared"
    second = running(live, run(live, "own"))
    assert look(second, "list", "/a") == "", "another task has another volume"


def test_td34_a_shared_volume_outlives_its_tasks(live):
    name = f"berth-test-{uuid.uuid4().hex[:8]}"
    shared = {"name": name, "dockerVolumeConfiguration": {
        "scope": "shared", "autoprovision": True, "driver": "local", "labels": {"made-by": "test"}}}
    register(live, "shared", prober("app", mountPoints=[mount(name, "/data")]), volumes=[shared])
    try:
        first = running(live, run(live, "shared"))
        look(first, "write", "/data/file", "kept")
        live.stop_task(task=first["taskArn"])
        stopped(live, first["taskArn"])
        second = running(live, run(live, "shared"))
        assert look(second, "file", "/data/file") == "kept"
        assert '"made-by": "test"' in docker("volume", "inspect", name)
        live.stop_task(task=second["taskArn"])
        stopped(live, second["taskArn"])
        docker("rm", "-fv", *(part(t)["runtimeId"] for t in (first, second)))
        assert name in docker("volume", "ls", "-q").split()
    finally:
        docker("volume", "rm", "-f", name, check=False)


def test_td34_a_shared_volume_that_is_not_there_stops_the_task(live):
    name = f"berth-test-{uuid.uuid4().hex[:8]}"
    register(live, "missing", prober("app", mountPoints=[mount(name, "/data")]), volumes=[
        {"name": name, "dockerVolumeConfiguration": {"scope": "shared", "driver": "local"}}])
    task = stopped(live, run(live, "missing"))
    assert task["stopCode"] == "TaskFailedToStart" and "CannotCreateVolumeError" in task["stoppedReason"]
    assert name not in docker("volume", "ls", "-q").split()


def test_v01_volumes_from_gives_the_mounts_of_another_container(live, tmp_path):
    (tmp_path / "here").write_text("seen")
    register(live, "from", prober("owner", mountPoints=[mount("data", "/data")]),
             prober("app", volumesFrom=[{"sourceContainer": "owner", "readOnly": True}]),
             volumes=[{"name": "data", "host": {"sourcePath": str(tmp_path)}}])
    task = running(live, run(live, "from"))
    assert look(task, "file", "/data/here") == "seen"
    with pytest.raises(AssertionError, match="Read-only file system"):
        look(task, "write", "/data/x", "y")
    look(task, "write", "/data/x", "y", name="owner")
