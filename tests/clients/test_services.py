"""Services over real containers: keeping the count, rolling, failing, scaling, draining."""

import botocore.exceptions
import pytest
from conftest import (
    describe, docker, free_port, look, messages, part, prober, register, run, running, service, steady, stopped, until)

QUICK = {"Delay": 1, "MaxAttempts": 90}
CHECK = {"command": ["CMD", "/probe", "there", "/healthy"], "interval": 5, "timeout": 2, "retries": 1, "startPeriod": 0}


def tasks_of(client, name):
    arns = client.list_tasks(serviceName=name)["taskArns"]
    return client.describe_tasks(tasks=arns)["tasks"] if arns else []


def running_tasks(client, name, count):
    def probe():
        found = [t for t in tasks_of(client, name) if t["lastStatus"] == "RUNNING" and t["desiredStatus"] == "RUNNING"]
        return found if len(found) == count else None
    return until(f"{count} tasks of {name} run", probe)


def live_containers(family):
    return docker("ps", "-q", "--filter", f"label=com.amazonaws.ecs.task-definition-family={family}").split()


def short(arn):
    return arn.rsplit("/", 1)[1]


def create(client, name, *containers, count=1, **more):
    register(client, name, *containers)
    return client.create_service(serviceName=name, taskDefinition=name, desiredCount=count, **more)["service"]


@pytest.mark.parametrize("removal", [["kill"], ["rm", "-f"], ["stop", "-t", "0"]], ids=["kill", "rm", "stop"])
def test_s20_a_container_that_somebody_ends_is_replaced(live, removal):
    create(live, "kept", prober())
    task = running_tasks(live, "kept", 1)[0]
    docker(*removal, part(task)["runtimeId"])
    ended = stopped(live, task["taskArn"])
    if removal[0] == "rm":
        assert part(ended)["exitCode"] == 137 or part(ended)["reason"].startswith("ContainerVanishedError: ")
    assert ended["stopCode"] == "EssentialContainerExited" and ended["stoppedReason"] == "Essential container in task exited"
    until("another task runs", lambda: [t["taskArn"] for t in running_tasks(live, "kept", 1)] != [task["taskArn"]])
    until("only the new one runs", lambda: live_containers("kept") == [
        part(t)["runtimeId"][:12] for t in running_tasks(live, "kept", 1)], 10)


def test_t44_a_task_that_is_stopped_by_hand_is_replaced(live):
    create(live, "byhand", prober())
    task = running_tasks(live, "byhand", 1)[0]
    assert (task["group"], task["startedBy"]) == ("service:byhand", service(live, "byhand")["deployments"][0]["id"]), "S-21"
    live.stop_task(task=task["taskArn"])
    stopped(live, task["taskArn"])
    until("another runs", lambda: [t["taskArn"] for t in running_tasks(live, "byhand", 1)] != [task["taskArn"]])
    found = until("both starts are told", lambda: [m for m in messages(live, "byhand") if "has started 1 tasks" in m][1:] and messages(live, "byhand"))
    assert f"(service byhand) has started 1 tasks: (task {short(task['taskArn'])})." in found, "S-52"


def test_s40_tasks_that_never_start_are_throttled_and_a_new_deployment_ends_that(live):
    create(live, "never", {"name": "app", "image": "127.0.0.1:9/none:1", "memory": 16})
    text = "(service never) is unable to consistently start tasks successfully."
    until("the throttle is told", lambda: text in messages(live, "never"), 90)
    assert messages(live, "never").count(text) == 1, "S-11"
    register(live, "never", prober())
    live.update_service(service="never", taskDefinition="never")
    steady(live, "never")


