"""The WSGI entry for gunicorn.

Drops a charset that Python does not know from a request's Content-Type: Django looks it up before any middleware
of ours, and its LookupError would be a 500 for what is the caller's mistake.
"""

import os
from collections.abc import Callable, Iterable
from email.message import Message
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def without_unknown_charset(serve: Application) -> Application:
    """Return the application behind the check."""

    def checked(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        header = Message()
        header["Content-Type"] = environ.get("CONTENT_TYPE", "")
        try:
            b"x".decode(header.get_content_charset("utf-8"))
        except UnicodeError:
            pass  # a text encoding, whatever it makes of one byte
        except LookupError:
            environ["CONTENT_TYPE"] = header.get_content_type()
        return serve(environ, start_response)

    return checked


application = without_unknown_charset(get_wsgi_application())
