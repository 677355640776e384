"""What a container definition says is what the container is like from inside."""

import functools
import http.server
import os
import subprocess
import threading

import pytest
from conftest import IMAGES, PROBE, describe, docker, inspect, look, part, prober, register, run, running, stopped, until


@pytest.fixture
def start(live):
    """Registers one definition, runs it and gives the running task."""
    def start(definition, overrides=None, task=None, **more):
        register(live, "settings", definition, **(task or {}))
        return running(live, run(live, "settings", **({"overrides": overrides} if overrides else {}), **more))
    return start


def environment(task):
    return dict(pair.split("=", 1) for pair in look(task, "file", "/proc/1/environ").split("\0") if "=" in pair)


def status(task, field):
    return next(line.split(None, 1)[1].strip() for line in look(task, "file", "/proc/1/status").splitlines()
                if line.startswith(field + ":"))


def mounts(task):
    return {line.split()[1]: line.split() for line in look(task, "file", "/proc/1/mounts").splitlines()}


def pairs(**variables):
    return [{"name": name, "value": value} for name, value in variables.items()]


def test_r08_environment_and_command_are_overridden_by_the_call(start):
    task = start(prober("app", "exit", "1", environment=pairs(A="1", B="two words", EMPTY="")),
                 overrides={"containerOverrides": [{"name": "app", "command": ["on", "TERM=0"], "environment": pairs(A="9", C="3")}]})
    found = environment(task)
    assert (found["A"], found["B"], found["C"], found["EMPTY"]) == ("9", "two words", "3", "")
    assert found["AWS_EXECUTION_ENV"] == "AWS_ECS_EC2", "EP-03"
    assert look(task, "file", "/proc/1/cmdline").split("\0")[:3] == ["/probe", "on", "TERM=0"]
    over = task["overrides"]["containerOverrides"][0]
    assert over["command"] == ["on", "TERM=0"] and {"name": "C", "value": "3"} in over["environment"]


def test_se05_environment_files_yield_to_the_environment_and_the_first_file_wins(start, tmp_path):
    (tmp_path / "a.env").write_text("# comment\nA=file\nB=first\nQUOTED=\"as is\"\nSPACES= kept \n")
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "b.env").write_text("B=second\nC=http\n\nnot a variable\n")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        task = start(prober("app", environment=pairs(A="definition"), environmentFiles=[
            {"type": "s3", "value": str(tmp_path / "a.env")},
            {"type": "s3", "value": f"http://127.0.0.1:{server.server_port}/b.env"}]))
        server.shutdown()
    found = environment(task)
    assert (found["A"], found["B"], found["C"]) == ("definition", "first", "http")
    assert (found["QUOTED"], found["SPACES"]) == ('"as is"', " kept "), "TD-32: no interpolation"


def test_t32_an_environment_file_that_is_missing_stops_the_task_before_it_has_containers(live):
    register(live, "nofile", prober("app", environmentFiles=[{"type": "s3", "value": "/no/such/file.env"}]))
    task = stopped(live, run(live, "nofile"))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("ResourceInitializationError: ") and "/no/such/file.env" in task["stoppedReason"]
    assert "exitCode" not in part(task)


def test_k08_user_folder_entry_point_host_name_and_labels(start):
    task = start(prober("app", "on", "TERM=0", entryPoint=["/probe"], user="1000:2000", workingDirectory="/work", hostname="box",
                        dockerLabels={"team": "web", "com.amazonaws.ecs.container-name": "mine"}))
    assert status(task, "Uid").split()[0] == "1000" and status(task, "Gid").split()[0] == "2000"
    assert look(task, "file", "/proc/sys/kernel/hostname") == "box"
    assert inspect(part(task)["runtimeId"])["Config"]["WorkingDir"] == "/work"
    labels = inspect(part(task)["runtimeId"])["Config"]["Labels"]
    definition, revision = task["taskDefinitionArn"].rsplit("/", 1)[1].split(":")
    assert labels["team"] == "web"
    assert labels["com.amazonaws.ecs.container-name"] == "app", "K-12: ours win"
    assert labels["com.amazonaws.ecs.task-arn"] == task["taskArn"]
    assert labels["com.amazonaws.ecs.cluster"] == "default"
    assert (labels["com.amazonaws.ecs.task-definition-family"], labels["com.amazonaws.ecs.task-definition-version"]) == (
        definition, revision)


