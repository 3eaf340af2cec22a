"""A SMART-on-FHIR R4 payer of our own, with synthetic members: test mode, the demo and the tests talk to it.

Owns plans, members, their generated records, OAuth and a small FHIR read API. Refuses to hold anything real:
every name, number and password here is invented or published, and its signing key has a public default.
"""
