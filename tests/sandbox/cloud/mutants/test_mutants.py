"""The table of mutants cannot rot, and the trial tells a killed mutant from one that survives.

All of them are tried by `python -m tests.sandbox.cloud.mutants`, which takes minutes.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.cloud.mutants.mutant import SOURCE, Mutant
from tests.sandbox.cloud.mutants.table import MUTANTS

TESTS = Path(__file__).parents[1]
LISTED = re.compile(r"The branches, each of which a test must be able to break:\n(.*?)(?:\n\n|\"\"\")", re.DOTALL)
MARK = re.compile(r"\b(?!S3\b)[A-Z]\d+\b")


def name(mutant: Mutant) -> str:
    return f"{mutant.module}: {mutant.meaning}"


def list_branches() -> list[tuple[str, str]]:
    """Read the marks of the rules out of the docstrings of the modules that have them."""
    found = []
    for path in sorted(SOURCE.glob("*.py")):
        for text in LISTED.findall(path.read_text()):
            found += [(path.stem, mark) for mark in MARK.findall(text)]
    return found


@pytest.mark.parametrize("mutant", MUTANTS, ids=name)
def test_mutants_old_text_stands_once_in_the_source_and_the_new_compiles(mutant: Mutant) -> None:
    text = mutant.path.read_text()
    changed = mutant.apply(text)
    assert changed != text
    compile(changed, str(mutant.path), "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=name)
def test_check_that_must_notice_a_mutant_exists(mutant: Mutant) -> None:
    file, test = mutant.by
    assert f"def {test.split()[0]}" in (TESTS / file).read_text()


@pytest.mark.parametrize(("module", "mark"), list_branches())
def test_every_branch_that_a_module_lists_has_a_mutant(module: str, mark: str) -> None:
    assert [mutant for mutant in MUTANTS if mark in mutant.branches.split()]


def test_branches_are_listed_at_all() -> None:
    assert {module for module, _ in list_branches()} >= {"conditions", "evaluator", "policies"}


def test_no_two_mutants_are_the_same() -> None:
    assert len({(mutant.module, mutant.old, mutant.new, mutant.by) for mutant in MUTANTS}) == len(MUTANTS)


TRIAL = """
from tests.sandbox.cloud.mutants.mutant import Mutant, probe
from tests.sandbox.cloud.mutants.trial import try_all
by = probe("signatures", "test_wrong_secret")
old = "if not hmac.compare_digest(expected, scope.signature):"
mutants = [
    Mutant("", meaning, "authentication", old, new, by)
    for meaning, new in (("harmful", "if False:"), ("harmless", old + "  # as before"), ("crashing", "if nobody:"))
]
mutants.append(Mutant("", "unseen", "authentication", old, "if False:", probe("signatures", "test_of_nothing")))
for mutant, verdict in try_all(mutants, at_once=2):
    print(mutant.meaning, verdict.name)
"""


def test_trial_tells_killed_from_survived_and_from_broken() -> None:
    done = subprocess.run([sys.executable, "-c", TRIAL], capture_output=True, text=True, check=True)
    verdicts = dict(line.split() for line in done.stdout.splitlines())
    assert verdicts == {
        "harmful": "KILLED",
        "harmless": "SURVIVED",
        "crashing": "BROKEN",
        "unseen": "BROKEN",
    }
