"""The shape of one piece of advice and of one line of the table.

Owns which facts a text may name, as `{placeholders}` of `FACTS`; refuses AWS's own message texts (they can
hold object keys) except to tell cases of one code apart, loosely.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from apps.outbound.failures import FaultOwner

FACTS = frozenset(
    {
        "role_arn", "our_arn", "bucket", "region", "prefix", "owner_account", "encryption", "kms_key_arn",
        "real_region", "code", "status",
    }
)  # fmt: skip


class Where(StrEnum):
    """Which policy of the customer's a text belongs in."""

    TRUST_POLICY = "trust_policy"
    ROLE_POLICY = "role_policy"
    BUCKET_POLICY = "bucket_policy"
    KEY_POLICY = "key_policy"


class Snippet(StrEnum):
    """Which text to paste goes with the advice."""

    TRUST = "trust"  # the whole trust policy
    ROLE = "role"  # the whole policy of the role
    BUCKET = "bucket"  # a statement more
    BUCKET_EXEMPTION = "bucket_exemption"  # a condition for the statement that denies
    KEY = "key"
    KEY_EXEMPTION = "key_exemption"

    @property
    def where(self) -> Where:
        return Where(f"{self.value.partition('_')[0]}_policy")


class Retry(StrEnum):
    """When the same request may be tried again by itself."""

    NEVER = "never"
    ONCE = "once"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A sentence on what happened, one on what to do, and who does it.

    `snippets` has more than one where AWS does not say which policy is at fault. `fix` maps fields of the
    destination to the facts that would put them right.
    """

    message: str
    advice: str
    owner: FaultOwner
    retry: Retry
    snippets: tuple[Snippet, ...] = ()
    fix: Mapping[str, str] = field(default_factory=dict)

    @property
    def permanent(self) -> bool:
        return self.retry is Retry.NEVER

    def filled(self, facts: Mapping[str, str]) -> Advice:
        """Return the advice with its placeholders filled in; a fact that is not known reads "(unknown)"."""
        known = dict.fromkeys(FACTS, "(unknown)") | {name: value for name, value in facts.items() if value}
        return replace(self, message=self.message.format_map(known), advice=self.advice.format_map(known))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: an empty stage, code set or pattern matches anything."""

    advice: Advice
    stage: str = ""
    codes: frozenset[str] = frozenset()
    pattern: str = ""

    def matches(self, stage: str, code: str, text: str) -> bool:
        return (
            self.stage in ("", stage)
            and (not self.codes or code in self.codes)
            and (not self.pattern or re.search(self.pattern, text, re.IGNORECASE) is not None)
        )


def customer(message: str, advice: str, *snippets: Snippet, fix: Mapping[str, str] | None = None) -> Advice:
    """Advise on what only the customer can put right; it is not tried again by itself."""
    return Advice(
        message=message,
        advice=advice,
        owner=FaultOwner.CUSTOMER,
        retry=Retry.NEVER,
        snippets=snippets,
        fix=fix or {},
    )


def ours(message: str, advice: str, retry: Retry) -> Advice:
    """Advise on what is no fault of the customer's: there is nothing to do for them."""
    return Advice(message=message, advice=advice, owner=FaultOwner.US, retry=retry)


def row(stage: str, codes: str, advice: Advice, pattern: str = "") -> Row:
    """Build a line of the table; `codes` are words."""
    return Row(stage=stage, codes=frozenset(codes.split()), pattern=pattern, advice=advice)
