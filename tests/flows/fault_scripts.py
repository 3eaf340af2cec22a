"""Random scripts of payer faults, and what the payer says it did of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
from hypothesis import strategies as st

TYPES = ("Patient", "Coverage", "ExplanationOfBenefit", "Practitioner", "Organization", "MedicationDispense")
# Kinds that the crawl must refuse one by one, and those that are legal however odd.
BROKEN = (
    "text", "list", "null", "no-resource", "no-resource-type", "no-id", "empty-id", "number-id",
    "nan", "infinity", "lone-surrogate", "invalid-utf8", "control-character", "leading-zero", "deep-nesting",
)  # fmt: skip
LEGAL = ("nul-escape", "huge-number", "huge-integer", "wrong-type", "outcome", "duplicate", "duplicate-newer")

answer_fails = st.one_of(
    st.sampled_from([403, 404, 500, 503]).map(lambda status: {"status": status}),
    st.just({"status": 429, "retry_after": 0}),
    st.sampled_from(["truncate", "cut", "reset", "outcome", "expire_token"]).map(lambda name: {name: True}),
    st.sampled_from(["<html>busy</html>", "", "{}", '{"resourceType":"Bundle","entry":{}}']).map(
        lambda body: {"body": body}
    ),
)
answer_lies = st.one_of(
    st.sampled_from(["missing", "loop", "first", "relative", "foreign"]).map(lambda where: {"next": where}),
    st.sampled_from([0, 3, 5000, "missing"]).map(lambda total: {"total": total}),
    st.sampled_from(["no_entry", "gzip"]).map(lambda name: {name: True}),
    st.lists(st.sampled_from(BROKEN), min_size=1, max_size=3).map(lambda kinds: {"replace": kinds}),
    st.lists(st.sampled_from((*BROKEN, *LEGAL)), min_size=1, max_size=3).map(lambda kinds: {"add": kinds}),
)
times = st.sampled_from([1, 1, 2, 50]).map(lambda times: {"times": times})
places = st.sampled_from([{}, {"page": 1}, {"page": 2}, {"page": 3}, {"after": 2}])
on_a_type = st.builds(
    lambda kind, *parts: {"type": kind, **{name: value for part in parts for name, value in part.items()}},
    st.sampled_from([*TYPES, "*"]),
    times,
    places,
    answer_fails | answer_lies,
)
on_the_capability = st.builds(
    lambda times, effect: {"type": "metadata", **times, **effect},
    times,
    answer_fails.filter(lambda effect: "expire_token" not in effect),
)
scripts = st.lists(on_a_type | on_a_type | on_the_capability, min_size=1, max_size=5)


@dataclass(frozen=True)
class Strikes:
    """What the payer did: on which types, and whose resources it spoilt or added ("Type/id" at the payer)."""

    types: frozenset[str]
    replaced: frozenset[str]
    added: frozenset[str]


class Control:
    """The payer's knobs over HTTP."""

    def __init__(self, payer_url: str) -> None:
        self.url = f"{payer_url}/_control"

    def post(self, path: str, body: Any) -> None:
        answer = httpx.post(f"{self.url}/{path}", json=body, trust_env=False)
        assert answer.status_code < 300, answer.text

    def reset(self) -> None:
        self.post("reset", {})

    def play(self, script: list[dict[str, Any]]) -> None:
        self.post("script", {"faults": script})

    def strikes(self) -> Strikes:
        told = httpx.get(f"{self.url}/faults", trust_env=False).json()["struck"]
        return Strikes(
            types=frozenset(each["type"] for each in told),
            replaced=frozenset(one for each in told for one in each["replaced"]),
            added=frozenset(one for each in told for one in each["added"]),
        )

    def asked(self) -> list[dict[str, Any]]:
        requests: list[dict[str, Any]] = httpx.get(f"{self.url}/log", trust_env=False).json()["requests"]
        return requests
