"""The payer and the local AWS of the flows, which end when the last file of this folder has."""

from tests.flows.conftest import cloud_url, local_aws, payer, payer_url

__all__ = ["cloud_url", "local_aws", "payer", "payer_url"]