def test_d20_the_circuit_breaker_fails_a_bad_image_and_rolls_it_back_where_asked(live):
    def breaker(rollback):
        return {"deploymentCircuitBreaker": {"enable": True, "rollback": rollback}}

    unpullable = {"name": "app", "image": "127.0.0.1:9/none:1", "memory": 16}
    good = create(live, "back", prober(), deploymentConfiguration=breaker(True))["deployments"][0]
    steady(live, "back")
    register(live, "back", unpullable)
    bad = live.update_service(service="back", taskDefinition="back")["service"]["deployments"][0]
    create(live, "stays", unpullable, deploymentConfiguration=breaker(False))

    found = until("it is rolled back", lambda: (s := service(live, "back")) and len(s["deployments"]) == 1
                  and s["deployments"][0]["rolloutState"] == "COMPLETED" and s["taskDefinition"] == good["taskDefinition"] and s, 90)
    assert found["deployments"][0]["taskDefinition"] == good["taskDefinition"] and found["runningCount"] == 1
    told = messages(live, "back")
    assert f"(service back) (deployment {bad['id']}) deployment failed: tasks failed to start." in told, "D-17"
    assert any(m.startswith("(service back) rolling back to deployment ecs-svc/") for m in told)
    assert running_tasks(live, "back", 1)[0]["taskDefinitionArn"] == good["taskDefinition"]

    failed = until("it failed", lambda: (d := service(live, "stays")["deployments"][0])["rolloutState"] == "FAILED" and d, 90)
    assert failed["failedTasks"] == 3 and failed["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
    until("nothing is tried any more", lambda: not tasks_of(live, "stays"))


def test_s30_an_unhealthy_task_is_replaced_with_its_texts(live):
    create(live, "sick", prober("app", healthCheck=CHECK))
    task = running_tasks(live, "sick", 1)[0]
    look(task, "write", "/healthy", "")
    until("HEALTHY", lambda: describe(live, task["taskArn"])["healthStatus"] == "HEALTHY", 30)
    steady(live, "sick")
    look(task, "remove", "/healthy")
    until("a replacement", lambda: len(tasks_of(live, "sick")) == 2, 30)
    assert describe(live, task["taskArn"])["desiredStatus"] == "RUNNING", "S-31: it stays until the new one is healthy"
    new = next(t for t in tasks_of(live, "sick") if t["taskArn"] != task["taskArn"])
    look(running(live, new["taskArn"]), "write", "/healthy", "")
    ended = stopped(live, task["taskArn"])
    assert (ended["stopCode"], ended["stoppedReason"]) == ("ServiceSchedulerInitiated", "Task failed container health checks")
    assert f"(service sick) (task {short(task['taskArn'])}) failed container health checks." in messages(live, "sick"), "S-33"


def test_s50_scaling_out_and_in_and_the_waiters_end(live):
    create(live, "scale", prober(), count=1)
    live.get_waiter("services_stable").wait(services=["scale"], WaiterConfig=QUICK)
    live.update_service(service="scale", desiredCount=4)
    live.get_waiter("services_stable").wait(services=["scale"], WaiterConfig=QUICK)
    assert len(live_containers("scale")) == 4 and len(service(live, "scale")["deployments"]) == 1, "S-07"
    arns = live.list_tasks(serviceName="scale")["taskArns"]
    live.get_waiter("tasks_running").wait(tasks=arns, WaiterConfig=QUICK)
    live.update_service(service="scale", desiredCount=1)
    left = until("one is left", lambda: (found := live.list_tasks(serviceName="scale")["taskArns"]) and len(found) == 1 and found)
    gone = [arn for arn in arns if arn not in left]
    live.get_waiter("tasks_stopped").wait(tasks=gone, WaiterConfig=QUICK)
    deployment = service(live, "scale")["deployments"][0]["id"]
    for task in live.describe_tasks(tasks=gone)["tasks"]:
        assert task["stopCode"] == "ServiceSchedulerInitiated"
        assert task["stoppedReason"] == f"Scaling activity initiated by (deployment {deployment})"
    live.update_service(service="scale", desiredCount=0)
    live.get_waiter("services_stable").wait(services=["scale"], WaiterConfig=QUICK)
    live.delete_service(service="scale")
    live.get_waiter("services_inactive").wait(services=["scale"], WaiterConfig=QUICK)
    until("no container runs", lambda: not live_containers("scale"))


def test_s10_a_service_above_zero_is_deleted_by_force_only(live):
    create(live, "force", prober(), count=2)
    steady(live, "force")
    with pytest.raises(botocore.exceptions.ClientError, match="The service cannot be stopped while it is scaled above 0."):
        live.delete_service(service="force")
    assert live.delete_service(service="force", force=True)["service"]["status"] == "DRAINING"
    live.get_waiter("services_inactive").wait(services=["force"], WaiterConfig=QUICK)
    until("no container runs", lambda: not live_containers("force"))
    assert live.list_services()["serviceArns"] == []
    create(live, "force", prober())
    steady(live, "force")


def test_w13_the_waiter_fails_on_a_service_that_is_not_there(live):
    with pytest.raises(botocore.exceptions.WaiterError, match="terminal failure"):
        live.get_waiter("services_stable").wait(services=["none"], WaiterConfig=QUICK)


def test_w13_the_waiter_for_running_tasks_fails_on_one_that_stopped(live):
    register(live, "ends", prober("app", "exit", "0"))
    arn = run(live, "ends")
    stopped(live, arn)
    with pytest.raises(botocore.exceptions.WaiterError, match="terminal failure"):
        live.get_waiter("tasks_running").wait(tasks=[arn], WaiterConfig=QUICK)


def test_s60_a_daemon_runs_once_on_the_host_and_rolls_by_stop_then_start(live):
    register(live, "daemon", prober())
    live.create_service(serviceName="daemon", taskDefinition="daemon", schedulingStrategy="DAEMON")
    first = running_tasks(live, "daemon", 1)[0]
    assert steady(live, "daemon")["desiredCount"] == 1
    register(live, "daemon", prober("app", "on", "TERM=3"))
    live.update_service(service="daemon", taskDefinition="daemon")
    second = until("the new one runs", lambda: next((
        t for t in tasks_of(live, "daemon") if t["taskArn"] != first["taskArn"] and t["lastStatus"] == "RUNNING"), None))
    assert stopped(live, first["taskArn"])["stoppedAt"] <= second["startedAt"], "S-61"
    steady(live, "daemon")


def test_d02_a_fixed_port_rolls_with_stop_before_start(live):
    port = free_port()
    definition = prober("app", "serve", portMappings=[{"containerPort": 8080, "hostPort": port}])
    create(live, "fixed", definition, deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 100})
    steady(live, "fixed")
    first = running_tasks(live, "fixed", 1)[0]
    live.update_service(service="fixed", forceNewDeployment=True)
    found = steady(live, "fixed")
    second = running_tasks(live, "fixed", 1)[0]
    assert second["taskArn"] != first["taskArn"] and part(second)["networkBindings"][0]["hostPort"] == port
    assert f"(service fixed) (deployment {found['deployments'][0]['id']}) deployment completed." in messages(live, "fixed")


