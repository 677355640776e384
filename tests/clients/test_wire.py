"""The Query protocols as botocore has them: what it writes is read, and what is written it reads, for every operation.

Needs no Berth: the codecs are asked directly.
"""

import base64
import datetime
import json
import pathlib
import re
import subprocess
import urllib.parse

import botocore.parsers
import botocore.serialize
import botocore.session
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIME = datetime.datetime(2026, 1, 31, 12, 30, 15, 123000, tzinfo=datetime.timezone.utc)


def sample(shape, above=()):
    """A value with every member filled, two items in each list; a shape within itself is left out."""
    kind = shape.type_name
    if kind == "structure":
        return {
            name: sample(member, (*above, shape.name))
            for name, member in shape.members.items()
            if member.name not in above and getattr(member, "member", member).name not in (*above, shape.name)
        }
    if kind == "list":
        return [sample(shape.member, above) for _ in range(min(2, shape.metadata.get("max", 2)))]
    if kind == "map":
        return {"some key": sample(shape.value, above)}
    if kind == "string":
        if getattr(shape, "enum", None):
            return shape.enum[0]
        for text in ("a&b=c +<é>", "abc", "HTTP", "200", "ipam-pool-1", "ipv4pool-coip-1"):
            fits = shape.metadata.get("min", 0) <= len(text) <= shape.metadata.get("max", 100)
            if fits and matches(shape.metadata.get("pattern"), text):
                return text
        return "a" * max(1, shape.metadata.get("min", 1))
    low = shape.metadata.get("min", 7)
    return {
        "integer": low, "long": low, "float": 1.5, "double": 1.5, "boolean": True, "timestamp": TIME, "blob": b"\x00\xff",
    }[kind]


def matches(pattern, text):
    # Letters of all scripts are all that Python's expressions lack.
    return pattern is None or re.fullmatch(pattern.replace("\\p{L}\\p{Z}\\p{N}", "\\w\\s"), text) is not None


def plain(shape, value):
    """The value as JSON has it."""
    kind = shape.type_name
    if kind == "structure":
        return {name: plain(shape.members[name], member) for name, member in value.items() if name in shape.members}
    if kind == "list":
        return [plain(shape.member, item) for item in value]
    if kind == "map":
        return {key: plain(shape.value, item) for key, item in value.items()}
    if kind == "timestamp":
        return value.timestamp()
    if kind == "blob":
        return base64.b64encode(value).decode()
    return value


@pytest.fixture(scope="module")
def wire():
    """Every operation with botocore's model of it, the request and what was decoded, the answer and its XML."""
    session = botocore.session.get_session()
    models = {name: session.get_service_model(name) for name in ("elbv2", "ec2")}
    command = ["cargo", "run", "-q", "-p", "aws-model", "--example", "wire"]
    listed = subprocess.run(command, cwd=ROOT, input="", capture_output=True, text=True, check=True).stdout
    answers = [json.loads(line) for line in listed.splitlines()]
    requests = []
    for answer in answers:
        model = models[answer["service"]].operation_model(answer["operation"])
        request = sample(model.input_shape)
        request.pop("DryRun", None)
        written = botocore.serialize.create_serializer(model.metadata["protocol"]).serialize_to_request(request, model)
        requests.append((model, request, urllib.parse.urlencode(written["body"], doseq=True)))
    lines = "".join(
        json.dumps({"service": answer["service"], "operation": answer["operation"], "form": form}) + "\n"
        for answer, (_, _, form) in zip(answers, requests, strict=True))
    decoded = subprocess.run(command, cwd=ROOT, input=lines, capture_output=True, text=True, check=True).stdout
    decoded = [json.loads(line) for line in decoded.splitlines()][: len(answers)]
    return [
        (model, request, got, answer)
        for (model, request, _), got, answer in zip(requests, decoded, answers, strict=True)
    ]


def test_what_botocore_writes_is_read(wire):
    assert len(wire) > 90
    for model, request, decoded, _ in wire:
        assert decoded == plain(model.input_shape, request), model.name


def test_what_is_written_botocore_reads(wire):
    for model, _, _, answer in wire:
        parser = botocore.parsers.create_parser(model.metadata["protocol"])
        response = {"status_code": 200, "headers": {}, "body": answer["xml"].encode()}
        read = parser.parse(response, model.output_shape)
        metadata = read.pop("ResponseMetadata")
        assert metadata["RequestId"] == "an-id", model.name
        if model.output_shape is None:
            assert answer["output"] == {}, model.name
            continue
        assert plain(model.output_shape, read) == answer["output"], model.name