def test_k08_an_entry_point_of_the_definition_forgets_the_images_command(live, start):
    image, name = f"{IMAGES}/cmd:1", f"{IMAGES}-cmd"
    docker("create", "--name", name, PROBE)
    docker("commit", "-c", 'CMD ["exit", "6"]', name, image)
    docker("rm", name)
    try:
        register(live, "cmd", prober(image=image))
        ended = stopped(live, run(live, "cmd"))
        assert part(ended)["exitCode"] == 6, "the image's command without any word of the definition"
        task = start(prober(image=image, entryPoint=["/probe"]))
        assert look(task, "file", "/proc/1/cmdline") == "/probe\0"
    finally:
        docker("image", "rm", "-f", image, check=False)


def test_k08_ulimits_are_the_process_limits(start):
    task = start(prober("app", ulimits=[{"name": "nofile", "softLimit": 1234, "hardLimit": 4321},
                                        {"name": "core", "softLimit": 0, "hardLimit": 0}]))
    limits = look(task, "file", "/proc/1/limits")
    files = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()
    assert files[3:5] == ["1234", "4321"]


def test_k08_an_init_process_is_the_first_and_forwards_signals(live, start):
    task = start(prober("app", "on", "TERM=7", linuxParameters={"initProcessEnabled": True}))
    assert "docker-init" in look(task, "file", "/proc/1/cmdline")
    live.stop_task(task=task["taskArn"])
    assert part(stopped(live, task["taskArn"]))["exitCode"] == 7


def test_k08_shared_memory_and_tmpfs_have_their_sizes(start):
    task = start(prober("app", linuxParameters={"sharedMemorySize": 8, "tmpfs": [
        {"containerPath": "/scratch", "size": 4, "mountOptions": ["noexec", "mode=1777"]}]}))
    found = mounts(task)
    assert "size=8192k" in found["/dev/shm"][3]
    assert found["/scratch"][2] == "tmpfs" and "size=4096k" in found["/scratch"][3] and "noexec" in found["/scratch"][3]
    look(task, "write", "/scratch/file", "x")


def capabilities(task):
    return int(status(task, "CapBnd"), 16)


NET_ADMIN, CHOWN = 1 << 12, 1 << 0


def test_k08_capabilities_are_added_and_dropped(start):
    task = start(prober("app", linuxParameters={"capabilities": {"add": ["NET_ADMIN"], "drop": ["CHOWN"]}}))
    assert capabilities(task) & NET_ADMIN and not capabilities(task) & CHOWN


def test_k08_all_capabilities_can_be_dropped(start):
    assert capabilities(start(prober("app", linuxParameters={"capabilities": {"drop": ["ALL"]}}))) == 0


