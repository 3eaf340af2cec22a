"""Who may assume the customer's role: we, with the external ID, and nobody without it.

Owns the steps up to the session; refuses to call anything safe that AccessDenied did not refuse (fail closed).
Source: IAM User Guide "How to use an external ID"; rulings B6; lessons rank 5.
"""

from __future__ import annotations

import time
from dataclasses import replace

from ....advice.trust import TOO_OPEN as TOO_OPEN_ADVICE
from ...base import TOO_OPEN, Step, StepResult
from ..config import known_regions, validate
from ..failures import S3Failure, pastes, request_id_of
from .run import Run, failed, joined, passed

ANSWERED = frozenset({"AccessDenied"})


def check_form(run: Run) -> Step:
    """Check the fields again, with what only a running server knows."""
    identity = run.sessions.identity
    try:
        own_account_id = identity.account_id()
    except S3Failure:
        own_account_id = None  # the next step says so
    errors = validate(
        run.config.as_fields(),
        own_account_id=own_account_id,
        own_account_role_arns=run.own_account_role_arns,
        regions=known_regions(),
        delivery_role_arn=identity.delivery_role_arn,
    )
    if not errors:
        return passed("The fields are well formed.")
    return Step(
        name="",
        result=StepResult.FAIL,
        code="InvalidForm",
        message=" ".join(text for texts in errors.values() for text in texts),
        advice=f"Correct: {', '.join(errors)}.",
        owner="customer",
    )


def our_identity(run: Run) -> Step:
    caller = run.sessions.identity.whoami(run.config.region)
    return passed(f"We speak to AWS as {caller.arn}.", caller.request_id)


def assume_role(run: Run) -> Step:
    """Assume the role as a delivery does, never from the cache; once more if the trust may need time."""
    try:
        session = run.sessions.renew(run.config)
    except S3Failure as error:
        if error.code not in ANSWERED:
            raise
        time.sleep(run.settle_seconds)
        session = run.sessions.renew(run.config)
    return passed("We can assume the role.", session.request_id)


def refuse_without_external_id(run: Run) -> Step:
    return _must_be_refused(run, (None,), "without an external ID")


def refuse_wrong_external_id(run: Run) -> Step:
    return _must_be_refused(run, wrong_external_ids(run.config.external_id), "with a wrong external ID")


def wrong_external_ids(right: str) -> tuple[str, str]:
    """Return two IDs that differ from the right one in the last and in the first character alone.

    Between them they are caught by every pattern with one wildcard at its end or its start, however much of the
    ID it spells out, and by those that only ask for its shape.
    """
    return right[:-1] + _other(right[-1]), _other(right[0]) + right[1:]


def _other(character: str) -> str:
    return "1" if character == "0" else "0"


def _must_be_refused(run: Run, external_ids: tuple[str | None, ...], how: str) -> Step:
    """Ask for sessions that the trust policy must not give; whatever comes back is dropped unused."""
    request_ids = []
    for external_id in external_ids:
        try:
            request_ids.append(_ask(run, external_id))
        except S3Failure as error:
            if error.code not in ANSWERED:
                return _inconclusive(error, how)
            request_ids.append(error.request_id)
        else:
            return _too_open(run, how, request_ids)
    return passed(f"AWS refuses us {how}, as it must.", *request_ids)


def _ask(run: Run, external_id: str | None) -> str:
    """Return the request's ID if the role can be assumed, and still after a while. Raises: S3Failure.

    A trust policy that was just corrected takes some seconds.
    """
    run.sessions.assume(run.config, external_id=external_id)
    time.sleep(run.settle_seconds)
    return request_id_of(run.sessions.assume(run.config, external_id=external_id))


def _too_open(run: Run, how: str, request_ids: list[str]) -> Step:
    (paste,) = pastes(TOO_OPEN_ADVICE.snippets, run.config, our_arn=run.sessions.identity.principal_arn())
    return Step(
        name="",
        result=StepResult.FAIL,
        code=TOO_OPEN,
        message=f"The role can be assumed {how}.",
        advice=TOO_OPEN_ADVICE.advice,
        where=paste.where,
        snippet=paste.snippet,
        owner=TOO_OPEN_ADVICE.owner.value,
        request_id=joined(request_ids),
    )


def _inconclusive(error: S3Failure, how: str) -> Step:
    step = failed(error)
    return replace(
        step,
        message=f"Inconclusive: we could not see whether AWS refuses us {how}. {step.message}",
        advice=f"Try again later. {step.advice}",
    )
