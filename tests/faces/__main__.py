"""`python -m tests.faces seed`: fill the database of VAR (or DATABASE_URL) for pictures. Never on real data."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

import django

django.setup()

from tests.faces.seed import seed  # noqa: E402
from tests.factories import PASSWORD  # noqa: E402

if sys.argv[1:] != ["seed"]:
    raise SystemExit(__doc__)
world = seed()
sys.stdout.write(f"Sign in as owner@{world.workspace.slug}.example with: {PASSWORD}\n")
