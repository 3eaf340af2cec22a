"""The roof: settings, wiring, the web entry.

Owns how the parts are put together; refuses rules of its own; nobody imports it.
"""
