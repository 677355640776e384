"""Tasks and services as real containers, seen through boto3 and the `aws` command."""

import subprocess
import urllib.request

from conftest import IMAGE, container, register, run, running, stopped, until


def get(port, path="/"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
        return reply.read().decode()


def host_port(task):
    return task["containers"][0]["networkBindings"][0]["hostPort"]


def test_t10_a_task_serves_on_a_dynamic_host_port(live):
    register(live, "serve", container(portMappings=[{"containerPort": 8080}], environment=[{"name": "GREETING", "value": "Moin"}]))
    arn = run(live, "serve")
    live.get_waiter("tasks_running").wait(tasks=[arn])
    task = running(live, arn)
    binding = task["containers"][0]["networkBindings"][0]
    assert binding["containerPort"] == 8080 and binding["protocol"] == "tcp" and binding["bindIP"] == "0.0.0.0"
    assert get(host_port(task)).startswith("Moin!")
    assert len(task["containers"][0]["runtimeId"]) == 64
    assert task["createdAt"] <= task["startedAt"]


def test_k01_an_essential_container_that_exits_stops_the_task_with_its_code(live):
    register(live, "exits", container(command=["exit", "3"]))
    task = stopped(live, run(live, "exits"))
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["stoppedReason"] == "Essential container in task exited"
    assert task["containers"][0]["exitCode"] == 3
    assert task["desiredStatus"] == "STOPPED"


def test_k01_exit_zero_of_an_essential_container_stops_the_task_too(live):
    register(live, "zero", container(command=["exit", "0"]), container("side"))
    task = stopped(live, run(live, "zero"))
    codes = {c["name"]: c["exitCode"] for c in task["containers"]}
    assert codes == {"app": 0, "side": 0}, "the sample ends with 0 on SIGTERM"


def test_k01_a_container_that_is_not_essential_may_end(live):
    register(live, "side", container(), container("once", essential=False, command=["exit", "7"]))
    arn = run(live, "side")
    running(live, arn)
    until("the side container is STOPPED", lambda: any(
        c["name"] == "once" and c["lastStatus"] == "STOPPED" and c.get("exitCode") == 7
        for c in live.describe_tasks(tasks=[arn])["tasks"][0]["containers"]))
    assert live.describe_tasks(tasks=[arn])["tasks"][0]["lastStatus"] == "RUNNING"


def test_t40_stop_task_sends_the_stop_signal(live):
    register(live, "stop", container())
    arn = run(live, "stop")
    running(live, arn)
    live.stop_task(task=arn, reason="enough")
    live.get_waiter("tasks_stopped").wait(tasks=[arn])
    task = stopped(live, arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")
    assert task["containers"][0]["exitCode"] == 0
    assert task["startedAt"] <= task["stoppingAt"] <= task["stoppedAt"]


def test_t31_an_image_that_is_not_to_be_had_stops_the_task_with_a_reason(live):
    register(live, "nowhere", {"name": "app", "image": "127.0.0.1:9/no/such:1", "memory": 32})
    task = stopped(live, run(live, "nowhere"), 120)
    assert task["stopCode"] == "TaskFailedToStart"
    assert "CannotPullContainerError" in task["stoppedReason"] or "CannotPullImageManifestError" in task["stoppedReason"]
    assert "exitCode" not in task["containers"][0], "T-33"


def test_k02_success_runs_one_container_after_another(live):
    register(live, "order",
             container("first", essential=False, command=["exit", "0", "0.3"]),
             container("app", dependsOn=[{"containerName": "first", "condition": "SUCCESS"}]))
    task = running(live, run(live, "order"))
    states = {c["name"]: c["lastStatus"] for c in task["containers"]}
    assert states == {"first": "STOPPED", "app": "RUNNING"}


def test_t51_a_health_check_makes_the_task_healthy(live):
    check = {"command": ["CMD", "/hello", "check"], "interval": 5, "timeout": 2, "retries": 2, "startPeriod": 0}
    register(live, "healthy", container(healthCheck=check))
    arn = run(live, "healthy")
    running(live, arn)
    until("the task is HEALTHY", lambda: live.describe_tasks(tasks=[arn])["tasks"][0]["healthStatus"] == "HEALTHY", 60)


def test_a_service_reaches_steady_state_and_replaces_a_killed_container(live, berth):
    register(live, "svc", container(portMappings=[{"containerPort": 8080}]))
    live.create_service(serviceName="svc", taskDefinition="svc", desiredCount=2)
    berth.aws("wait", "services-stable", "--services", "svc")
    service = live.describe_services(services=["svc"])["services"][0]
    assert service["runningCount"] == 2 and len(service["deployments"]) == 1
    assert any(e["message"] == "(service svc) has reached a steady state." for e in service["events"])
    before = set(live.list_tasks(serviceName="svc")["taskArns"])
    victim = live.describe_tasks(tasks=[sorted(before)[0]])["tasks"][0]
    subprocess.run(["docker", "kill", victim["containers"][0]["runtimeId"]], check=True, capture_output=True)
    assert stopped(live, victim["taskArn"])["containers"][0]["exitCode"] == 137
    until("two tasks run again", lambda: (
        len(live.list_tasks(serviceName="svc")["taskArns"]) == 2
        and live.describe_services(services=["svc"])["services"][0]["runningCount"] == 2))
    assert victim["taskArn"] not in live.list_tasks(serviceName="svc")["taskArns"]


def test_w13_a_second_deployment_leaves_the_list_and_the_waiter_ends(live, berth):
    register(live, "roll", container(environment=[{"name": "GREETING", "value": "one"}], portMappings=[{"containerPort": 8080}]))
    live.create_service(serviceName="roll", taskDefinition="roll", desiredCount=2)
    live.get_waiter("services_stable").wait(services=["roll"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    register(live, "roll", container(environment=[{"name": "GREETING", "value": "two"}], portMappings=[{"containerPort": 8080}]))
    updated = live.update_service(service="roll", taskDefinition="roll")["service"]
    assert [d["status"] for d in updated["deployments"]] == ["PRIMARY", "ACTIVE"]
    live.get_waiter("services_stable").wait(services=["roll"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    tasks = live.describe_tasks(tasks=live.list_tasks(serviceName="roll")["taskArns"])["tasks"]
    assert {get(host_port(t)).split("!")[0] for t in tasks} == {"two"}
    service = live.describe_services(services=["roll"])["services"][0]
    assert service["deployments"][0]["rolloutState"] == "COMPLETED"
    live.delete_service(service="roll", force=True)
    live.get_waiter("services_inactive").wait(services=["roll"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def test_the_metadata_endpoint_answers_in_the_container(live):
    register(live, "meta", container(portMappings=[{"containerPort": 8080}]))
    arn = run(live, "meta")
    task = running(live, arn)
    inspected = subprocess.run(
        ["docker", "inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", task["containers"][0]["runtimeId"]],
        capture_output=True, text=True, check=True).stdout.split()
    variables = dict(line.split("=", 1) for line in inspected if "=" in line)
    assert "/v4/" in variables["ECS_CONTAINER_METADATA_URI_V4"]
    assert variables["AWS_EXECUTION_ENV"] == "AWS_ECS_EC2"
    labels = subprocess.run(["docker", "inspect", "--format", "{{json .Config.Labels}}", task["containers"][0]["runtimeId"]],
                            capture_output=True, text=True, check=True).stdout
    assert arn in labels, "K-12"


def test_images_are_named_as_registered(live):
    register(live, "img", container())
    task = running(live, run(live, "img"))
    assert task["containers"][0]["image"] == IMAGE


def test_r01_ten_tasks_of_one_call_run_each_once_and_give_everything_back(live):
    instance = live.list_container_instances()["containerInstanceArns"][0]

    def remaining():
        found = live.describe_container_instances(containerInstances=[instance])["containerInstances"][0]
        return {r["name"]: r.get("integerValue", sorted(r.get("stringSetValue", []))) for r in found["remainingResources"]}

    before = remaining()
    register(live, "ten", container(portMappings=[{"containerPort": 8080}]))
    reply = live.run_task(taskDefinition="ten", count=10)
    arns = [t["taskArn"] for t in reply["tasks"]]
    assert len(arns) == 10 and reply["failures"] == []
    tasks = [running(live, arn) for arn in arns]
    assert len({host_port(t) for t in tasks}) == len({t["containers"][0]["runtimeId"] for t in tasks}) == 10
    for arn in arns:
        live.stop_task(task=arn)
    live.get_waiter("tasks_stopped").wait(tasks=arns, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert remaining() == before, "I-03"


def test_the_aws_command_runs_a_task_with_overrides_and_waits_for_its_end(live, berth):
    register(live, "cli", container(command=["exit", "1"]))
    over = '{"containerOverrides":[{"name":"app","command":["exit","4"]}]}'
    arn = berth.aws("run-task", "--task-definition", "cli", "--overrides", over)["tasks"][0]["taskArn"]
    berth.aws("wait", "tasks-stopped", "--tasks", arn)
    task = berth.aws("describe-tasks", "--tasks", arn)["tasks"][0]
    assert task["containers"][0]["exitCode"] == 4
    failed = berth.aws("wait", "tasks-running", "--tasks", arn, check=False)
    assert failed.returncode == 255 and "terminal failure" in failed.stderr
