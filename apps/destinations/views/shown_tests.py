"""A connection test as people read it: each step with its words, and each text with the policy it belongs in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..connectors.base import StepResult
from ..models import ConnectionTest
from ..states import ProbeCause
from .policy_texts import mark_blanks

HISTORY = 6
# A step or a place that is not here keeps its name.
STEP_WORDS = {
    "check_form": "Fields checked",
    "our_identity": "Our own identity",
    "assume_role": "Role found and trusted",
    "refuse_without_external_id": "Refused without the external ID",
    "refuse_wrong_external_id": "Refused with a wrong external ID",
    "region": "Region checked",
    "write_object": "Object written",
    "refuse_overwrite": "Overwriting refused",
    "encryption": "Encryption checked",
    "refuse_outside_prefix": "Refused outside the prefix",
    "delete_object": "Test object tidied up",
}
# Where the words above would be untrue of a step that did not pass.
NOT_PASSED_WORDS = {
    "assume_role": "Role not found, or not trusting us",
    "refuse_without_external_id": "Not refused without the external ID",
    "refuse_wrong_external_id": "Not refused with a wrong external ID",
    "write_object": "Object not written",
    "refuse_overwrite": "Overwriting not refused",
    "encryption": "Encryption is not as configured",
    "refuse_outside_prefix": "Not refused outside the prefix",
}
WHERE_WORDS = {
    "trust_policy": "Goes into: trust policy of the role",
    "role_policy": "Goes into: policy of the role",
    "bucket_policy": "Goes into: policy of the bucket",
    "key_policy": "Goes into: policy of the KMS key",
    "command": "Command for the AWS CLI",
}
OWNER_WORDS = {"us": "On our side: nothing to do for you.", "customer": ""}


@dataclass(frozen=True)
class ShownTest:
    """One test for the templates; rows of older versions lack the newer members."""

    test: ConnectionTest

    @property
    def steps(self) -> list[dict[str, Any]]:
        return [
            {
                **step,
                "title": _title(step),
                "whose": OWNER_WORDS.get(step.get("owner", ""), ""),
                "pastes": _pastes(step),
                "region": step.get("fix", {}).get("region", ""),
            }
            for step in self.test.steps
        ]

    @property
    def is_candidate(self) -> bool:
        """Whether it ran with the external ID that waits, not with the one in use."""
        return self.test.cause == ProbeCause.CANDIDATE

    @property
    def is_scheduled(self) -> bool:
        return self.test.cause == ProbeCause.SCHEDULED

    @property
    def failed_at(self) -> str:
        """Name the step that failed; empty if none did."""
        return next((step["title"] for step in self.steps if step["result"] == StepResult.FAIL), "")

    @property
    def ran(self) -> int:
        return sum(step["result"] != StepResult.NOT_RUN for step in self.test.steps)

    @property
    def warned(self) -> bool:
        return any(step["result"] == StepResult.WARN for step in self.test.steps)


def _title(step: dict[str, Any]) -> str:
    name = str(step["name"])
    words = STEP_WORDS.get(name, name)
    return NOT_PASSED_WORDS.get(name, words) if step["result"] in (StepResult.FAIL, StepResult.WARN) else words


def _pastes(step: dict[str, Any]) -> list[dict[str, str]]:
    if not step["snippet"]:
        return []
    given = [{"where": step.get("where", ""), "snippet": step["snippet"]}, *step.get("also", ())]
    return [
        {"label": WHERE_WORDS.get(each["where"], "What to add"), "text": mark_blanks(each["snippet"])} for each in given
    ]
