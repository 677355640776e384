"""How containers of a task start, wait for each other, end and are stopped."""

import concurrent.futures
import time

import pytest
from conftest import IMAGES, PROBE, derived_image, describe, docker, inspect, look, part, prober, register, run, running, stopped, until

TERM_IS_IGNORED = ["on", "TERM=ignore"]
HEALTHY_FILE = {"command": ["CMD", "/probe", "there", "/healthy"], "interval": 5, "timeout": 2, "retries": 1, "startPeriod": 0}


@pytest.fixture(scope="module")
def polite(probe):
    """An image with a stop signal of its own."""
    image = f"{IMAGES}/polite:1"
    derived_image(image, "STOPSIGNAL SIGUSR1")
    yield image
    docker("image", "rm", "-f", image, check=False)


def test_t40_the_stop_signal_of_the_image_is_sent(live, polite):
    register(live, "polite", prober("app", "on", "USR1=42", "TERM=43", image=polite))
    arn = run(live, "polite")
    running(live, arn)
    live.stop_task(task=arn)
    assert part(stopped(live, arn))["exitCode"] == 42


def test_t41_a_program_that_ignores_term_is_killed_after_its_stop_timeout(live):
    register(live, "stubborn", prober("app", *TERM_IS_IGNORED, stopTimeout=2))
    arn = run(live, "stubborn")
    running(live, arn)
    asked = time.monotonic()
    reply = live.stop_task(task=arn)["task"]
    assert (reply["desiredStatus"], reply["lastStatus"]) == ("STOPPED", "RUNNING")
    assert live.stop_task(task=arn)["task"]["desiredStatus"] == "STOPPED", "asking again is fine"
    task = stopped(live, arn)
    assert time.monotonic() - asked >= 2
    assert part(task)["exitCode"] == 137 and "reason" not in part(task)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "Task stopped by user")


def test_t42_containers_stop_in_the_reverse_order_of_their_dependencies(live):
    register(live, "order", prober("db", "on", "TERM=1"), prober("api", "on", "TERM=2", dependsOn=[
        {"containerName": "db", "condition": "START"}]), prober("web", *TERM_IS_IGNORED, stopTimeout=2, dependsOn=[
            {"containerName": "api", "condition": "START"}]))
    arn = run(live, "order")
    task = running(live, arn)
    live.stop_task(task=arn)
    stopped(live, arn)
    ends = {name: docker("inspect", "-f", "{{.State.FinishedAt}}", part(task, name)["runtimeId"]) for name in ("db", "api", "web")}
    assert ends["web"] < ends["api"] < ends["db"]
    starts = {name: docker("inspect", "-f", "{{.State.StartedAt}}", part(task, name)["runtimeId"]) for name in ("db", "api", "web")}
    assert starts["db"] < starts["api"] < starts["web"]
    assert {c["name"]: c["exitCode"] for c in describe(live, arn)["containers"]} == {"db": 1, "api": 2, "web": 137}


@pytest.mark.parametrize("condition", ["COMPLETE", "SUCCESS"])
def test_k02_a_dependent_waits_for_the_end_of_its_target(live, condition):
    register(live, "waits", prober("first", "exit", "0", "0.5", essential=False),
             prober("app", dependsOn=[{"containerName": "first", "condition": condition}]))
    task = running(live, run(live, "waits"))
    first, app = inspected(task, "first")["State"], inspected(task, "app")["State"]
    assert first["FinishedAt"] <= app["StartedAt"]
    assert part(task, "first")["exitCode"] == 0


def inspected(task, name):
    return inspect(part(task, name)["runtimeId"])


def test_k02_complete_does_not_ask_for_the_exit_code(live):
    register(live, "complete", prober("first", "exit", "5", essential=False),
             prober("app", dependsOn=[{"containerName": "first", "condition": "COMPLETE"}]))
    task = running(live, run(live, "complete"))
    assert part(task, "first")["exitCode"] == 5


def test_k02_success_that_fails_stops_the_task_at_once(live):
    register(live, "fails", prober("first", "exit", "5", essential=False), prober("side"),
             prober("app", dependsOn=[{"containerName": "first", "condition": "SUCCESS"}]))
    task = stopped(live, run(live, "fails"))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"] == "TaskDependencyError: container app cannot start: first exited with code 5"
    assert part(task, "first")["exitCode"] == 5 and part(task, "side")["exitCode"] == 0
    assert "exitCode" not in part(task, "app"), "T-33"
    assert "startedAt" not in task, "T-03"


def test_k02_a_dependent_waits_until_its_target_is_healthy(live):
    register(live, "healthy", prober("db", healthCheck=HEALTHY_FILE),
             prober("app", dependsOn=[{"containerName": "db", "condition": "HEALTHY"}]))
    arn = run(live, "healthy")
    database = until("db runs", lambda: part(describe(live, arn), "db").get("lastStatus") == "RUNNING" and describe(live, arn))
    assert part(database, "app")["lastStatus"] == "PENDING" and database["lastStatus"] == "PENDING", "T-06"
    look(database, "write", "/healthy", "", name="db")
    task = running(live, arn)
    until("db is HEALTHY for the API too", lambda: part(describe(live, arn), "db")["healthStatus"] == "HEALTHY", 15)
    assert task["healthStatus"] == "UNKNOWN", "T-51: app has no check"


def test_k03_a_dependent_gives_up_after_the_start_timeout_of_its_target(live):
    register(live, "timeout", prober("slow", startTimeout=2, healthCheck={**HEALTHY_FILE, "retries": 10}),
             prober("app", dependsOn=[{"containerName": "slow", "condition": "HEALTHY"}]))
    task = stopped(live, run(live, "timeout"))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"] == (
        "TaskDependencyError: container app cannot start: slow did not meet condition HEALTHY within 2 s of its start")


