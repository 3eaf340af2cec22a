"""The one door to other people's servers: HTTP, how failures are told, when to try again.

Owns which addresses may be reached; refuses Django, settings and the clock.
"""
