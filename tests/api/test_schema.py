"""The schema: generated without a warning, valid, and true to the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from apps.audit.events import SYSTEM
from apps.workspaces.models import Role
from apps.workspaces.services import invite_member

from .conftest import World

RESOURCES = [
    *(
        "keys",
        "allowed-origins",
        "endpoints",
        "destinations",
        "deliveries",
        "bulk-actions",
        "authorizations",
        "sync-jobs",
    ),
    *("audit-events", "members", "invitations"),
]


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path: Path = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(path))
    return yaml.safe_load(path.read_text())


def test_only_the_management_api_is_described(schema: Any) -> None:
    assert all(path.startswith("/api/v1/") for path in schema["paths"])
    assert {path.split("/")[3] for path in schema["paths"]} == set(RESOURCES)


def test_every_operation_has_a_problem_and_a_bearer_and_every_post_the_header(schema: Any) -> None:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert "application/problem+json" in operation["responses"]["default"]["content"], path
            assert operation["security"] == [{"managementKey": []}]
            assert "Scope: `" in operation["description"]
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            assert ("Idempotency-Key" in names) == (method == "post"), path


@pytest.mark.parametrize("name", RESOURCES)
def test_lists_answer_what_the_schema_says(world: World, schema: Any, name: str) -> None:
    operation = schema["paths"][f"/api/v1/{name}"]["get"]
    described = operation["responses"]["200"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**described, "components": _nullable(schema["components"])})
    world.care.api().post("deliveries/replay", {"filter": {}})
    world.care.api().post("allowed-origins", {"origin": "https://app.example"})
    invite_member(workspace=world.workspace, email="new@example.org", role=Role.VIEWER, by=SYSTEM, now=timezone.now())
    body = world.care.api().get(name).json()
    assert body["data"]
    errors = [error.message for error in validator.iter_errors(body)]
    assert errors == []


def test_schema_and_docs_are_open_and_the_docs_load_nothing_from_elsewhere() -> None:
    assert Client().get("/api/v1/schema").status_code == 200
    page = Client().get("/api/v1/docs")
    assert page.status_code == 200
    text = page.content.decode()
    assert "https://" not in text
    assert "http://" not in text
    assert "<script>" not in text
    script = Client().get("/api/v1/docs", {"script": ""})
    assert "/api/v1/schema" in script.content.decode()


def _nullable(value: Any) -> Any:
    """OpenAPI 3.0 says `nullable: true` where JSON Schema says `anyOf null`."""
    if isinstance(value, list):
        return [_nullable(each) for each in value]
    if not isinstance(value, dict):
        return value
    plain = {name: _nullable(inner) for name, inner in value.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if value.get("nullable") is True else plain
