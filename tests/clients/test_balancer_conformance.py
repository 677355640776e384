"""The data plane against clients and targets that nobody here wrote: curl, nghttp, h2load, grpcio, websockets, http.server (LB-33 to LB-36)."""

import hashlib
import http.client
import http.cookiejar
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import urllib.request
import uuid

import grpc
import pytest
import websockets.sync.client
from conftest import free_port, until
from targets import HEALTH, GrpcTarget, HttpTarget, echoing_websockets

LARGE = 20 << 20
# Status lines of what a balancer answers or passes on.
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, timeout=30, **more)
    assert done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


class Site:
    """A load balancer with an HTTP, an HTTPS and a gRPC listener, and its targets on this machine."""

    def __init__(self, berth, folder):
        region = f"test-{uuid.uuid4().hex[:12]}-1"
        self.folder, self.elb, self.acm = folder, berth.client(region, "elbv2"), berth.client(region, "acm")
        subnets = berth.client(region, "ec2").describe_subnets()["Subnets"]
        self.vpc = subnets[0]["VpcId"]
        made = self.elb.create_load_balancer(Name="site", Subnets=[s["SubnetId"] for s in subnets][:2])
        self.balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
        self.web, self.twins = HttpTarget(), [HttpTarget("left"), HttpTarget("right")]
        self.sockets, self.rpc = echoing_websockets(), GrpcTarget()
        web = self.group("web", [self.web.server_port])
        sockets = self.group("sockets", [self.sockets.socket.getsockname()[1]])
        rpc = self.group("rpc", [self.rpc.port], ProtocolVersion="GRPC")
        twins = self.group("twins", [one.server_port for one in self.twins])
        self.elb.modify_target_group_attributes(TargetGroupArn=twins, Attributes=[
            {"Key": "stickiness.enabled", "Value": "true"}, {"Key": "stickiness.type", "Value": "lb_cookie"},
            {"Key": "stickiness.lb_cookie.duration_seconds", "Value": "600"}])
        self.http_port, self.https_port, self.grpc_port = free_port(), free_port(), free_port()
        one, two = self.certificate("one.example.com"), self.certificate("two.example.com")
        plain = self.listener(self.http_port, web, Protocol="HTTP")
        secure = self.listener(self.https_port, web, Protocol="HTTPS", Certificates=[{"CertificateArn": one}])
        self.listener(self.grpc_port, rpc, Protocol="HTTPS", Certificates=[{"CertificateArn": one}])
        self.elb.add_listener_certificates(ListenerArn=secure, Certificates=[{"CertificateArn": two}])
        forward = {path: {"Type": "forward", "TargetGroupArn": group} for path, group in (("/ws", sockets), ("/sticky*", twins))}
        answers = {
            "/moved/*": {"Type": "redirect", "RedirectConfig": {
                "StatusCode": "HTTP_301", "Protocol": "HTTPS", "Port": str(self.https_port), "Path": "/to/#{path}", "Query": "#{query}&by=site"}},
            "/fixed": {"Type": "fixed-response", "FixedResponseConfig": {
                "StatusCode": "418", "ContentType": "application/json", "MessageBody": '{"tea":true}'}}}
        for listener, rules in ((plain, forward | answers), (secure, forward)):
            for priority, (path, action) in enumerate(rules.items(), 1):
                self.elb.create_rule(ListenerArn=listener, Priority=priority, Actions=[action],
                                     Conditions=[{"Field": "path-pattern", "Values": [path]}])
        self.address = until("a proxy listens", self.listening)
        for group in (web, sockets, rpc, twins):
            until("its targets are healthy", lambda group=group: self.healthy(group))

    def group(self, name, ports, **more):
        check = {} if more else {"HealthCheckPath": HEALTH}
        arn = self.elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=self.vpc, TargetType="ip", HealthCheckIntervalSeconds=5,
                                           HealthCheckTimeoutSeconds=3, **check, **more)["TargetGroups"][0]["TargetGroupArn"]
        self.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1", "Port": port} for port in ports])
        return arn

    def listener(self, port, group, **more):
        return self.elb.create_listener(LoadBalancerArn=self.balancer, Port=port, DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
                                        **more)["Listeners"][0]["ListenerArn"]

    def certificate(self, name):
        """Imports a self-signed certificate; its PEM file is named after it."""
        key, leaf = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", f"/CN={name}",
            "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", leaf)
        return self.acm.import_certificate(Certificate=leaf.read_bytes(), PrivateKey=key.read_bytes())["CertificateArn"]

    def listening(self):
        """Each balancer has an address of its own in 127.0.64.0/20; nobody else has these ports."""
        for number in range(1, 200):
            address = f"127.0.64.{number}"
            if all(reachable(address, port) for port in (self.http_port, self.https_port, self.grpc_port)):
                return address
        return None

    def healthy(self, group):
        described = self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return all(one["TargetHealth"]["State"] == "healthy" for one in described)

    def url(self, path="/"):
        return f"http://{self.address}:{self.http_port}{path}"

    def secure_url(self, path="/", name="one.example.com"):
        return f"https://{name}:{self.https_port}{path}"

    def curl(self, *words, trust="one.example.com"):
        """Runs curl, for which every name is the balancer's."""
        return run("curl", "-sS", "-m", 20, "--cacert", self.folder / f"{trust}.pem", "--connect-to", f"::{self.address}:", *words).stdout

    def raw(self, octets):
        """Sends octets; gives all that comes back until the balancer ends the connection, or says nothing for a while."""
        with socket.create_connection((self.address, self.http_port), 5) as s:
            s.settimeout(0.5)
            s.sendall(octets)
            got = b""
            try:
                while more := s.recv(65536):
                    got += more
            except (TimeoutError, ConnectionResetError):
                pass
            return got

    def close(self):
        self.elb.delete_load_balancer(LoadBalancerArn=self.balancer)
        for target in (self.web, *self.twins, self.sockets):
            target.shutdown()
        self.rpc.server.stop(0)


