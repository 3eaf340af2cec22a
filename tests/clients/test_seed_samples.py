"""The Link API's samples of the documentation page, run to the letter but for host, keys and tokens.

The FHIR API's are next door (test_seed_samples_fhir); here is also counted that no sample of the page is forgotten.

Reads the page beside the public data sets (PUBLIC_DATA); elsewhere these tests are counted apart.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apps.authorizations.states import Usage
from tests.authorizations.journey import exchange, sign_in
from tests.flows import world
from tests.flows.world import Team

from .answers import differences, run
from .samples import Sample, read_samples

pytestmark = [pytest.mark.shared_data, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
PUBLIC_DATA = os.environ.get("PUBLIC_DATA", "")
SEED = Path(PUBLIC_DATA).parent / "seeds" / "records-api.txt"
# What the page also shows, and where that is run instead, or why it is not.
ELSEWHERE = {
    "/fhir/": "test_seed_samples_fhir, which says the same of its part",
    "/apply": "the vendor's hiring form is not built (architecture)",
}
# Values of the sample that our sandbox, with the same endpoint and user, gives to the letter.
SAME = {"expires_in", "usage", "refresh_expires_in", "user", "endpoint", "active", "state", "count"}
# A shown answer that is not this sample's: the page shows one for both grants, and it is that of the refresh.
NOT_ITS_OWN = {"client_credentials": {"access_token": "eyJ…", "expires_in": 1800}}
# GNU's base64 breaks lines after 76 characters, and two keys are longer: the header would be cut (macOS's does not).
UNBROKEN = {"| base64)": "| base64 | tr -d '\\n')"}
Given = Callable[[], dict[str, str]]


def samples() -> list[Sample]:
    return read_samples(SEED.read_text(encoding="utf-8")) if PUBLIC_DATA else []


def link_samples() -> list[Sample]:
    return [each for each in samples() if each.address.startswith("/link/")]


@pytest.fixture
def given(team: Team, payer_url: str, live_pair: tuple[str, str]) -> dict[str, Given]:
    """What stands in place of the page's keys and tokens, by address (and grant)."""

    def signed_in(usage: Usage) -> Any:
        return sign_in(team, payer_url, login="HUser00004", usage=usage, external_id="1234567890")

    def exchanged() -> Any:
        issued = exchange(team, signed_in(Usage.MULTIPLE), now=timezone.now())
        world.sync(issued.authorization)
        return issued

    keys = {**UNBROKEN, "PUBLIC_KEY=pk_test...": f"PUBLIC_KEY={team.publishable_key}",
            "SECRET_KEY=sk_test...": f"SECRET_KEY={team.secret_key}"}  # fmt: skip
    # The page shows test keys where its text says that live ones are needed (wire contract, C22).
    live = {
        **UNBROKEN,
        "PUBLIC_KEY=pk_test...": f"PUBLIC_KEY={live_pair[0]}",
        "SECRET_KEY=sk_test...": f"SECRET_KEY={live_pair[1]}",
    }
    access = "flexpa-link-access-token"
    return {
        "/link/exchange": lambda: {
            "public_token_950fae5f-...": signed_in(Usage.ONE_TIME).token,
            "<your-secret-key>": team.secret_key,
        },
        "/link/introspect": lambda: {access: exchanged().access_token},
        "/link/token refresh_token": lambda: {**keys, "flexpa-link-refresh-token": str(exchanged().refresh_token)},
        "/link/token client_credentials": lambda: live,
        "/link/revoke": lambda: {access: exchanged().access_token, "sk_test...": team.secret_key},
    }


def grant_of(sample: Sample) -> str:
    return next((grant for grant in ("refresh_token", "client_credentials") if f'"{grant}"' in sample.text), "")


def test_every_sample_of_the_page_is_run_here_or_named_elsewhere() -> None:
    assert [f"{each.address} {grant_of(each)}".strip() for each in link_samples()] == [
        "/link/exchange", "/link/introspect", "/link/token refresh_token", "/link/token client_credentials",
        "/link/revoke",
    ]  # fmt: skip
    others = [each for each in samples() if each not in link_samples()]
    assert len(others) >= 10
    assert [str(each) for each in others if not each.address.startswith(tuple(ELSEWHERE))] == []


@pytest.mark.parametrize("sample", link_samples(), ids=str)
def test_a_sample_runs_and_answers_with_the_fields_shown(
    sample: Sample, given: dict[str, Given], public_url: str
) -> None:
    grant = grant_of(sample)
    answer = run(sample, public_url, given[f"{sample.address} {grant}".strip()]())
    shown = NOT_ITS_OWN.get(grant, sample.answer)
    assert shown is not None or grant == "refresh_token"
    assert differences(shown or refresh_answer(), answer, same=SAME) == []


def refresh_answer() -> Any:
    """The answer below both grants' samples is that of the first."""
    return next(each.answer for each in link_samples() if grant_of(each) == "client_credentials")
