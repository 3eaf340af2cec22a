"""The health plans that this server plays, each with a FHIR base and an OAuth server of its own.

Owns their names and how their members sign in; who the members are is in `members`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SignIn(StrEnum):
    """How a member proves who they are."""

    PASSWORD = "password"  # noqa: S105 - a way of signing in, not a password
    PICK = "pick"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One plan; `key` is its first path segment, `id_prefix` begins the ids of its resources."""

    key: str
    display: str
    endpoint_name: str
    id_prefix: str
    sign_in: SignIn
    login_label: str
    is_refreshable: bool


PLANS: dict[str, Plan] = {
    plan.key: plan
    for plan in (
        Plan(
            key="foomedical",
            display="FooMedical",
            endpoint_name="flexpa-sandbox",
            id_prefix="foo",
            sign_in=SignIn.PASSWORD,
            login_label="E-mail address",
            is_refreshable=True,
        ),
        Plan(
            key="humana",
            display="Humana sandbox",
            endpoint_name="humana-sandbox",
            id_prefix="hum",
            sign_in=SignIn.PASSWORD,
            login_label="User name",
            is_refreshable=True,
        ),
        Plan(
            key="acme",
            display="Acme Health Plan",
            endpoint_name="acme-sandbox",
            id_prefix="acme",
            sign_in=SignIn.PICK,
            login_label="Member",
            is_refreshable=False,
        ),
    )
}