def reachable(address, port):
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex((address, port)) == 0


@pytest.fixture(scope="module")
def site(berth, tmp_path_factory):
    site = Site(berth, tmp_path_factory.mktemp("site"))
    yield site
    site.close()


@pytest.fixture
def large(tmp_path):
    file = tmp_path / "large"
    file.write_bytes(os.urandom(LARGE))
    return file


def values(heard, name):
    return [value for key, value in heard["headers"] if key.lower() == name]


# curl


def test_curl_uses_one_connection_for_several_requests(site):
    out = site.curl("-w", "%{num_connects} %{http_code} %{http_version}\n", *(word for _ in range(3) for word in ("-o", "/dev/null", site.url("/a"))))
    assert out.decode().splitlines() == ["1 200 1.1", "0 200 1.1", "0 200 1.1"]


def test_lb35_fields_keep_their_order_and_the_forwarded_ones_are_added(site):
    heard = json.loads(site.curl("-H", "X-B: 1", "-H", "X-A: 2", "-H", "x-b: 3", "-H", "X-Forwarded-For: 10.1.1.1", "-H", "X-Forwarded-Proto: gopher",
                                 "-H", "Connection: X-Secret", "-H", "X-Secret: 1", "-H", "Host: shop.example.com", site.url("/a%20b?c=%2F&d")))
    assert heard["path"] == "/a%20b?c=%2F&d"
    assert [(k, v) for k, v in heard["headers"] if k.lower() in ("x-a", "x-b")] == [("X-B", "1"), ("X-A", "2"), ("x-b", "3")]
    assert values(heard, "host") == ["shop.example.com"]
    assert values(heard, "x-forwarded-for") == ["10.1.1.1, 127.0.0.1"]
    assert values(heard, "x-forwarded-proto") == ["http"] and values(heard, "x-forwarded-port") == [str(site.http_port)]
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", values(heard, "x-amzn-trace-id")[0])
    assert values(heard, "x-secret") == [], "a field that Connection names ends here"


def test_curl_uploads_in_chunks(site):
    heard = json.loads(site.curl("-H", "Transfer-Encoding: chunked", "-H", "Expect:", "-d", "hello " * 1000, site.url("/up")))
    assert heard["method"] == "POST" and heard["body"] == "hello " * 1000
    assert values(heard, "transfer-encoding") == ["chunked"] and values(heard, "content-length") == []


