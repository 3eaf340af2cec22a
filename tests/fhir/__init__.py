"""The FHIR ground floor, without a database."""
