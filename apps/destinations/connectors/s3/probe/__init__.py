"""Test connection for S3: the steps, in order, as one table.

Owns their order and what a run hands on; refuses to go on after a failure. Assuming and writing are the
delivery's own functions (architecture D9).
Source: aws-and-sftp section 5; rulings B4, B31; lessons rank 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...base import Step
from .reach import delete_object, refuse_outside_prefix
from .run import Run, run_steps
from .storage import encryption, refuse_overwrite, region, write_object
from .trust import (
    ANSWERED,
    assume_role,
    check_form,
    our_identity,
    refuse_without_external_id,
    refuse_wrong_external_id,
    wrong_external_ids,
)

__all__ = [
    "ANSWERED",
    "DELIVERY",
    "REFUSALS",
    "STEPS",
    "Run",
    "probe",
    "probe_delivery",
    "probe_refusals",
    "wrong_external_ids",
]

# A step more is a line more.
STEPS: Sequence[tuple[str, Callable[[Run], Step]]] = (
    ("check_form", check_form),
    ("our_identity", our_identity),
    ("assume_role", assume_role),
    ("refuse_without_external_id", refuse_without_external_id),
    ("refuse_wrong_external_id", refuse_wrong_external_id),
    ("region", region),
    ("write_object", write_object),
    ("refuse_overwrite", refuse_overwrite),
    ("encryption", encryption),
    ("refuse_outside_prefix", refuse_outside_prefix),
    ("delete_object", delete_object),
)
REFUSALS = tuple(step for step in STEPS if step[0] in ("refuse_without_external_id", "refuse_wrong_external_id"))
DELIVERY = tuple(
    step for step in STEPS if step[0] in ("assume_role", "region", "write_object", "encryption", "delete_object")
)


def probe(run: Run) -> Iterator[Step]:
    """Yield every step with its time; after a failure the rest as not run."""
    return run_steps(run, STEPS)


def probe_refusals(run: Run) -> Iterator[Step]:
    """Yield only the steps that the trust policy must refuse."""
    return run_steps(run, REFUSALS)


def probe_delivery(run: Run) -> Iterator[Step]:
    """Yield only the steps that a delivery takes, on an object of the test's own, and the tidying up."""
    return run_steps(run, DELIVERY)
