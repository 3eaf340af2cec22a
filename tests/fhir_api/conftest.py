"""The servers of the journeys, for the FHIR API."""

from tests.flows.conftest import payer, payer_url

__all__ = ["payer", "payer_url"]
