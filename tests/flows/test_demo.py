"""`make demo` as another program sees it: demo.json, and the objects read back by boto3 alone.

Nothing of ours is imported for the checks; ids are recomputed from the written rule (D16).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

pytestmark = pytest.mark.timeout(600)
ROOT = Path(__file__).resolve().parents[2]
UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
KEY = re.compile(
    rf"flexpa/(?P<external>[^/]+)/(?P<consent>{UUID})/(?P<authorization>{UUID})/"
    rf"\d{{4}}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{{3}}Z-(?P<job>{UUID})\.ndjson"
)
TAGS = "https://fhir.flexpa.com/identifiers/"
FIELDS = {
    "portal_url", "email", "password", "support_email", "support_password", "publishable_key", "secret_key",
    "management_key", "live_publishable_key", "live_secret_key", "live_management_key", "aws_endpoint_url",
    "aws_access_key_id", "aws_secret_access_key", "bucket", "role_arn", "external_id", "destination_id", "delivered",
}  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A running demo in a folder of its own; ended by SIGTERM, which must end it well."""
    var = tmp_path_factory.mktemp("demo") / "var with a space"
    unset = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"VAR": str(var), "PORT": "8700"}
    command = [sys.executable, str(ROOT / "manage.py"), "demo"]
    with (var.parent / "demo.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        while not (var / "demo.json").exists():
            assert process.poll() is None, (var.parent / "demo.log").read_text()
            time.sleep(0.2)
        assert stat.S_IMODE((var / "demo.json").stat().st_mode) == 0o600
        yield {**json.loads((var / "demo.json").read_text()), "var": str(var)}
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(90)
    assert code == 0, (var.parent / "demo.log").read_text()


@pytest.fixture(scope="module")
def objects(demo: dict[str, Any]) -> dict[str, tuple[Any, bytes]]:
    s3 = boto3.client(
        "s3",
        endpoint_url=demo["aws_endpoint_url"],
        region_name="us-east-1",
        aws_access_key_id=demo["aws_access_key_id"],
        aws_secret_access_key=demo["aws_secret_access_key"],
    )
    listed = s3.list_objects_v2(Bucket=demo["bucket"], Prefix="flexpa/")["Contents"]
    keys = [each["Key"] for each in listed if each["Key"].endswith(".ndjson")]
    answers = {key: s3.get_object(Bucket=demo["bucket"], Key=key) for key in keys}
    return {key: (answer, answer["Body"].read()) for key, answer in answers.items()}


def resources(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_demo_json_has_the_contracts_fields(demo: dict[str, Any]) -> None:
    assert demo.keys() - {"var"} == FIELDS
    assert re.fullmatch(r"sk_test_[\w-]{43}", demo["secret_key"])
    assert re.fullmatch(r"mk_live_[\w-]{43}", demo["live_management_key"])


def test_what_demo_json_names_is_what_lies_in_the_bucket(
    demo: dict[str, Any], objects: dict[str, tuple[Any, bytes]]
) -> None:
    told = {each["key"]: (each["bytes"], each["resources"], each["sha256"]) for each in demo["delivered"]}
    found = {
        key: (len(body), len(body.splitlines()), hashlib.sha256(body).hexdigest()) for key, (_, body) in objects.items()
    }
    assert told == found
    assert len(found) >= 3


def test_every_object_has_its_layout_type_and_encryption(objects: dict[str, tuple[Any, bytes]]) -> None:
    for key, (answer, body) in objects.items():
        assert KEY.fullmatch(key), key
        assert answer["ContentType"] == "application/fhir+ndjson"
        assert answer["ServerSideEncryption"] == "AES256"
        assert body.endswith(b"\n")
        kinds = [each["resourceType"] for each in resources(body)]
        assert kinds[0] == "Patient"
        order = [(each["resourceType"], each["id"]) for each in resources(body)[1:]]
        assert order == sorted(order)


def test_every_resource_has_the_six_tags_of_its_key(objects: dict[str, tuple[Any, bytes]]) -> None:
    for key, (_, body) in objects.items():
        named = KEY.fullmatch(key)
        assert named
        for resource in resources(body):
            tags = {
                tag["system"].removeprefix(TAGS): tag["code"]
                for tag in resource["meta"]["tag"]
                if tag.get("system", "").startswith(TAGS)
            }
            assert tags.keys() == {
                "PatientAuthorizationId",
                "EndpointId",
                "ApplicationId",
                "PatientAuthorizationMode",
                "AuthorizationType",
                "ConsentId",
            }
            assert (tags["ConsentId"], tags["PatientAuthorizationId"]) == (named["consent"], named["authorization"])
            assert (tags["PatientAuthorizationMode"], tags["AuthorizationType"]) == ("TEST", "OAUTH")


def test_every_id_can_be_recomputed_from_its_source(objects: dict[str, tuple[Any, bytes]]) -> None:
    for _, body in objects.values():
        patient, *others = resources(body)
        namespace = uuid.UUID(patient["id"])
        for resource in others:
            endpoint = next(tag["code"] for tag in resource["meta"]["tag"] if tag["system"] == f"{TAGS}EndpointId")
            kind = resource["resourceType"]
            source_id = resource["meta"]["source"].partition(f"/{kind}/")[2]
            assert resource["id"] == str(uuid.uuid5(namespace, f"{kind}/{source_id}/{endpoint}"))


def test_every_relative_reference_resolves_in_its_object(objects: dict[str, tuple[Any, bytes]]) -> None:
    relative = re.compile(r"[A-Z][A-Za-z]+/[^/?#]+")
    for _, body in objects.values():
        here = {f"{each['resourceType']}/{each['id']}" for each in resources(body)}
        found = [each for resource in resources(body) for each in references(resource) if relative.fullmatch(each)]
        assert found
        assert set(found) <= here


def test_the_readmes_first_delivery_by_hand_works_to_the_letter(demo: dict[str, Any]) -> None:
    text = (ROOT / "README.md").read_text()
    (block,) = re.findall(r"^```sh\n(PY=.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        env={**os.environ, "VAR": demo["var"]}, cwd=ROOT, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "flexpa/me-1/" in ran.stdout
