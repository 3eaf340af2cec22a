"""One folder per kind of destination; a connector is given plain values, never a model.

Owns how bytes leave for somebody's storage; refuses to know about queues, retries or the database.
"""
