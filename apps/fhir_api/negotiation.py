"""In which format a client wants its answer, and with which parameters. Source: FHIR R4 "Content types", 3.1.0.1.

Owns that we speak JSON; refuses other formats, and parameters that nobody reads: an answer to half a question
would pass for the whole.
"""

from __future__ import annotations

from django.http import HttpRequest

from apps.fhir.outcomes import FhirError

JSON_TYPES = ("application/fhir+json", "application/json", "text/json")
READ = frozenset({"_format", "_pretty"})  # of every read; _pretty may be ignored


def check_format(request: HttpRequest) -> None:
    """Raises: FhirError (406) when JSON is not what is asked for."""
    asked = request.GET.get("_format", "")
    wanted = asked.partition(";")[0].strip()
    if wanted:
        is_json = wanted == "json" or wanted in JSON_TYPES or wanted == "application/fhir json"  # an unescaped +
    else:
        is_json = _accepts_json(request.headers.get("Accept", "*/*"))
    if not is_json:
        text = f"Only JSON is spoken here: send {'_format=json' if wanted else 'Accept: application/fhir+json'}."
        raise FhirError("not-supported", text=text, status=406)


def _accepts_json(header: str) -> bool:
    """Read an Accept header without its parameters: `fhirVersion=4.0` is what we speak."""
    kinds = {each.partition(";")[0].strip().lower() for each in header.split(",")}
    return not kinds.isdisjoint({*JSON_TYPES, "application/*", "text/*", "*/*", ""})


def check_parameters(request: HttpRequest, *, also: frozenset[str] = frozenset()) -> None:
    """Raises: FhirError (400) naming a parameter that is not read here, or that was sent twice."""
    for name in sorted(request.GET):
        if name not in READ | also:
            raise FhirError(
                "invalid",
                text=f"The parameter {name[:40]!a} is not supported here. Supported: {', '.join(sorted(READ | also))}.",
            )
        if len(request.GET.getlist(name)) > 1:
            raise FhirError("invalid", text=f"The parameter {name} was sent more than once. Send it once.")
