"""Search and paging of the FHIR API against a slow reference that shares no code with the product."""