def test_k08_a_privileged_container_has_the_hosts_devices(start, probe):
    tried = subprocess.run(["docker", "run", "--rm", "--privileged", probe, "exit", "0"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"this machine has no privileged containers: {tried.stderr.strip()}")
    task = start(prober("app", privileged=True))
    assert capabilities(task) & NET_ADMIN and "kmsg" in look(task, "list", "/dev").split()


def test_k08_devices_are_given_under_another_name(start):
    task = start(prober("app", linuxParameters={"devices": [
        {"hostPath": "/dev/zero", "containerPath": "/dev/nothing", "permissions": ["read"]}]}))
    assert "nothing" in look(task, "list", "/dev").split()
    device = inspect(part(task)["runtimeId"])["HostConfig"]["Devices"][0]
    assert device == {"PathOnHost": "/dev/zero", "PathInContainer": "/dev/nothing", "CgroupPermissions": "r"}


def test_k08_a_read_only_root_refuses_writes(start):
    task = start(prober("app", readonlyRootFilesystem=True))
    assert mounts(task)["/"][3].split(",")[0] == "ro"
    with pytest.raises(AssertionError, match="Read-only file system"):
        look(task, "write", "/x", "y")


def test_k08_a_pseudo_terminal_is_a_terminal(live):
    register(live, "tty", prober("app", "tty", pseudoTerminal=True), prober("plain", "tty", essential=False))
    arn = run(live, "tty")
    until("both have ended", lambda: all("exitCode" in c for c in describe(live, arn)["containers"]), 30)
    assert {c["name"]: c["exitCode"] for c in describe(live, arn)["containers"]} == {"app": 0, "plain": 1}


def test_k08_names_dns_and_system_controls(start):
    task = start(prober("app", extraHosts=[{"hostname": "db.local", "ipAddress": "10.1.2.3"}], dnsServers=["10.9.9.9"],
                        dnsSearchDomains=["example.test"], systemControls=[{"namespace": "net.core.somaxconn", "value": "321"}]))
    assert "10.1.2.3\tdb.local" in look(task, "file", "/etc/hosts")
    resolver = look(task, "file", "/etc/resolv.conf")
    assert "nameserver 10.9.9.9" in resolver and "search example.test" in resolver
    assert look(task, "file", "/proc/sys/net/core/somaxconn") == "321"


def test_td38_logs_go_to_the_driver_with_its_options_and_do_not_block_the_container(start):
    task = start(prober("app", logConfiguration={"logDriver": "json-file", "options": {"max-size": "1m", "max-file": "2"}}))
    found = inspect(part(task)["runtimeId"])["HostConfig"]["LogConfig"]
    mode = {"mode": "non-blocking", "max-buffer-size": "10m"}
    assert found == {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2", **mode}}
    until("it is logged", lambda: "waiting" in docker("logs", part(task)["runtimeId"]), 10)


def test_td14_a_log_driver_that_no_host_has_finds_no_host(live):
    made = register(live, "firelens", prober("app", logConfiguration={"logDriver": "awsfirelens"}),
                    prober("router", firelensConfiguration={"type": "fluentbit"}))
    assert "com.amazonaws.ecs.capability.logging-driver.awsfirelens" in [a["name"] for a in made["requiresAttributes"]]
    reply = live.run_task(taskDefinition="firelens")
    assert reply["tasks"] == [] and reply["failures"][0]["reason"] == "ATTRIBUTE"


def test_a_log_driver_that_refuses_its_options_fails_the_task(live):
    register(live, "badlog", prober("app", logConfiguration={"logDriver": "syslog", "options": {"syslog-address": "tcp://127.0.0.1:1"}}))
    task = stopped(live, run(live, "badlog"))
    assert task["stopCode"] == "TaskFailedToStart"
    assert part(task)["reason"].startswith(("CannotStartContainerError: ", "CannotCreateContainerError: "))
    assert "exitCode" not in part(task)


@pytest.mark.parametrize("field", ["pidMode", "ipcMode"])
def test_k07_the_hosts_processes_and_ipc_are_shared_on_request(start, field):
    task = start(prober("app"), task={field: "host"})
    kind = {"pidMode": "pid", "ipcMode": "ipc"}[field]
    own = look(task, "link", f"/proc/self/ns/{kind}")
    assert own == os.readlink(f"/proc/self/ns/{kind}")


def test_tags_and_group_of_a_task_are_told(live, start):
    task = start(prober(), tags=[{"key": "stage", "value": "test"}], group="workers", startedBy="me", enableECSManagedTags=True)
    assert (task["group"], task["startedBy"]) == ("workers", "me")
    tags = live.describe_tasks(tasks=[task["taskArn"]], include=["TAGS"])["tasks"][0]["tags"]
    assert {t["key"]: t["value"] for t in tags} == {"stage": "test", "aws:ecs:clusterName": "default"}
    assert live.list_tasks(startedBy="me")["taskArns"] == [task["taskArn"]]
    assert describe(live, task["taskArn"])["tags"] == [], "TG-06"
