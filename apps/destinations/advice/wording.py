"""The shape of one piece of advice and of one line of the table.

Owns which facts a text may name, as `{placeholders}` of `FACTS`; refuses AWS's own message texts (they can
hold object keys) except to tell cases of one code apart, loosely.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from apps.outbound.failures import FaultOwner

FACTS = frozenset(
    {
        "role_arn", "our_arn", "bucket", "region", "prefix", "owner_account", "encryption", "kms_key_arn",
        "real_region", "code", "status",
    }
)  # fmt: skip


class Snippet(StrEnum):
    """Which text to paste goes with the advice."""

    NONE = ""
    TRUST = "trust_policy"
    ROLE = "role_policy"
    KEY = "key_policy"
    REGION = "region"


class Retry(StrEnum):
    """When the same request may be tried again by itself."""

    NEVER = "never"
    ONCE = "once"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A sentence on what happened, one on what to do, and who does it."""

    message: str
    advice: str
    owner: FaultOwner
    retry: Retry
    snippet: Snippet = Snippet.NONE

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
