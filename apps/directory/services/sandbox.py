"""The synthetic payer's endpoints, with the ids that published samples use (wire contract 14)."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from django.db import transaction

from ..models import Endpoint, EndpointStatus

# id, name, label, path of the plan at the payer, refreshable, max_auth_seconds, popularity
PLANS = [
    (
        "a5c22966-244d-4f36-b43a-4d4a619f89cc",
        "flexpa-sandbox",
        "FooMedical",
        "foomedical",
        True,
        7_890_000,
        100,
    ),
    ("d39433b7-0fbd-4bc2-bdae-fb276799979f", "humana-sandbox", "Humana", "humana", True, 7_890_000, 90),
    ("6b8dfc2c-6f4e-4a51-8e63-3c1a4c5a0a01", "acme-sandbox", "Acme Health Plan", "acme", False, None, 80),
]


@transaction.atomic
def register_sandbox_endpoints(*, payer_url: str, client_id: str, as_live: bool = False) -> list[Endpoint]:
    """Make the sandbox's endpoints at `payer_url`, or move them there.

    In live too only for tests and the demo (rulings B22).
    """
    made = []
    for mode in ("test", "live") if as_live else ("test",):
        for pk, name, label, plan, refreshable, max_auth_seconds, popularity in PLANS:
            own = pk if mode == "test" else str(uuid5(NAMESPACE_URL, f"live:{pk}"))
            endpoint, _ = Endpoint.objects.update_or_create(
                pk=own,
                defaults={
                    "mode": mode,
                    "name": name,
                    "label": [label],
                    "fhir_base": f"{payer_url}/{plan}/fhir",
                    "client_id": client_id,
                    "refreshable": refreshable,
                    "max_auth_seconds": max_auth_seconds,
                    "popularity": popularity,
                    "status": EndpointStatus.CONNECTED,
                },
            )
            made.append(endpoint)
    return made