def test_curl_that_expects_100_gets_it_before_it_sends_the_body(site):
    # Without an interim answer curl would hold the body back for longer than it may take.
    done = run("curl", "-svS", "-m", 10, "--expect100-timeout", 60, "-H", "Expect: 100-continue", "-d", "the body", site.url("/mirror"))
    assert done.stdout == b"the body" and b"< HTTP/1.1 100 Continue" in done.stderr


def test_curl_gets_the_head_only(site):
    out = site.curl("-I", "-w", "%{num_connects}\n", site.url("/many?1234"), site.url("/many?0"))
    assert out.count(b"HTTP/1.1 200 ") == 2 and re.search(rb"(?i)content-length: 1234\r\n", out)
    assert re.findall(rb"(?m)^(\d)$", out) == [b"1", b"0"], "the connection goes on"


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_a_large_body_goes_there_and_back(site, large, version):
    back = site.curl(f"--http{version}", "-H", "Expect:", "--data-binary", f"@{large}", site.secure_url("/mirror"))
    assert hashlib.sha256(back).digest() == hashlib.sha256(large.read_bytes()).digest()


def test_curl_speaks_http2_to_an_imported_certificate(site):
    out = site.curl("--http2", "-w", "\n%{http_version} %{ssl_verify_result} %{http_code}", "-H", "Cookie: a=1", "-H", "Cookie: b=2",
                    site.secure_url("/h2"))
    body, facts = out.decode().rsplit("\n", 1)
    heard = json.loads(body)
    assert facts == "2 0 200"
    assert values(heard, "host") == [f"one.example.com:{site.https_port}"] and values(heard, "x-forwarded-proto") == ["https"]
    assert values(heard, "x-forwarded-port") == [str(site.https_port)]
    assert "; ".join(values(heard, "cookie")) == "a=1; b=2"


@pytest.mark.parametrize(("asked", "shown"), [("one.example.com", "one"), ("two.example.com", "two"), ("three.example.com", "one")])
def test_lb39_the_name_that_a_client_asks_for_chooses_the_certificate(site, asked, shown):
    out = site.curl("-k", "-o", "/dev/null", "-w", "%{certs}", site.secure_url(name=asked))
    assert f"{shown}.example.com" in out.decode()
    if asked.startswith(shown):
        site.curl("-o", "/dev/null", site.secure_url(name=asked), trust=asked)


def test_lb33_curl_follows_a_redirect_to_https(site):
    out = site.curl("-L", "-w", "\n%{num_redirects} %{url_effective}", f"http://one.example.com:{site.http_port}/moved/a?b=c")
    body, facts = out.decode().rsplit("\n", 1)
    assert facts == "1 " + site.secure_url("/to/moved/a?b=c&by=site")
    assert json.loads(body)["path"] == "/to/moved/a?b=c&by=site"


def test_lb33_a_fixed_response_is_whole(site):
    out = site.curl("-w", "\n%{http_code} %{content_type} %{size_download}", site.url("/fixed"))
    assert out.decode() == '{"tea":true}\n418 application/json 12'
    out = site.curl("-I", site.url("/fixed")).decode()
    assert re.search(r"(?i)content-length: 12\r\n", out)


# nghttp and h2load


def test_nghttp_asks_over_many_streams_at_once(site):
    out = run("nghttp", "-ns", "-m", 50, *(f"https://{site.address}:{site.https_port}/{path}" for path in ("a", "b", "many?70000"))).stdout
    answers = re.findall(rb"(?m)^ *\d+ .* (\d{3}) +([0-9.]+K?) (/\S*)$", out)
    assert len(answers) == 150 and {status for status, _, _ in answers} == {b"200"}
    assert [size for _, size, path in answers if path == b"/many?70000"] == [b"68K"] * 50


@pytest.mark.parametrize("words", [("-m", 20), ("--h1",)], ids=["h2", "h1"])
def test_h2load_gets_two_thousand_good_answers(site, words):
    before = len(site.web.record)
    out = run("h2load", "-n", 2000, "-c", 8, *words, f"https://{site.address}:{site.https_port}/load").stdout
    assert b"2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout" in out and b"2000 2xx" in out
    assert len(site.web.record) == before + 2000


# gRPC


@pytest.fixture
def channel(site):
    trust = grpc.ssl_channel_credentials((site.folder / "one.example.com.pem").read_bytes())
    options = [("grpc.ssl_target_name_override", "one.example.com"), ("grpc.default_authority", "one.example.com")]
    with grpc.secure_channel(f"{site.address}:{site.grpc_port}", trust, options) as channel:
        yield channel


