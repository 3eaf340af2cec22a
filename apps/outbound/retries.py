"""When to try again: arithmetic alone, no clock and no randomness of its own.

Source: design, queue 5.6 (30 s doubled up to an hour, times a jitter between a half and one); RFC 9110 10.2.3.
"""

import datetime as dt
from email.utils import parsedate_to_datetime

FIRST_SECONDS = 30.0
LONGEST_SECONDS = 3600.0
# From this attempt on the wait is the longest one; keeps the power small for any attempt number.
_DOUBLINGS = 7


def backoff_seconds(attempt: int, jitter: float) -> float:
    """Return how long to wait after that attempt failed.

    Units: seconds; `attempt` counts from 1, `jitter` lies in [0, 1]. Raises: ValueError outside these.
    """
    if attempt < 1 or not 0 <= jitter <= 1:
        raise ValueError("An attempt counts from 1 and a jitter lies between 0 and 1.")
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(attempt - 1, _DOUBLINGS))
    return float(longest * (0.5 + jitter / 2))


def retry_after_seconds(header: str, *, now: dt.datetime) -> float | None:
    """Read a Retry-After header, a number of seconds or an HTTP date; None when it says nothing usable.

    An hour at most: a source that names next year must not park a patient's records until then.
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        asked = float(text)
    else:
        try:
            then = parsedate_to_datetime(text)
        except ValueError:
            return None
        asked = (then - now).total_seconds() if then.tzinfo else (then - now.replace(tzinfo=None)).total_seconds()
    return min(max(asked, 0.0), LONGEST_SECONDS)
