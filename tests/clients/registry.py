"""A small registry of images: enough of the distribution API, version 2, for `docker pull`, with and without a password."""

import base64
import contextlib
import gzip
import hashlib
import http.server
import io
import json
import tarfile
import threading
import time

from conftest import IMAGE_LABEL

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def digest_of(blob):
    return "sha256:" + hashlib.sha256(blob).hexdigest()


class Registry:
    """Serves while its context lasts. `pulls` counts how often a manifest was asked for by name."""

    def __init__(self, user=None, password=None):
        self.expected = user and "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.blobs, self.tags, self.pulls, self.broken = {}, {}, 0, False
        self.delay = 0  # Seconds before a blob.

    def push(self, name, tag, program, **labels):
        """An image of one static program; gives its digest."""
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            tar.add(program, arcname="probe")
        packed = gzip.compress(layer.getvalue(), 1)
        document = json.dumps({
            "architecture": "amd64", "os": "linux", "config": {
                "Entrypoint": ["/probe"], "Labels": {**labels, IMAGE_LABEL[0]: IMAGE_LABEL[1]}},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer.getvalue())]}}).encode()
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(document),
                       "digest": digest_of(document)},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": len(packed),
                        "digest": digest_of(packed)}]}).encode()
        for blob in (packed, document, manifest):
            self.blobs[digest_of(blob)] = blob
        self.tags[name, tag] = digest_of(manifest)
        return digest_of(manifest)

    def answer(self, path, authorization):
        """Status, content type and body."""
        if self.broken:
            return 503, "text/plain", b"closed for today"
        if self.expected and authorization != self.expected:
            return 401, "application/json", b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'
        words = path.strip("/").split("/")
        if words == ["v2"]:
            return 200, "application/json", b"{}"
        name, kind, reference = "/".join(words[1:-2]), words[-2], words[-1]
        digest = reference if reference.startswith("sha256:") else self.tags.get((name, reference))
        self.pulls += kind == "manifests"
        time.sleep(self.delay if kind == "blobs" else 0)
        if digest not in self.blobs:
            return 404, "application/json", b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
        return 200, MANIFEST if kind == "manifests" else "application/octet-stream", self.blobs[digest]

    @contextlib.contextmanager
    def serving(self):
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                status, kind, body = registry.answer(self.path, self.headers.get("Authorization"))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="test"')
                if kind == MANIFEST:
                    self.send_header("Docker-Content-Digest", digest_of(body))
                self.end_headers()
                if self.command != "HEAD":
                    with contextlib.suppress(ConnectionError):  # A client that was killed.
                        self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.host = f"127.0.0.1:{server.server_port}"
            try:
                yield self
            finally:
                server.shutdown()
