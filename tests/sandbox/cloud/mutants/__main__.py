"""`python -m tests.sandbox.cloud.mutants`: try every mutant of the local AWS; fails when one survives.

Prints the mutants that were not killed, and the count.
"""

from __future__ import annotations

import os
import sys

from tests.sandbox.cloud.mutants.table import MUTANTS
from tests.sandbox.cloud.mutants.trial import Verdict, try_all


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Try them all, one a core at a time; answer the exit code."""
    left = []
    for mutant, verdict in try_all(MUTANTS, at_once=os.cpu_count() or 1):
        if verdict is not Verdict.KILLED:
            left.append(mutant)
            say(f"{verdict.name.lower()}: {mutant.module}: {mutant.meaning} (to be noticed by {' '.join(mutant.by)})")
    say(f"{len(MUTANTS) - len(left)} of {len(MUTANTS)} mutants killed")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
