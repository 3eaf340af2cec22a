"""The one door to the outside world, the failures that come back through it, and when to try again.

Owns which addresses may be connected to; refuses Django, settings, the clock. Source: RFC 9110, RFC 6890.
"""
