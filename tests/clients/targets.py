"""Programs behind a load balancer that nobody here wrote the protocols of: http.server, websockets and grpcio.

Each keeps a record of what reached it, so that a test can say how many requests came through.
"""

import concurrent.futures
import http.server
import json
import threading
import time
import urllib.parse

import grpc
import websockets.sync.server

HEALTH = "/healthz"
# Nobody waits longer for the other side.
PATIENCE = 10


# What a browser does by itself, told to /report.
PAGE = b"""<!doctype html><title>page</title><script>
const once = (thing, name) => new Promise((done, fail) => {
  thing.addEventListener(name, done, {once: true}); thing.addEventListener("error", () => fail(new Error(name)), {once: true}); });
const events = count => new Promise((done, fail) => {
  const source = new EventSource("/events?" + count), seen = [];
  source.onerror = () => fail(new Error("events"));
  source.onmessage = async event => {
    if (seen.push(event.data) === count) source.close();
    await fetch("/seen", {method: "POST"});
    if (seen.length === count) done(seen);
  };
});
async function socket() {
  const ws = new WebSocket("wss://" + location.host + "/ws");
  await once(ws, "open");
  ws.send("x".repeat(1 << 20));
  const length = (await once(ws, "message")).data.length;
  ws.close();
  await once(ws, "close");
  return length;
}
async function sticky() {
  const targets = new Set();
  for (let i = 0; i < 8; i++) targets.add((await fetch("/sticky/a")).headers.get("X-Target"));
  return targets.size;
}
async function upload() {
  const body = new Uint8Array(5 << 20).fill(7);
  const back = new Uint8Array(await (await fetch("/mirror", {method: "POST", body})).arrayBuffer());
  return back.length === body.length && back.every(octet => octet === 7);
}
(async () => {
  const streams = await Promise.all([...Array(40).keys()].map(async i => (await (await fetch("/a?" + i)).json()).path));
  return {streams, events: await events(3), socket: await socket(), sticky: await sticky(), upload: await upload(),
          protocol: performance.getEntriesByType("navigation")[0].nextHopProtocol};
})().catch(error => ({error: String(error)})).then(report => fetch("/report", {method: "POST", body: JSON.stringify(report)}));
</script>"""


class HttpTarget(http.server.ThreadingHTTPServer):
    """Answers HTTP/1.1; `record` holds (request line, body) of everything that a client sent, but not the health checks."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, name="one"):
        super().__init__(("127.0.0.1", 0), Handler)
        self.name, self.record = name, []
        # Events that the client has seen, one permit each.
        self.seen = threading.Semaphore(0)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_):
        """A client that goes away is no news."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60

    def parse_request(self):
        line = self.raw_requestline.decode("latin-1").strip()
        # Before anything can be refused: what is no request at all counts too.
        self.entry = [line, b""]
        if HEALTH not in line:
            self.server.record.append(self.entry)
        return super().parse_request()

    def body(self):
        if self.headers.get("Transfer-Encoding"):
            while size := int(self.rfile.readline(), 16):
                self.entry[1] += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        elif length := int(self.headers.get("Content-Length", 0)):
            self.entry[1] = self.rfile.read(length)
        return self.entry[1]

    def answer(self, body, **fields):
        self.send_response(200)
        for name, value in {"Content-Length": len(body), "X-Target": self.server.name, **fields}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        body, url = self.body(), urllib.parse.urlsplit(self.path)
        match url.path:
            case "/mirror":
                self.answer(body)
            case "/many":
                self.answer(bytes(int(url.query)))
            case "/seen":
                self.server.seen.release()
                self.answer(b"")
            case "/page":
                self.answer(PAGE, **{"Content-Type": "text/html"})
            case "/events":
                self.events(int(url.query))
            case _:
                heard = {"method": self.command, "path": self.path, "headers": self.headers.items(), "body": body.decode("latin-1")}
                self.answer(json.dumps(heard).encode(), **{"Content-Type": "application/json"})

    do_POST = do_PUT = do_HEAD = do_GET

    def events(self, count):
        """Server-sent events: the next one only after the client has seen the one before."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(count):
            event = f"data: {number}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()
            if not self.server.seen.acquire(timeout=PATIENCE):
                raise TimeoutError("the client did not see the event")
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


def echoing_websockets():
    """A WebSocket server that sends every message back."""
    def echo(connection):
        for message in connection:
            connection.send(message)

    def health(connection, request):
        return connection.respond(200, "well\n") if request.path == HEALTH else None

    server = websockets.sync.server.serve(echo, "127.0.0.1", 0, process_request=health, max_size=None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class GrpcTarget(grpc.GenericRpcHandler):
    """A service without generated code: messages are octets. What it does not know is UNIMPLEMENTED, as health checks expect."""

    def __init__(self):
        self.cancelled = threading.Event()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(16), handlers=[self])
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def service(self, call):
        return {
            "/test.Echo/Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "/test.Echo/Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "/test.Echo/Slow": grpc.unary_unary_rpc_method_handler(self.slow),
            "/test.Echo/Count": grpc.unary_stream_rpc_method_handler(self.count),
            "/test.Echo/Both": grpc.stream_stream_rpc_method_handler(self.both),
        }.get(call.method)

    @staticmethod
    def unary(message, context):
        asked = dict(context.invocation_metadata())
        context.send_initial_metadata((("x-early", asked.get("x-asked", "")),))
        context.set_trailing_metadata((("x-late", "yes"), ("x-raw-bin", bytes(range(256)))))
        return message

    @staticmethod
    def fail(message, context):
        context.set_trailing_metadata((("x-why", "absent"),))
        context.abort(grpc.StatusCode[message.decode()], "nothing here: ü, 100 %")

    def slow(self, message, context):
        context.add_callback(self.cancelled.set)
        deadline = time.monotonic() + PATIENCE
        while context.is_active() and time.monotonic() < deadline:
            time.sleep(0.02)
        return message

    @staticmethod
    def count(message, context):
        for number in range(int(message)):
            yield b"%d" % number
        context.set_trailing_metadata((("x-count", message.decode()),))

    @staticmethod
    def both(messages, _context):
        for message in messages:
            yield message[::-1]
