"""Deliveries against the model of the rulings, over random events."""

from __future__ import annotations

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test
from pytest_django.fixtures import Settings

from .machine import Deliveries

# No shrinking: a life takes a second, and the steps that are printed can be replayed as they are.
LIVES = hypothesis_settings(max_examples=30, stateful_step_count=30, phases=[Phase.generate])


@pytest.mark.django_db
@pytest.mark.timeout(600)
def test_deliveries_do_what_the_model_of_the_rulings_does(settings: Settings) -> None:
    settings.TESTS_PER_MINUTE = 10_000
    run_state_machine_as_test(Deliveries, settings=LIVES)
