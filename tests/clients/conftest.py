"""A running Berth for clients that nobody here wrote: boto3 and the `aws` command.

One `berth dev` serves all tests of a run, on a port and a data folder of its own, with the machine's Docker Engine below it. Each test
has a region of its own, which is a namespace of its own; only tests that need real containers share the region that the agent is in.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
import uuid

import boto3
import botocore.config
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BERTH = os.environ.get("BERTH_BINARY", str(ROOT / "target/debug/berth"))
PROGRAM = os.environ.get("BERTH_TEST_PROGRAM")
PROBE_PROGRAM = os.environ.get("BERTH_TEST_PROBE")
# Names of this run's own: several runs may share an engine.
IMAGES = f"berth-test-{os.getpid()}"
IMAGE = f"{IMAGES}/hello:1"
PROBE = f"{IMAGES}/probe:1"
# On every image of this run, also those that were pulled or that lost their names.
IMAGE_LABEL = ("dev.berth.test", IMAGES)
KEY, SECRET = "AKIATESTCLIENTS00000", "a-secret-of-the-client-tests"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(what, probe, seconds=60, pause=0.05):
    """The first true value of probe(); fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what}")
        time.sleep(pause)


def spawn(log, *words, before=()):
    """A process of Berth that sees nothing of our environment's settings; `before` are words of a command around it."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "BERTH_", "DATABASE_URL"))}
    with open(log, "ab") as out:
        return subprocess.Popen(
            [*before, BERTH, *words, "--access-key-id", KEY, "--secret-access-key", SECRET],
            stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)


class Berth:
    """The process and what tests need to know of it."""

    def __init__(self, data_dir, host="127.0.0.1"):
        self.data_dir = data_dir
        self.host, self.port = host, free_port()
        self.url = f"http://{host}:{self.port}"
        self.process = None
        # initdb runs as another user, who has to pass through.
        for folder in [data_dir, *data_dir.parents]:
            if str(folder).startswith(tempfile.gettempdir() + "/"):
                folder.chmod(0o755)

    def start(self, *flags):
        self.process = spawn(
            self.data_dir / "berth.log", "dev", "--listen", f"{self.host}:{self.port}", "--data-dir", str(self.data_dir / "data"),
            "--allow-reset", "--service-healthy-after", "1s", *flags)
        until("berth is ready", self.ready, 120)

    def ready(self):
        if self.process.poll() is not None:
            pytest.fail(f"berth ended: {self.log()[-4000:]}")
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as reply:
                return reply.status == 200
        except OSError:
            return False

    def log(self):
        return (self.data_dir / "berth.log").read_text(errors="replace")

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)

    def postgres(self):
        """The process id of the private PostgreSQL, if it runs."""
        try:
            return int((self.data_dir / "data/postgres/data/postmaster.pid").read_text().splitlines()[0])
        except FileNotFoundError:
            return None

    def end(self):
        """Stops everything, also what a killed process left."""
        self.stop()
        if (left := self.postgres()) and os.path.exists(f"/proc/{left}"):
            os.kill(left, signal.SIGQUIT)

    def client(self, region="us-east-1", service="ecs"):
        return boto3.client(
            service, region_name=region, endpoint_url=self.url, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
            config=botocore.config.Config(retries={"max_attempts": 1}, read_timeout=60))

    def environment(self, region="us-east-1"):
        """What `berth env` exports, for commands."""
        return {**os.environ, "AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_DEFAULT_REGION": region, "AWS_REGION": region, "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true"}

    def aws(self, *words, region="us-east-1", check=True):
        """Runs the `aws ecs` command; gives its JSON output."""
        done = subprocess.run(["aws", "ecs", *words, "--output", "json"], capture_output=True, text=True,
                              env=self.environment(region), timeout=700)
        if not check:
            return done
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None


def docker(*words, check=True):
    """Runs the `docker` command; gives what it printed."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True)
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout.strip()


def inspect(container_id):
    return json.loads(docker("inspect", container_id))[0]


def remove_what_tasks_left(instance_arn):
    """Containers and volumes of a container instance: the agent keeps those of stopped tasks for a while."""
    label = f"label=dev.berth.container-instance={instance_arn}"
    for listed, remove in ((("ps", "-aq"), ("rm", "-fv")), (("volume", "ls", "-q"), ("volume", "rm", "-f"))):
        if found := docker(*listed, "--filter", label).split():
            docker(*remove, *found, check=False)


