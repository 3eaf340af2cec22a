"""Every mutant."""

from __future__ import annotations

from tests.sandbox.cloud.mutants import callers, conditions, decision, storage

MUTANTS = [*decision.MUTANTS, *conditions.MUTANTS, *callers.MUTANTS, *storage.MUTANTS]