def test_grpc_unary_calls_carry_messages_and_metadata(channel):
    for message in (b"", b"hello", os.urandom(3 << 20)):
        reply, call = channel.unary_unary("/test.Echo/Unary").with_call(message, timeout=10, metadata=(("x-asked", "why"),))
        assert reply == message and call.code() is grpc.StatusCode.OK
        assert dict(call.initial_metadata())["x-early"] == "why"
        late = dict(call.trailing_metadata())
        assert late["x-late"] == "yes" and late["x-raw-bin"] == bytes(range(256))


@pytest.mark.parametrize("code", ["NOT_FOUND", "PERMISSION_DENIED", "DATA_LOSS"])
def test_grpc_status_codes_come_back_as_they_were(channel, code):
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/test.Echo/Fail")(code.encode(), timeout=10)
    assert caught.value.code() is grpc.StatusCode[code] and caught.value.details() == "nothing here: ü, 100 %"
    assert dict(caught.value.trailing_metadata())["x-why"] == "absent"


def test_grpc_unknown_methods_are_unimplemented(channel):
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/test.Echo/Other")(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_grpc_server_streaming_gives_every_message_in_order(channel):
    call = channel.unary_stream("/test.Echo/Count")(b"1000", timeout=20)
    assert [int(message) for message in call] == list(range(1000))
    assert dict(call.trailing_metadata())["x-count"] == "1000"


def test_grpc_both_sides_talk_in_turn(channel):
    # The next message leaves only after the answer to the one before.
    turns, heard = iter(range(50)), []

    def talk():
        for turn in turns:
            until("the answer is here", lambda: len(heard) == turn, 10, 0.001)
            yield b"turn %d" % turn

    for reply in channel.stream_stream("/test.Echo/Both")(talk(), timeout=20):
        heard.append(reply)
    assert heard == [(b"turn %d" % turn)[::-1] for turn in range(50)]


def test_grpc_a_deadline_reaches_the_target(site, channel):
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/test.Echo/Slow")(b"", timeout=0.5)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert site.rpc.cancelled.wait(5), "the target knows that nobody waits"


def test_lb36_a_grpc_group_refuses_http1(site):
    out = site.curl("--http1.1", "-o", "/dev/null", "-w", "%{http_code}", f"https://one.example.com:{site.grpc_port}/test.Echo/Unary")
    assert out == b"464"


# WebSocket, server-sent events, cookies


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_websockets_echo_ping_and_large_messages(site, scheme):
    if scheme == "ws":
        where = {"uri": f"ws://{site.address}:{site.http_port}/ws"}
    else:
        context = ssl.create_default_context(cafile=site.folder / "one.example.com.pem")
        where = {"uri": f"wss://one.example.com:{site.https_port}/ws", "ssl": context,
                 "sock": socket.create_connection((site.address, site.https_port), 5)}
    with websockets.sync.client.connect(**where, max_size=None, proxy=None) as ws:
        assert ws.response.status_code == 101
        for message in ("hello", "grüße", b"\0\xff", os.urandom(1 << 20), "x" * (1 << 20)):
            ws.send(message)
            assert ws.recv(10) == message
        assert ws.ping().wait(5), "its pong"
        ws.send(part for part in ("in ", "three ", "frames"))
        assert ws.recv(10) == "in three frames"
        ws.close(4001, "enough")
        assert (ws.close_code, ws.close_reason) == (4001, "enough")


def test_server_sent_events_arrive_one_by_one(site):
    connection = http.client.HTTPConnection(site.address, site.http_port, timeout=10)
    connection.request("GET", "/events?5")
    reply = connection.getresponse()
    # The target sends the next event only after this one was seen, so that a balancer that gathers them would wait forever.
    for number in range(5):
        assert (reply.readline(), reply.readline()) == (b"data: %d\n" % number, b"\n")
        site.web.seen.release()
    assert reply.read() == b""


