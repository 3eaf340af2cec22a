"""The shared exceptions: what they carry and what they show."""

from apps.outbound.failures import DeliveryError, FaultOwner, SourceError


def test_delivery_error_carries_its_facts_and_reads_as_its_message() -> None:
    error = DeliveryError(
        "The bucket refused.",
        code="AccessDenied",
        stage="put_object",
        permanent=True,
        owner=FaultOwner.CUSTOMER,
    )
    assert str(error) == "The bucket refused."
    assert (error.code, error.stage, error.permanent, error.owner) == (
        "AccessDenied",
        "put_object",
        True,
        "customer",
    )
    assert (error.request_id, error.retry_after_seconds, error.unknown_outcome) == ("", None, False)


def test_source_error_cuts_the_outcome_and_never_shows_it() -> None:
    error = SourceError(
        "The source refused.",
        code="http-404",
        permanent=True,
        status=404,
        retry_after_seconds=3.5,
        outcome=b"patient" * 10_000,
    )
    assert error.outcome is not None
    assert len(error.outcome) == 16 * 1024
    assert "patient" not in repr(error)
    assert (error.status, error.retry_after_seconds) == (404, 3.5)


def test_source_error_without_an_outcome_has_none() -> None:
    error = SourceError(
        "No answer.", code="timeout", permanent=False, status=None, retry_after_seconds=None, outcome=None
    )
    assert error.outcome is None
