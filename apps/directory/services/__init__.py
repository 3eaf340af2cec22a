"""Writes on the endpoint directory."""

from .budgets import close_endpoint, spend_request
from .limits import set_endpoint_limits
from .sandbox import register_sandbox_endpoints

__all__ = ["close_endpoint", "register_sandbox_endpoints", "set_endpoint_limits", "spend_request"]
