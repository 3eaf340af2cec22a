"""One trial of each mutant, in a process of its own that was forked before the local AWS was loaded.

Owns the loading of a mutated module under its own name and the verdict. The source on disk is never touched.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from enum import IntEnum
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType

# Loaded once, before the forks: what every trial needs and no mutant touches.
import moto.iam.models
import moto.kms.models
import moto.moto_server.werkzeug_app
import moto.s3.models
import pytest

from tests.sandbox.cloud.mutants.mutant import PACKAGE, Mutant
from tests.sandbox.cloud.world import Keys, World

TESTS = "tests/sandbox/cloud"
# How a failure reads when the server broke instead of answering.
_CRASHES = ("Internal Server Error", "(500)", "'500'", "the storehouse could not do it")
_PRELOADED = (moto.iam.models, moto.kms.models, moto.moto_server.werkzeug_app, moto.s3.models)


class Verdict(IntEnum):
    """How a trial ended. BROKEN = the mutant did not run as a mutant: no test, or a crash instead of an answer."""

    KILLED = 10
    SURVIVED = 11
    BROKEN = 12


class _Loader(SourceFileLoader):
    """Compiles the mutated text; the cache of compiled modules is neither read nor written."""

    def __init__(self, name: str, mutant: Mutant) -> None:
        super().__init__(name, str(mutant.path))
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._mutant.apply(self._mutant.path.read_text()), self.path, "exec", dont_inherit=True)


class _Finder:
    def __init__(self, mutant: Mutant) -> None:
        self._name, self._mutant = f"{PACKAGE}.{mutant.module}", mutant

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(name, self._mutant.path, loader=_Loader(name, self._mutant))


class _Witness:
    """Remembers whether a check failed, and whether it was by an answer or by a crash of the server."""

    def __init__(self) -> None:
        self.ran = self.answered = self.crashed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.ran += report.when == "call"
        if report.failed:
            is_crash = any(sign in report.longreprtext for sign in _CRASHES)
            self.crashed += is_crash
            self.answered += not is_crash

    @property
    def verdict(self) -> Verdict:
        if self.answered:
            return Verdict.KILLED
        return Verdict.SURVIVED if self.ran and not self.crashed else Verdict.BROKEN


def _try(mutant: Mutant) -> Verdict:
    """Run the mutant's check against it, in this process, which is not good for anything else afterwards."""
    sys.meta_path.insert(0, _Finder(mutant))
    file, test = mutant.by
    witness = _Witness()
    options = ["-q", "-x", f"--confcutdir={TESTS}", "-p", "pytest_timeout", "--timeout=60", "-k", test]
    pytest.main([*options, f"{TESTS}/{file}"], plugins=[witness])
    return witness.verdict


def _fork(mutant: Mutant) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os._exit(_try(mutant))
    finally:
        os._exit(Verdict.BROKEN)


def _warm_up() -> None:
    """Let boto3 read its service models before the forks, so that no trial reads them again."""
    if any(name.startswith(f"{PACKAGE}.") for name in sys.modules):
        raise RuntimeError(f"{PACKAGE} was loaded before the trials")
    world = World("http://127.0.0.1:1")
    for service in ("sts", "iam", "s3", "kms"):
        world.client(service, Keys("x", "x"))


def try_all(mutants: Sequence[Mutant], *, at_once: int) -> Iterator[tuple[Mutant, Verdict]]:
    """Try mutants, a few at once; yield each with its verdict as it ends."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    _warm_up()
    waiting, running = list(reversed(mutants)), dict[int, Mutant]()
    while waiting or running:
        while waiting and len(running) < at_once:
            mutant = waiting.pop()
            running[_fork(mutant)] = mutant
        pid, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        known = code in (Verdict.KILLED, Verdict.SURVIVED)
        yield running.pop(pid), Verdict(code) if known else Verdict.BROKEN
