"""FHIR R4 search without a database: what a resource is found by, and what a query asks.

Owns value ranges, the extraction of index entries and the parsing of queries; refuses SQL, storage and HTTP.
Source: FHIR R4 "Search" (http://hl7.org/fhir/R4/search.html).
"""
