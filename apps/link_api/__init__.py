"""The token endpoints of the wire contract: exchange, introspect, token, revoke, discovery.

Owns wire shapes; refuses rules of its own.
"""