def import_image(image, program, name, *changes):
    """An image of one static program: no registry, no builder."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["install", "-m", "0755", program, f"{folder}/{name}"], check=True)
        tar = subprocess.Popen(["tar", "-C", folder, "-c", name], stdout=subprocess.PIPE)
        words = [word for change in (f'ENTRYPOINT ["/{name}"]', "LABEL " + "=".join(IMAGE_LABEL), *changes) for word in ("-c", change)]
        subprocess.run(["docker", "import", *words, "-", image], stdin=tar.stdout, check=True, capture_output=True)
        tar.wait()


def remove_images():
    if left := set(docker("images", "-aq", "--filter", "label=" + "=".join(IMAGE_LABEL)).split()):
        docker("image", "rm", "-f", *left, check=False)


def derived_image(image, *instructions, base=PROBE):
    """An image on top of another; takes instructions that `docker import` does not know."""
    dockerfile = "\n".join([f"FROM {base}", *instructions])
    subprocess.run(["docker", "build", "-q", "-t", image, "-"], input=dockerfile, text=True, check=True, capture_output=True)


@pytest.fixture(scope="session")
def image():
    """The sample program as an image of its own: `hello`, `hello check`, `hello exit <code> [seconds]`."""
    assert PROGRAM, "BERTH_TEST_PROGRAM has to name the static sample program (see infra/test)"
    import_image(IMAGE, PROGRAM, "hello")
    yield IMAGE
    remove_images()


@pytest.fixture(scope="session")
def probe():
    """The program of tests/program as an image of its own."""
    assert PROBE_PROGRAM, "BERTH_TEST_PROBE has to name the static test program (see infra/test)"
    import_image(PROBE, PROBE_PROGRAM, "probe")
    yield PROBE
    remove_images()


@pytest.fixture(scope="session")
def berth(tmp_path_factory):
    berth = Berth(tmp_path_factory.mktemp("berth"))
    berth.start()
    yield berth
    berth.end()


@pytest.fixture
def region():
    """A region that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}-1"


@pytest.fixture
def ecs(berth, region):
    """A boto3 client in a region of its own."""
    return berth.client(region)


@pytest.fixture
def live(berth, image, probe):
    """A boto3 client in the region with the agent, whose cluster `default` is empty before and after."""
    client = berth.client()
    until("the agent has registered and is connected", lambda: connected(client), 60)
    yield client
    empty(client)
    for arn in client.list_container_instances()["containerInstanceArns"]:
        remove_what_tasks_left(arn)


def connected(client):
    try:
        arns = client.list_container_instances()["containerInstanceArns"]
    except client.exceptions.ClusterNotFoundException:
        return False
    return arns and all(
        i["agentConnected"] for i in client.describe_container_instances(containerInstances=arns)["containerInstances"])


def empty(client):
    for name in client.list_services()["serviceArns"]:
        client.delete_service(service=name, force=True)
    for arn in client.list_tasks()["taskArns"]:
        client.stop_task(task=arn)
    until("all tasks are stopped",
          lambda: all(client.describe_clusters()["clusters"][0][count] == 0 for count in ("runningTasksCount", "pendingTasksCount")), 90)


def container(name="app", **more):
    """A container definition of the sample image."""
    return {"name": name, "image": IMAGE, "memory": 32, "essential": True, **more}


def stopped(client, arn, seconds=60):
    def probe():
        task = client.describe_tasks(tasks=[arn])["tasks"][0]
        return task if task["lastStatus"] == "STOPPED" else None
    return until(f"{arn} is STOPPED", probe, seconds)


def running(client, arn, seconds=60):
    def probe():
        task = client.describe_tasks(tasks=[arn])["tasks"][0]
        assert task["lastStatus"] != "STOPPED", task.get("stoppedReason")
        return task if task["lastStatus"] == "RUNNING" else None
    return until(f"{arn} is RUNNING", probe, seconds)


def register(client, family, *containers, **more):
    return client.register_task_definition(family=family, containerDefinitions=list(containers), **more)["taskDefinition"]


def run(client, family, **more):
    """Starts one task; gives its ARN."""
    reply = client.run_task(taskDefinition=family, **more)
    assert reply["failures"] == []
    return reply["tasks"][0]["taskArn"]


def prober(name="app", *command, **more):
    """A container definition of the test program."""
    words = {"command": list(command)} if command else {}
    return {"name": name, "image": PROBE, **({} if "memoryReservation" in more else {"memory": 32}), **words, **more}


def part(task, name="app"):
    """The container of a task."""
    return next(c for c in task["containers"] if c["name"] == name)


def look(task, *words, name="app", check=True):
    """What the test program prints in a container of the task."""
    return docker("exec", part(task, name)["runtimeId"], "/probe", *words, check=check)


def describe(client, arn):
    return client.describe_tasks(tasks=[arn])["tasks"][0]


def service(client, name):
    return client.describe_services(services=[name])["services"][0]


def messages(client, name):
    return [event["message"] for event in service(client, name)["events"]]


def steady(client, name, seconds=60):
    def probe():
        found = service(client, name)
        done = len(found["deployments"]) == 1 and found["runningCount"] == found["desiredCount"] and found["pendingCount"] == 0
        return found if done and found["deployments"][0].get("rolloutState") == "COMPLETED" else None
    return until(f"{name} is steady", probe, seconds)
