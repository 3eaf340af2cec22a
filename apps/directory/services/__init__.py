"""Writes on the endpoint directory."""

from .sandbox import register_sandbox_endpoints

__all__ = ["register_sandbox_endpoints"]
