"""Network modes, ports and links, from outside and from inside."""

import socket

from conftest import free_port, look, part, prober, register, run, running, stopped, until


def port(container_port, **more):
    return {"containerPort": container_port, **more}


def bindings(task, name="app"):
    return {(b.get("containerPort") or b["containerPortRange"], b["protocol"]): b for b in part(task, name)["networkBindings"]}


def get(host_port):
    import urllib.request
    with urllib.request.urlopen(f"http://127.0.0.1:{host_port}/", timeout=10) as reply:
        return reply.read().decode().strip()


def talk(host_port, text):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.sendto(text.encode(), ("127.0.0.1", host_port))
        return s.recv(2048).decode()


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_t10_fixed_dynamic_and_udp_ports_lead_into_the_container(live):
    fixed = free_port()
    register(live, "ports", prober("app", "serve", hostname="me", portMappings=[
        port(8080, hostPort=fixed), port(8080, protocol="udp"), port(9999)]))
    task = running(live, run(live, "ports"))
    found = bindings(task)
    assert found[8080, "tcp"]["hostPort"] == fixed and found[8080, "tcp"]["bindIP"] == "0.0.0.0"
    dynamic = found[8080, "udp"]["hostPort"]
    assert dynamic >= 1024 and found[9999, "tcp"]["hostPort"] not in (fixed, dynamic)
    assert get(fixed) == "me" and talk(dynamic, "hello") == "hello"


def test_td27_a_range_of_ports_gets_a_block_of_host_ports(live):
    register(live, "range", prober("app", "serve", "7003", portMappings=[{"containerPortRange": "7000-7004"}]))
    task = running(live, run(live, "range"))
    binding = part(task)["networkBindings"][0]
    first, last = map(int, binding["hostPortRange"].split("-"))
    assert binding["containerPortRange"] == "7000-7004" and last - first == 4
    assert get(first + 3)


def test_p01_a_fixed_port_is_given_once_and_free_again_after_the_stop(live):
    tcp, udp = free_port(), free_udp_port()
    register(live, "fixed", prober("app", "serve", portMappings=[port(8080, hostPort=tcp), port(8080, hostPort=udp, protocol="udp")]))
    arn = run(live, "fixed")
    task = running(live, arn)
    refused = live.run_task(taskDefinition="fixed")
    assert refused["tasks"] == []
    instance = live.list_container_instances()["containerInstanceArns"][0]
    assert refused["failures"] == [{"arn": instance, "reason": "RESOURCE:PORTS"}]
    remaining = {r["name"]: r.get("stringSetValue") for r in live.describe_container_instances(
        containerInstances=[instance])["containerInstances"][0]["remainingResources"]}
    assert str(tcp) in remaining["PORTS"] and str(udp) in remaining["PORTS_UDP"], "I-02: the taken ones"
    live.stop_task(task=task["taskArn"])
    stopped(live, arn)
    running(live, run(live, "fixed"))


def test_p01_a_reserved_port_of_the_host_is_refused(live):
    register(live, "ssh", prober("app", portMappings=[port(22, hostPort=22)]))
    assert live.run_task(taskDefinition="ssh")["failures"][0]["reason"] == "RESOURCE:PORTS"


def test_a_port_that_something_else_on_the_host_holds_fails_the_task_and_not_the_agent(live):
    with socket.socket() as s:
        s.bind(("0.0.0.0", 0))
        s.listen()
        register(live, "held", prober("app", "serve", portMappings=[port(8080, hostPort=s.getsockname()[1])]))
        task = stopped(live, run(live, "held"))
    assert task["stopCode"] == "TaskFailedToStart"
    assert part(task)["reason"].startswith("CannotStartContainerError: ") and "address already in use" in part(task)["reason"]
    assert "exitCode" not in part(task)


def test_k07_links_name_the_other_container(live):
    register(live, "links", prober("db", "serve", hostname="database"), prober("app", links=["db:store"]))
    task = running(live, run(live, "links"))
    assert look(task, "fetch", "http://store:8080/") == "database"
    assert look(task, "talk", "database:8080", "hello") == "hello"


def test_host_mode_shares_the_hosts_network(live):
    number = free_port()
    register(live, "host", prober("app", "serve", str(number), portMappings=[port(number)]), networkMode="host")
    task = running(live, run(live, "host"))
    binding = bindings(task)[number, "tcp"]
    assert (binding["hostPort"], binding["bindIP"]) == (number, "0.0.0.0")
    until("it serves", lambda: get(number) == socket.gethostname(), 10)
    assert live.run_task(taskDefinition="host")["failures"][0]["reason"] == "RESOURCE:PORTS", "TD-26"


def test_none_mode_has_no_network_but_loopback(live):
    register(live, "none", prober("app"), networkMode="none")
    task = running(live, run(live, "none"))
    assert part(task)["networkBindings"] == []
    assert look(task, "list", "/sys/class/net").split() == ["lo"]


def test_disabled_networking_has_no_network_but_loopback(live):
    register(live, "off", prober("app", disableNetworking=True))
    assert look(running(live, run(live, "off")), "list", "/sys/class/net").split() == ["lo"]


def test_t10_a_container_that_ended_keeps_its_bindings(live):
    register(live, "kept", prober("app", "serve", portMappings=[port(8080)]))
    arn = run(live, "kept")
    before = part(running(live, arn))["networkBindings"]
    live.stop_task(task=arn)
    assert part(stopped(live, arn))["networkBindings"] == before
