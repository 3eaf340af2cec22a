"""What is logged: an allow-list of our own loggers, one line each, without request bodies or patient data.

Refuses the loggers that print URLs with queries, statements or payloads (django.server, django.request, httpx,
botocore …); what fails in a request is told by `relay.web`.
"""

from typing import Any

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "relay": {"handlers": ["console"], "level": "INFO", "propagate": False},
        # Their records carry URLs, parameters or bodies.
        **{
            name: {"handlers": ["nowhere"], "level": "CRITICAL", "propagate": False}
            for name in (
                "httpx",
                "httpcore",
                "botocore",
                "boto3",
                "urllib3",
                "s3transfer",
                "django.server",
                "django.request",
            )
        },
    },
}