def test_server_sent_events_arrive_one_by_one_over_http2(site):
    words = ["curl", "-sSN", "-m", "20", "--http2", "--cacert", site.folder / "one.example.com.pem", "--connect-to", f"::{site.address}:"]
    with subprocess.Popen([*words, site.secure_url("/events?5")], stdout=subprocess.PIPE) as curl:
        for number in range(5):
            assert (curl.stdout.readline(), curl.stdout.readline()) == (b"data: %d\n" % number, b"\n")
            site.web.seen.release()
        assert curl.stdout.read() == b""
    assert curl.returncode == 0


def test_lb34_a_cookie_jar_comes_back_to_its_target(site):
    def target(opener):
        with opener.open(site.url("/sticky/a"), timeout=10) as reply:
            return reply.headers["X-Target"]

    strangers = {target(urllib.request.build_opener()) for _ in range(8)}
    assert strangers == {"left", "right"}
    for _ in range(4):
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        assert len({target(opener) for _ in range(8)}) == 1
        names = {cookie.name: cookie for cookie in jar}
        assert set(names) >= {"AWSALB"} and not names["AWSALB"].discard and names["AWSALB"].path == "/"


BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(not BROWSER, reason="neither chromium nor google-chrome is installed")
def test_a_browser_loads_a_page_that_uses_everything(site, tmp_path):
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--ignore-certificate-errors",
             "--disable-background-networking", f"--user-data-dir={tmp_path}", f"--host-resolver-rules=MAP * {site.address}"]
    said = tmp_path / "browser.log"
    with said.open("wb") as log:
        browser = subprocess.Popen([BROWSER, *words, "--remote-debugging-port=0", site.secure_url("/page")],
                                   stdout=log, stderr=log, start_new_session=True)

    def reported():
        assert browser.poll() is None, f"the browser ended: {said.read_text()}"
        return next((body for line, body in site.web.record if line.startswith("POST /report") and body), None)

    # A browser that starts for the first time reads hundreds of megabytes.
    try:
        report = json.loads(until("the page has told what it saw", reported, 120))
    finally:
        if browser.poll() is None:
            os.killpg(browser.pid, signal.SIGTERM)
            browser.wait(30)
    assert report == {"streams": [f"/a?{number}" for number in range(40)], "events": ["0", "1", "2"], "socket": 1 << 20, "sticky": 1,
                      "upload": True, "protocol": "h2"}


# Requests that two programs could frame in two ways: at most one arrives, and what hides in it never does.

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"


