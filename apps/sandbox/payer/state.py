"""What one running payer holds: how it runs, the records, the grants, the knobs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from apps.sandbox.payer.control import Log
from apps.sandbox.payer.faults import Faults
from apps.sandbox.payer.faulty_answers import Pauses
from apps.sandbox.payer.grants import Grants
from apps.sandbox.payer.plans import Plan
from apps.sandbox.payer.records import Records
from apps.sandbox.payer.signing import Signer

# Public, for this is a sandbox: who knows it can mint tokens for synthetic members, and nothing else.
DEFAULT_SEED_KEY = "record-relay-sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How one server runs. `base_url` is its public address, without a slash at the end."""

    base_url: str
    redirect_uris: frozenset[str] = frozenset()
    token_seconds: int = 3600
    seed_key: str = DEFAULT_SEED_KEY
    clock: Callable[[], float] = time.time


class State:
    """The parts that the views share; each of them is thread-safe."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.signer = Signer(options.seed_key)
        self.grants = Grants(self.signer, token_seconds=options.token_seconds, clock=options.clock)
        self.records = Records(options.base_url)
        self.faults = Faults()
        self.pauses = Pauses()
        self.log = Log()

    def reset(self) -> None:
        """Forget amendments, faults, the log and which tokens a fault has ended; other tokens stay."""
        self.records.reset()
        self.faults.reset()
        self.grants.forget_dead()
        self.pauses.end_all()
        self.log.reset()

    def fhir_base(self, plan: Plan) -> str:
        return f"{self.options.base_url}/{plan.key}/fhir"

    def oauth_base(self, plan: Plan) -> str:
        return f"{self.options.base_url}/{plan.key}/oauth"
