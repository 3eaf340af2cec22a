"""The `*` and `?` of policies.

Owns the one meaning they have here: any run of characters, and exactly one. Source: IAM User Guide,
"IAM JSON policy elements: Resource", "Condition operators".
"""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    collapsed = re.sub(r"\*+", "*", pattern)
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(char) or re.escape(char) for char in collapsed), re.DOTALL)


def matches(pattern: str, value: str) -> bool:
    """Say whether the whole value fits the pattern; letters are compared as they are."""
    return _compiled(pattern).fullmatch(value) is not None


def arn_matches(pattern: str, value: str) -> bool:
    """Compare two ARNs part by part, so that a `*` never reaches over a colon of the first five."""
    wanted, found = pattern.split(":", 5), value.split(":", 5)
    return len(wanted) == len(found) == 6 and all(matches(part, text) for part, text in zip(wanted, found, strict=True))
