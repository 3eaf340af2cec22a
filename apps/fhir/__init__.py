"""FHIR R4 as bytes and values: codec, references, bundles, outcomes, type lists.

Owns the standard's own rules; refuses Django, settings, the clock and any knowledge of our product.
"""
