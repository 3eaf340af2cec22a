"""What a page or a CSV answer says, as plain text."""

from __future__ import annotations

import csv
import io
import re
import uuid
from typing import Any

from django.test import Client

from apps.audit.events import Actor, ActorKind

BY = Actor(kind=ActorKind.PERSON, id="p-1", label="owner@acme.example", ip="192.0.2.7", request_id=str(uuid.uuid4()))


def text_of(client: Client, path: str, **query: Any) -> str:
    response = client.get(path, query)
    assert response.status_code == 200, (path, response.status_code)
    return re.sub(r"\s+", " ", response.content.decode())


def main_of(text: str) -> str:
    return text.partition("<main")[2].partition("</main>")[0]


def rows_of(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