def test_d02_a_deployment_that_has_no_room_says_so(live):
    create(live, "stuck", prober(), deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 100})
    steady(live, "stuck")
    live.update_service(service="stuck", forceNewDeployment=True)
    text = ("(service stuck) was unable to stop or start tasks during a deployment because of the service deployment configuration. "
            "Update the minimumHealthyPercent or maximumPercent value and try again.")
    until("it says so", lambda: text in messages(live, "stuck"), 30)
    live.update_service(service="stuck", deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 200})
    steady(live, "stuck")


def test_s42_a_task_without_a_place_is_explained_and_placed_when_there_is_one(live):
    instance = live.list_container_instances()["containerInstanceArns"][0]
    create(live, "placed", prober(), placementConstraints=[{"type": "memberOf", "expression": "attribute:disk == ssd"}])
    start = "(service placed) was unable to place a task because no container instance met all of its requirements."
    told = until("it is explained", lambda: next((m for m in messages(live, "placed") if m.startswith(start)), None))
    assert told.endswith("For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.")
    assert f"(container-instance {short(instance)})" in told
    attribute = {"name": "disk", "targetId": instance, "targetType": "container-instance"}
    live.put_attributes(attributes=[{**attribute, "value": "ssd"}])
    try:
        steady(live, "placed")
        assert live.list_container_instances(filter="attribute:disk == ssd")["containerInstanceArns"] == [instance]
    finally:
        live.delete_attributes(attributes=[attribute])


def test_dr01_draining_the_only_host_keeps_the_last_tasks_and_places_no_new_ones(live):
    instance = live.list_container_instances()["containerInstanceArns"][0]
    create(live, "drained", prober(), count=2, deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 100})
    register(live, "alone", prober())
    alone = run(live, "alone")
    steady(live, "drained")
    running(live, alone)
    try:
        drained = live.update_container_instances_state(containerInstances=[instance], status="DRAINING")["containerInstances"]
        assert drained[0]["status"] == "DRAINING"
        until("one of the two may stop", lambda: len(tasks_of(live, "drained")) == 1)
        with pytest.raises(botocore.exceptions.ClientError, match="No Container Instances were found in your cluster."):
            live.run_task(taskDefinition="alone")
        assert describe(live, alone)["desiredStatus"] == "RUNNING", "standalone tasks stay"
        assert service(live, "drained")["runningCount"] == 1, "minimumHealthyPercent keeps the other"
    finally:
        live.update_container_instances_state(containerInstances=[instance], status="ACTIVE")
    steady(live, "drained")
    assert len(running_tasks(live, "drained", 2)) == 2, "DR-02"


def test_i08_a_host_with_tasks_is_deregistered_by_force_only(live):
    register(live, "here", prober())
    running(live, run(live, "here"))
    instance = live.list_container_instances()["containerInstanceArns"][0]
    with pytest.raises(botocore.exceptions.ClientError, match="Found running tasks on the instance."):
        live.deregister_container_instance(containerInstance=instance)


def test_td03_a_service_outlives_the_deregistration_of_its_definition(live):
    create(live, "old", prober())
    steady(live, "old")
    live.deregister_task_definition(taskDefinition=service(live, "old")["taskDefinition"])
    live.update_service(service="old", desiredCount=2)
    assert len(running_tasks(live, "old", 2)) == 2
    with pytest.raises(botocore.exceptions.ClientError, match="TaskDefinition is inactive"):
        live.run_task(taskDefinition=service(live, "old")["taskDefinition"])


def test_a_service_whose_container_crashes_goes_on_without_throttle(live):
    create(live, "crash", prober("app", "exit", "1", "0.2"))
    until("many were started", lambda: sum("has started 1 tasks" in m for m in messages(live, "crash")) >= 5, 60)
    assert not any("unable to consistently start" in m for m in messages(live, "crash")), "S-40: they ran"
