"""What the services refuse, as problems of HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rest_framework.exceptions import Throttled, ValidationError

from apps.applications.problems import Conflict, Gone
from apps.outbox.transitions import IllegalTransition

from ..services import DataPurged, InvalidDestination, NotTested, TooManyTests


@contextmanager
def as_problems() -> Iterator[None]:
    """Say a service's refusal in the words of HTTP."""
    try:
        yield
    except InvalidDestination as error:
        raise ValidationError(error.errors) from None
    except NotTested as error:
        raise Conflict(str(error), "not_tested") from None
    except IllegalTransition as error:
        raise Conflict(str(error), "illegal_transition") from None
    except TooManyTests as error:
        raise Throttled(detail=str(error), wait=60) from None
    except DataPurged as error:
        raise Gone(str(error), "data_purged") from None
