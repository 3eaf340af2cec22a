"""The reference matcher: FHIR R4 search over parsed resources, slow and plain, written from the specification.

Owns what a search must answer; refuses to know how the product answers it: it imports nothing of the product but the
text of the search parameters (`apps.fhir.definitions`). Source: FHIR R4 4.0.1, "Search" (3.1.1).
"""

from tests.fhir_search.oracle.searching import search
from tests.fhir_search.oracle.stored import Result, Stored, Unsupported

__all__ = ["Result", "Stored", "Unsupported", "search"]