def post(*lines, body=b"", version=b"1.1"):
    head = [b"POST /outer HTTP/" + version, b"Host: x", *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


TE, CL = b"Transfer-Encoding: chunked", b"Content-Length: %d" % (5 + len(HIDDEN))
END = b"0\r\n\r\n"
TWICE = END + HIDDEN

# What is sent, the only status that may come, and how many requests the target may see of it.
SMUGGLED = {
    "cl-te": (post(CL, TE, body=TWICE), 200, 1),
    "te-cl": (post(TE, b"Content-Length: 4", body=chunk(HIDDEN) + END), 200, 1),
    "te-te-unknown": (post(CL, TE, b"Transfer-Encoding: x", body=TWICE), 501, 0),
    "te-te-list": (post(CL, b"Transfer-Encoding: x, chunked", body=TWICE), 501, 0),
    "te-twice": (post(CL, TE, TE, body=TWICE), 200, 1),
    "te-prefixed": (post(CL, b"Transfer-Encoding: xchunked", body=TWICE), 501, 0),
    "te-quoted": (post(CL, b'Transfer-Encoding: "chunked"', body=TWICE), 400, 0),
    "te-vertical-tab": (post(CL, b"Transfer-Encoding: \x0bchunked", body=TWICE), 400, 0),
    "te-tab": (post(CL, b"Transfer-Encoding:\tchunked", body=TWICE), 200, 1),
    "te-empty": (post(CL, b"Transfer-Encoding:", body=TWICE), 400, 0),
    "te-underscore": (post(CL, b"Transfer_Encoding: chunked", body=TWICE), 200, 1),
    "te-space-before-colon": (post(CL, b"Transfer-Encoding : chunked", body=TWICE), 400, 0),
    "te-leading-space": (post(CL, b" Transfer-Encoding: chunked", body=TWICE), 400, 0),
    "te-after-bare-lf": (post(CL, b"X: y\nTransfer-Encoding: chunked", body=TWICE), 400, 0),
    "te-after-bare-cr": (post(CL, b"X: y\rTransfer-Encoding: chunked", body=TWICE), 400, 0),
    "te-folded": (post(CL, b"Transfer-Encoding:\r\n chunked", body=TWICE), 400, 0),
    "te-http10": (post(CL, TE, body=TWICE, version=b"1.0"), 400, 0),
    "cl-differing": (post(b"Content-Length: 0", CL, body=TWICE), 400, 0),
    "cl-same": (post(CL, CL, body=TWICE), 200, 1),
    "cl-list": (post(b"Content-Length: 0, 0", body=HIDDEN), 400, 0),
    "cl-plus": (post(b"Content-Length: +4", body=b"body" + HIDDEN), 400, 0),
    "cl-negative": (post(b"Content-Length: -1", body=HIDDEN), 400, 0),
    "cl-hex": (post(b"Content-Length: 0x4", body=b"body" + HIDDEN), 400, 0),
    "cl-overflow": (post(b"Content-Length: 18446744073709551616", body=HIDDEN), 400, 0),
    "cl-space-before-colon": (post(b"Content-Length : 4", body=b"body" + HIDDEN), 400, 0),
    "obs-fold": (post(b"X-Long: a", b" b", body=HIDDEN), 400, 0),
    "bare-lf-lines": (b"POST /outer HTTP/1.1\nHost: x\nContent-Length: 0\n\n" + HIDDEN, 400, 0),
    "bare-lf-ends-head": (b"POST /outer HTTP/1.1\r\nHost: x\r\nX: y\r\n\n" + HIDDEN, 400, 0),
    "nul-in-value": (post(b"X: a\0b", body=HIDDEN), 400, 0),
    "nul-in-name": (post(b"X\0: a", body=HIDDEN), 400, 0),
    "nul-in-path": (b"GET /ou\0ter HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN, 400, 0),
    "no-colon": (post(b"X", body=HIDDEN), 400, 0),
    "two-hosts": (post(b"Host: y", body=HIDDEN), 400, 0),
    "get-with-body": (b"GET /outer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN, 200, 1),
    # Of these the target may have seen the head before the balancer knew.
    "chunk-size-overflow": (post(TE, body=b"10000000000000004\r\nbody\r\n" + TWICE), 400, 1),
    "chunk-size-negative": (post(TE, body=b"-1\r\n" + HIDDEN), 400, 1),
    "chunk-size-hex-prefix": (post(TE, body=b"0x4\r\nbody\r\n" + TWICE), 400, 1),
    "chunk-size-bare-lf": (post(TE, body=b"4\nbody\r\n" + TWICE), 400, 1),
    "chunk-data-too-long": (post(TE, body=b"4\r\nbodybody\r\n" + TWICE), 400, 1),
    "chunk-extension-overflow": (post(TE, body=b"4;" + b"a" * 6000 + b"\r\nbody\r\n" + TWICE), 400, 1),
    "chunk-extension-bare-lf": (post(TE, body=b"4;a\nb\r\nbody\r\n" + TWICE), 400, 1),
    "trailer-folded": (post(TE, body=b"0\r\nX: a\r\n b\r\n\r\n" + HIDDEN), 400, 1),
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_lb36_nothing_hides_in_a_request(site, name):
    octets, status, most = SMUGGLED[name]
    before = len(site.web.record)
    got = site.raw(octets)
    # Whatever was left behind on a connection to the target would spoil this one, or the record.
    with urllib.request.urlopen(site.url("/marker"), timeout=5) as reply:
        assert json.load(reply)["path"] == "/marker"
    lines = [line for line, _ in site.web.record[before:]]
    arrived, marker = lines[:-1], lines[-1]
    assert marker == "GET /marker HTTP/1.1"
    assert STATUS.findall(got) == [b"%d" % status], got[:200]
    assert len(arrived) <= most and (status != 200 or len(arrived) == 1), arrived
    assert all(line.split(" ")[1] == "/outer" for line in arrived)


def test_lb35_in_strictest_mode_nothing_odd_arrives_at_all(site):
    def mode(name, status):
        site.elb.modify_load_balancer_attributes(LoadBalancerArn=site.balancer, Attributes=[
            {"Key": "routing.http.desync_mitigation_mode", "Value": name}])
        until(f"the proxy is {name}", lambda: STATUS.findall(site.raw(SMUGGLED["cl-te"][0])) == [status], 20)

    mode("strictest", b"400")
    try:
        before = len(site.web.record)
        for name, (octets, status, _) in SMUGGLED.items():
            assert STATUS.findall(site.raw(octets)) == [b"400" if status == 200 else b"%d" % status], name
        with urllib.request.urlopen(site.url("/marker"), timeout=5):
            assert [line for line, _ in site.web.record[before:]] == ["GET /marker HTTP/1.1"]
    finally:
        mode("defensive", b"200")


def test_requests_that_follow_each_other_are_answered_in_order(site):
    one, two = post(CL, body=TWICE), b"GET /second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    got = site.raw(one + two)
    assert STATUS.findall(got) == [b"200", b"200"]
    assert re.findall(rb'"path": "(/\w+)"', got) == [b"/outer", b"/second"]


def test_an_upgrade_to_h2c_is_not_passed_on(site):
    heard = json.loads(site.curl("--http2", site.url("/plain")))
    assert values(heard, "upgrade") == values(heard, "http2-settings") == []


# The same by HTTP/2 frames that no library would send.


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(text):
    assert len(text) < 127
    return bytes([len(text)]) + text


def fields_block(*fields):
    return b"".join(b"\0" + literal(name) + literal(value) for name, value in fields)


USUAL = {b":method": b"POST", b":scheme": b"https", b":authority": b"x", b":path": b"/outer"}
DOWNGRADED = {
    "nothing-odd": ({}, b"body"),
    "transfer-encoding": ({b"transfer-encoding": b"chunked"}, TWICE),
    "length-too-short": ({b"content-length": b"0"}, HIDDEN),
    "length-too-long": ({b"content-length": b"5000"}, HIDDEN),
    "line-break-in-value": ({b"x": b"y\r\nTransfer-Encoding: chunked"}, TWICE),
    "line-break-in-name": ({b"x: y\r\ntransfer-encoding": b"chunked"}, TWICE),
    "line-break-in-path": ({b":path": b"/outer HTTP/1.1\r\nHost: x\r\n\r\nGET /hidden"}, b""),
    "line-break-in-method": ({b":method": b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\nPOST"}, b""),
    "line-break-in-authority": ({b":authority": b"x\r\n\r\nGET /hidden HTTP/1.1\r\nHost: x"}, b""),
    "colon-in-name": ({b"transfer-encoding: chunked\x00x": b"y"}, TWICE),
    "connection": ({b"connection": b"keep-alive"}, b""),
}


@pytest.mark.parametrize("name", DOWNGRADED)
def test_nothing_hides_in_http2_frames(site, name):
    odd, body = DOWNGRADED[name]
    context = ssl.create_default_context(cafile=site.folder / "one.example.com.pem")
    context.set_alpn_protocols(["h2"])
    before = len(site.web.record)
    with socket.create_connection((site.address, site.https_port), 5) as plain, context.wrap_socket(plain, server_hostname="one.example.com") as s:
        assert s.selected_alpn_protocol() == "h2"
        s.settimeout(5)
        block = fields_block(*(USUAL | odd).items())
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(1, 4, 1, block) + frame(0, 1, 1, body) + frame(6, 0, 0, b"a" * 8))
        ends = stream_ends(s)
    assert ends, "the stream is refused, and does not linger"
    with urllib.request.urlopen(site.url("/marker"), timeout=5) as reply:
        assert json.load(reply)["path"] == "/marker"
    arrived = [line for line, _ in site.web.record[before:]]
    assert arrived.pop() == "GET /marker HTTP/1.1"
    assert arrived == (["POST /outer HTTP/1.1"] if name == "nothing-odd" else []) or "length" in name, arrived
    assert arrived in ([], ["POST /outer HTTP/1.1"])


def stream_ends(s):
    """Whether stream 1 is answered, reset, or lost with its connection."""
    got = b""
    while True:
        while len(got) >= 9 and len(got) >= 9 + (length := int.from_bytes(got[:3], "big")):
            kind, flags, stream = got[3], got[4], int.from_bytes(got[5:9], "big")
            if kind in (3, 7) or (stream == 1 and kind in (0, 1) and flags & 1):
                return True
            got = got[9 + length:]
        try:
            more = s.recv(65536)
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True
        if not more:
            return True
        got += more
