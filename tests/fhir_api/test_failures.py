"""What fails on our side is FHIR too: an OperationOutcome, never a page."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client

from tests.fhir_search.product import Product


def get(product: Product, path: str) -> tuple[int, str, dict[str, Any]]:
    client = Client(raise_request_exception=False)
    response = client.get(path, headers=product.headers)
    return response.status_code, response["Content-Type"], json.loads(response.content)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/fhir/Patient?gender=male", "/fhir/Patient?_total=accurate"])
def test_a_fault_of_ours_is_an_exception_that_says_nothing_of_its_cause(path: str) -> None:
    product = Product()
    product.load([])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE records_currentresource RENAME TO elsewhere")
    status, kind, outcome = get(product, path)
    assert (status, kind, outcome["resourceType"]) == (500, "application/fhir+json", "OperationOutcome")
    assert outcome["issue"][0]["code"] == "exception"
    assert "records_" not in json.dumps(outcome)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_does_not_answer_in_time_is_503_and_a_time_to_come_back() -> None:
    product = Product()
    product.load([])
    params = connection.get_connection_params() | {"autocommit": False}
    names = {name: params[name] for name in ("host", "port", "user", "password", "dbname") if name in params}
    with psycopg.connect(**names) as other, connection.cursor() as cursor:
        other.execute("LOCK TABLE records_currentresource")
        cursor.execute("SET statement_timeout = '200ms'")
        try:
            status, kind, outcome = get(product, "/fhir/Patient")
        finally:
            cursor.execute("RESET statement_timeout")
    assert (status, kind, outcome["issue"][0]["code"]) == (503, "application/fhir+json", "exception")
