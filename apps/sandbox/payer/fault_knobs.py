"""The knobs of a planned fault: which answers it strikes, and what it does to them.

Owns the table below; refuses unknown knobs, senseless values and effects that contradict one another, with
words. Which fault strikes when is `faults`; how answers then look is `page_faults`, `spoiling`, `faulty_answers`.

Every fault that fits an answer strikes it, each counted down on its own. A fault whose effect is already set
on that answer by an earlier one waits, so two of `status` strike one after the other. Of the effects that give
another answer altogether (WHOLE) an answer takes one; it then has no page for the effects on pages (PAGE).

    where           value           meaning
    type            word            needed: a resource type (searches and reads), `$everything`, `metadata`,
                                    `smart-configuration`, `token`, `refresh` (only that grant), or `*`: every
                                    answer that needs an access token
    plan            plan key        only at this plan
    page            from 1          only this page; a read is page 1
    after           from 0          so many fitting answers pass unharmed first
    times           from 1          so many answers are struck; 1 if left out

    WHOLE           value           meaning
    status          400 to 599      an OperationOutcome with this status
      retry_after       seconds     with status: Retry-After in seconds
      retry_after_date  seconds     with status: Retry-After as a date, so many seconds from now
    outcome         true            200, and the body is an OperationOutcome
    body            text            200, and the body is this text
    error           word            token and refresh: this OAuth error, 400
    expire_token    true            the request's access token is dead from now on: 401, now and ever after
    reset           true            the connection is reset before any header

    PAGE            value           meaning
    empty           true            no matches: total 0, no entry, no next
    no_entry        true            no `entry`; total and next stay
    total           number, or      this is told as total; "missing" leaves it out
                    "missing"
    next            word or URL     the next link: "missing"; "loop", to this very page; "first", to the first
                                    page; "relative", below the base; "path", absolute path only; "foreign", on
                                    another host; or this http(s) URL. "relative" and "path" need a next page
    add             kinds           one more entry for each kind, at the page's end
    replace         kinds           the first entries, one for each kind, are spoilt; also on a read
      bytes             number      for kind `oversized`: the resource is larger than this; 2**20 if left out
      depth             number      for kind `deep-nesting`: 20,000 if left out

    any answer      value           meaning
    delay_seconds   number          nothing is sent for so long
    drip_seconds    number          the body comes in pieces over so long
    truncate        true            the body ends in its middle, and Content-Length agrees
    cut             true            the connection ends in mid-body, short of Content-Length
    gzip            true            gzip, if the client accepts it; `truncate` comes before it, `cut` after
    content_type    text            this Content-Type
    keep_refresh_token  true        refresh: no new refresh token comes along, the old one stays good

Kinds for `add` and `replace` are those of `spoiling.KINDS`; for `add` alone also ADDED. What is added is a copy of
the search's first match under the id `<kind>-<number of the fault>.<place in the list>-p<page>`, then spoilt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from apps.sandbox.payer.capability import READABLE_TYPES
from apps.sandbox.payer.control import BadKnobError
from apps.sandbox.payer.plans import PLANS
from apps.sandbox.payer.spoiling import KINDS

ANY = "*"
# Entries that can only be added: a repeated resource, and things that a search may hold beside its matches.
ADDED = ("duplicate", "duplicate-newer", "wrong-type", "outcome")

_NEXT = ("missing", "loop", "first", "relative", "path", "foreign")
TOKEN_TYPES = ("token", "refresh")
OPEN_TYPES = ("metadata", "smart-configuration")
_TYPES = (*READABLE_TYPES, "$everything", *OPEN_TYPES, *TOKEN_TYPES, ANY)
WHERE = ("type", "plan", "page", "after", "times")
WHOLE = ("status", "outcome", "body", "error", "expire_token", "reset")
PAGE = ("empty", "no_entry", "total", "next", "add", "replace")
# A fault cannot consist of these alone: they say more about another of its effects.
_DETAILS = ("retry_after", "retry_after_date", "bytes", "depth")
# Effects that several faults may have on one answer.
SHARED = ("add", "replace", *_DETAILS)


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _seconds(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 86_400


def _is_list_of(words: Iterable[str]) -> Callable[[Any], bool]:
    known = frozenset(words)
    return lambda value: isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value) and (
        known >= set(value)
    )  # fmt: skip


def _is_next(value: Any) -> bool:
    return isinstance(value, str) and (value in _NEXT or value.startswith(("http://", "https://")))


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and bool(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_true(value: Any) -> bool:
    return value is True


_KNOBS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "type": (lambda value: value in _TYPES, f"one of {', '.join(_TYPES)}"),
    "plan": (lambda value: value in tuple(PLANS), f"one of {', '.join(PLANS)}"),
    "page": (_whole(1, 10**6), "a page number from 1"),
    "after": (_whole(0, 10**6), "a number from 0"),
    "times": (_whole(1, 10**6), "a number from 1"),
    "status": (_whole(400, 599), "an error status from 400 to 599"),
    "retry_after": (_whole(0, 86_400), "a whole number of seconds, at most a day"),
    "retry_after_date": (_whole(-86_400, 86_400), "a whole number of seconds, at most a day"),
    "outcome": (_is_true, "true"),
    "body": (_is_text, "a text"),
    "error": (_is_line, "a line of ASCII text"),
    "expire_token": (_is_true, "true"),
    "reset": (_is_true, "true"),
    "empty": (_is_true, "true"),
    "no_entry": (_is_true, "true"),
    "total": (lambda value: value == "missing" or type(value) is int, 'a whole number or "missing"'),
    "next": (_is_next, f"one of {', '.join(_NEXT)}, or an http(s) URL"),
    "add": (_is_list_of((*KINDS, *ADDED)), f"a list of {', '.join((*KINDS, *ADDED))}"),
    "replace": (_is_list_of(KINDS), f"a list of {', '.join(KINDS)}"),
    "bytes": (_whole(1, 2**30), "a number of bytes from 1 to 2**30"),
    "depth": (_whole(1, 10**6), "a number from 1 to a million"),
    "delay_seconds": (_seconds, "a number of seconds, at most a day"),
    "drip_seconds": (_seconds, "a number of seconds, at most a day"),
    "truncate": (_is_true, "true"),
    "cut": (_is_true, "true"),
    "gzip": (_is_true, "true"),
    "content_type": (_is_line, "a line of ASCII text"),
    "keep_refresh_token": (_is_true, "true"),
}


def check_knobs(given: Any) -> dict[str, Any]:
    """Check one fault's JSON and return it; null is as good as left out.

    Raises: BadKnobError.
    """
    if not isinstance(given, Mapping):
        raise BadKnobError("A fault is not a JSON object.")
    knobs = {name: value for name, value in given.items() if value is not None}
    if unknown := set(knobs) - set(_KNOBS):
        raise BadKnobError(f"Unknown: {', '.join(sorted(unknown))}.")
    for name, value in knobs.items():
        fits, words = _KNOBS[name]
        if not fits(value):
            raise BadKnobError(f"{name} is not {words}.")
    if "type" not in knobs:
        raise BadKnobError("type is missing.")
    effects = set(knobs) - set(WHERE)
    if not effects - set(_DETAILS):
        raise BadKnobError("The fault has no effect.")
    _check_together(knobs, effects)
    return knobs


def _check_together(knobs: Mapping[str, Any], effects: set[str]) -> None:
    """Refuse effects that contradict one another, or the answers that they are planned for."""
    whole, page = effects & set(WHOLE), effects & set(PAGE)
    if len(whole) > 1 or (whole and page):
        raise BadKnobError(f"Not together on one answer: {', '.join(sorted(whole | page))}.")
    if "empty" in page and len(page) > 1:
        raise BadKnobError("empty goes with no other effect on the page.")
    if {"retry_after", "retry_after_date"} & effects and "status" not in effects:
        raise BadKnobError("retry_after and retry_after_date go with status.")
    if {"retry_after", "retry_after_date"} <= effects:
        raise BadKnobError("retry_after and retry_after_date do not go together.")
    kinds = {*knobs.get("add", ()), *knobs.get("replace", ())}
    for detail, kind in (("bytes", "oversized"), ("depth", "deep-nesting")):
        if detail in effects and kind not in kinds:
            raise BadKnobError(f"{detail} goes with the kind {kind}.")
    type_ = knobs["type"]
    if page and type_ in (*OPEN_TYPES, *TOKEN_TYPES):
        raise BadKnobError(f"{type_} has no pages.")
    if "expire_token" in effects and type_ in (*OPEN_TYPES, *TOKEN_TYPES):
        raise BadKnobError(f"{type_} needs no access token.")
    if "error" in effects and type_ not in TOKEN_TYPES:
        raise BadKnobError("error goes with the types token and refresh.")
    if "keep_refresh_token" in effects and type_ != "refresh":
        raise BadKnobError("keep_refresh_token goes with the type refresh.")
