"""The accounts that the probe asks: new ones of a local AWS, or two of yours at AWS.

Owns the reading of PROBE_AWS, PROBE_VENDOR_PROFILE and PROBE_CUSTOMER_PROFILE, and the names of a run. Refuses
one account in both parts: nothing between accounts could be seen.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3

from tests.sandbox.cloud.world import Keys, World

PATIENCE_SECONDS = 90


class AccountsError(Exception):
    """The two accounts were not named, or not so that the probe can ask them."""


def is_at_aws() -> bool:
    return os.environ.get("PROBE_AWS") == "real"


def _current_keys(credentials: Any) -> Keys:
    """Answer a profile's keys as they are now: those of single sign-on are renewed while the probe runs."""
    frozen = credentials.get_frozen_credentials()
    return Keys(frozen.access_key, frozen.secret_key, frozen.token)


def _open_profile(variable: str) -> tuple[str, Callable[[], Keys]]:
    """Answer the account's number and its administrator. Raises: AccountsError."""
    if not os.environ.get(variable):
        raise AccountsError(f"PROBE_AWS=real needs {variable}, the name of an AWS profile.")
    session = boto3.session.Session(profile_name=os.environ[variable])
    credentials = session.get_credentials()
    if credentials is None:
        raise AccountsError(f"The profile that {variable} names has no credentials.")
    number = session.client("sts", region_name="us-east-1").get_caller_identity()["Account"]
    return number, partial(_current_keys, credentials)


def open_aws() -> Callable[[], World]:
    """Answer a maker of worlds in the two accounts, each with names that no other run has. Raises: AccountsError."""
    (vendor, vendor_admin), (customer, customer_admin) = map(
        _open_profile, ("PROBE_VENDOR_PROFILE", "PROBE_CUSTOMER_PROFILE")
    )
    if vendor == customer:
        raise AccountsError("PROBE_VENDOR_PROFILE and PROBE_CUSTOMER_PROFILE must be two accounts.")
    run, numbers = secrets.token_hex(3), itertools.count(1)
    admins = {vendor: vendor_admin, customer: customer_admin}

    def make() -> World:
        return World(
            vendor=vendor,
            customer=customer,
            prefix=f"rr-probe-{run}-{next(numbers)}-",
            admins=admins,
            patience_seconds=PATIENCE_SECONDS,
        )

    return make
