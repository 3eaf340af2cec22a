"""What the style guide shows beside real parts: names of colours and icons, and values that try to break a page."""

from __future__ import annotations

from pathlib import Path
from re import findall

from django.conf import settings

SWATCHES = (
    "bg", "surface", "surface2", "border", "edge", "text", "muted", "link", "header", "ok", "ok-bg", "info", "info-bg",
    "warn", "warn-bg", "bad", "bad-bg", "idle", "idle-bg", "accent", "focus", "test", "code-bg",
)  # fmt: skip
PARTS = (
    ("colours", "Colours and type"),
    ("controls", "Buttons"),
    ("states", "States"),
    ("data", "Lists and facts"),
    ("forms", "Forms"),
    ("dialogs", "Dialogs"),
)
ODD = (
    "2026-11-20T22-37-07-001Z-9247f79e.ndjson",
    "<script>alert(1)</script>",
    "\u202eresu-drawkcab مريض",
    "x" * 300,
    "👩🏽‍⚕️🏥 " * 20,
)
CODE = """{
  "Effect": "Allow",
  "Action": ["kms:GenerateDataKey", "kms:DescribeKey"],
  "Resource": "arn:aws:kms:us-east-1:123456789012:key/1f0c2d9e-6a41-4f0e-9d0f-2b7a5c3e8d11"
}"""
ICONS = findall(r'symbol id="([^"]+)"', (Path(settings.BASE_DIR) / "static/img/icons.svg").read_text())
SAMPLES = {"swatches": SWATCHES, "parts": PARTS, "odd": ODD, "sample_code": CODE, "icons": ICONS}