def test_k01_an_essential_container_takes_the_others_with_it(live):
    register(live, "essential", prober("app", "exit", "0", "0.3"), prober("side", "on", "TERM=9", essential=False))
    task = stopped(live, run(live, "essential"))
    assert {c["name"]: c["exitCode"] for c in task["containers"]} == {"app": 0, "side": 9}
    assert (task["stopCode"], task["stoppedReason"]) == ("EssentialContainerExited", "Essential container in task exited")
    assert task["startedAt"] <= task["executionStoppedAt"] <= task["stoppedAt"], "T-03"


@pytest.mark.parametrize("command, code, init", [
    (["exit", "1"], 1, False), (["exit", "255"], 255, False), (["die", "KILL"], 137, True), (["die", "SEGV"], 139, True),
    (["die", "TERM"], 143, True)])
def test_t33_exit_codes_are_told_as_they_are(live, command, code, init):
    register(live, "codes", prober("app", *command, linuxParameters={"initProcessEnabled": init}))
    task = stopped(live, run(live, "codes"))
    assert part(task)["exitCode"] == code
    assert "reason" not in part(task), "nobody ran out of memory"
    assert task["stoppedReason"] == "Essential container in task exited"


def test_t33_a_command_that_is_not_there_fails_to_start(live):
    register(live, "nothing", prober("app", "x", entryPoint=["/no/such/program"]))
    task = stopped(live, run(live, "nothing"))
    assert task["stopCode"] == "TaskFailedToStart"
    assert part(task)["reason"].startswith("CannotStartContainerError: ")
    assert "no such file" in part(task)["reason"].lower()


def test_k05_the_restart_policy_starts_an_essential_container_again_in_place(live):
    policy = {"enabled": True, "restartAttemptPeriod": 60, "ignoredExitCodes": [3]}
    register(live, "restart", prober("app", "exit", "3", "0.2", restartPolicy=policy), prober("side"))
    task = stopped(live, run(live, "restart"))
    assert part(task)["exitCode"] == 3, "an ignored code ends it at once, and so does an end within the attempt period"


def test_t51_health_follows_the_check_and_standalone_tasks_are_left_alone(live):
    register(live, "sick", prober("app", healthCheck=HEALTHY_FILE), prober("side", essential=False))
    arn = run(live, "sick")
    task = running(live, arn)
    look(task, "write", "/healthy", "")
    until("HEALTHY", lambda: describe(live, arn)["healthStatus"] == "HEALTHY", 30)
    look(task, "remove", "/healthy")
    sick = until("UNHEALTHY", lambda: (t := describe(live, arn))["healthStatus"] == "UNHEALTHY" and t, 30)
    assert sick["lastStatus"] == "RUNNING" and sick["desiredStatus"] == "RUNNING", "T-52"
    assert part(sick)["healthStatus"] == "UNHEALTHY" and part(sick, "side")["healthStatus"] == "UNKNOWN"


def test_t50_only_a_check_of_the_definition_counts(live):
    image = f"{IMAGES}/checked:1"
    derived_image(image, "HEALTHCHECK CMD [\"/probe\", \"there\", \"/x\"]")
    try:
        register(live, "checked", prober(image=image))
        task = running(live, run(live, "checked"))
        assert "Health" not in inspected(task, "app")["State"]
        assert task["healthStatus"] == "UNKNOWN"
    finally:
        docker("image", "rm", "-f", image, check=False)


def test_t34_the_first_cause_of_a_stop_is_kept(live):
    register(live, "first", prober("app", "exit", "4"))
    arn = run(live, "first")
    stopped(live, arn)
    live.stop_task(task=arn, reason="too late")
    task = describe(live, arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("EssentialContainerExited", "Essential container in task exited")


def test_t40_a_task_that_is_stopped_while_it_starts_ends_too(live):
    register(live, "early", prober(stopTimeout=2), prober("late", stopTimeout=2, dependsOn=[{"containerName": "app", "condition": "START"}]))
    arns = [run(live, "early") for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda arn: live.stop_task(task=arn, reason="changed my mind"), arns))
    for arn in arns:
        task = stopped(live, arn)
        assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "changed my mind")
    live_ones = docker("ps", "-q", "--filter", f"ancestor={PROBE}")
    assert live_ones == "", "nothing runs on"


def test_a_container_that_somebody_starts_again_after_its_task_is_over_is_stopped(live):
    # A stop may come before the program listens for its signal; then the kill has to come soon.
    register(live, "revived", prober("app", stopTimeout=2), prober("side", "on", "USR1=2", "TERM=0", essential=False, stopTimeout=2))
    arn = run(live, "revived")
    task = running(live, arn)
    docker("kill", "-s", "USR1", part(task, "side")["runtimeId"])
    until("the side has ended", lambda: part(describe(live, arn), "side")["lastStatus"] == "STOPPED", 20)
    docker("start", part(task, "side")["runtimeId"])
    live.stop_task(task=arn)
    ended = stopped(live, arn)
    assert part(ended, "side")["exitCode"] == 2, "the first end is what counts"
    ids = [part(task, name)["runtimeId"] for name in ("app", "side")]
    until("neither runs", lambda: not any(inspect(i)["State"]["Running"] for i in ids), 20)
    docker("start", ids[0])
    until("it is stopped again", lambda: not inspect(ids[0])["State"]["Running"], 20)
