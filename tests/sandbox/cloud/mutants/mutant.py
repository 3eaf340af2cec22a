"""A mutant: the local AWS with one rule taken out, and the check that must notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PACKAGE = "apps.sandbox.cloud"
SOURCE = Path(__file__).parents[4] / PACKAGE.replace(".", "/")


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` stands exactly once in the module and becomes `new`.

    `branches` are the marks of the rules that it breaks, as the module's docstring lists them ("" = a rule without
    a mark). `by` is a test file, below tests/sandbox/cloud, and a test's name.
    """

    branches: str
    meaning: str
    module: str
    old: str
    new: str
    by: tuple[str, str]

    @property
    def path(self) -> Path:
        return SOURCE / f"{self.module}.py"

    def apply(self, text: str) -> str:
        """Answer the module's source with the rule taken out. Raises: ValueError when it is not there once."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.module}: {self.old!r} stands there {text.count(self.old)} times")
        return text.replace(self.old, self.new)


def probe(noun: str, test: str) -> tuple[str, str]:
    return f"conformance/test_probe_{noun}.py", test
