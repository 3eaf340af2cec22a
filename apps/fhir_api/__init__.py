"""Reads of a patient's records over FHIR R4.

Owns negotiation and operation outcomes; refuses writes.
"""
