"""What a patient sees: who asks, which source, allow or refuse, done.

Owns pages only; every rule is a service of authorizations or syncs.
"""
