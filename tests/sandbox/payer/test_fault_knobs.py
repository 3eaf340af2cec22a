"""What may be planned: senseless knobs are refused with words, over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from apps.sandbox.payer.fault_knobs import check_knobs

from .control import Control


@pytest.mark.parametrize(
    ("knobs", "word"),
    [
        ({"status": 500}, "type is missing"),
        ({"type": "Slot", "status": 500}, "type is not one of"),
        ({"type": "Condition"}, "no effect"),
        ({"type": "Condition", "page": 2, "times": 3}, "no effect"),
        ({"type": "Condition", "retry_after": 3}, "no effect"),
        ({"type": "Condition", "cut": True, "retry_after": 3}, "go with status"),
        ({"type": "Condition", "status": 429, "retry_after": 3, "retry_after_date": 3}, "do not go together"),
        ({"type": "Condition", "status": 200}, "error status"),
        ({"type": "Condition", "status": True}, "error status"),
        ({"type": "Condition", "status": 500, "times": 0}, "number from 1"),
        ({"type": "Condition", "status": 500, "page": 0}, "page number"),
        ({"type": "Condition", "status": 500, "plan": "nowhere"}, "plan is not"),
        ({"type": "Condition", "status": 500, "colour": "red"}, "Unknown: colour"),
        ({"type": "Condition", "status": 500, "outcome": True}, "Not together"),
        ({"type": "Condition", "status": 500, "add": ["nan"]}, "Not together"),
        ({"type": "Condition", "empty": True, "total": 3}, "no other effect"),
        ({"type": "Condition", "add": "nan"}, "add is not a list"),
        ({"type": "Condition", "add": []}, "add is not a list"),
        ({"type": "Condition", "add": ["strange"]}, "add is not a list"),
        ({"type": "Condition", "add": [["nan"]]}, "add is not a list"),
        ({"type": "Condition", "replace": ["duplicate"]}, "replace is not a list"),
        ({"type": "Condition", "add": ["nan"], "bytes": 10}, "goes with the kind oversized"),
        ({"type": "Condition", "add": ["nan"], "depth": 10}, "goes with the kind deep-nesting"),
        ({"type": "Condition", "next": "sideways"}, "next is not"),
        ({"type": "Condition", "total": "many"}, "total is not"),
        ({"type": "Condition", "delay_seconds": -1}, "number of seconds"),
        ({"type": "Condition", "drip_seconds": "1"}, "number of seconds"),
        ({"type": "Condition", "cut": False}, "cut is not true"),
        ({"type": "Condition", "content_type": "a\r\nb: c"}, "ASCII"),
        ({"type": "Condition", "body": "\ud800"}, "body is not a text"),
        ({"type": "Condition", "error": "invalid_grant"}, "token and refresh"),
        ({"type": "token", "keep_refresh_token": True}, "type refresh"),
        ({"type": "token", "expire_token": True}, "needs no access token"),
        ({"type": "metadata", "next": "loop"}, "has no pages"),
    ],
)
def test_senseless_fault_is_refused_with_words_and_nothing_is_planned(
    control: Control, knobs: dict[str, Any], word: str
) -> None:
    for path, body in (("faults", knobs), ("script", {"faults": [{"type": "Condition", "status": 500}, knobs]})):
        response = control.post(path, body)
        assert response.status_code == 400
        assert word in response.json()["error"]
    assert control.planned() == []


@pytest.mark.parametrize("body", [{}, {"faults": []}, {"faults": {}}, {"faults": ["x"]}, {"faults": [], "x": 1}])
def test_script_that_is_no_list_of_faults_is_refused(control: Control, body: dict[str, Any]) -> None:
    assert control.post("script", body).status_code == 400


def test_null_is_as_good_as_left_out() -> None:
    assert check_knobs({"type": "Patient", "status": 500, "page": None}) == {"type": "Patient", "status": 500}
