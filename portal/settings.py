"""Every knob of the product, read from the environment once, here.

Owns how machines differ; refuses to start anything. Importing settings opens no socket; without DATABASE_URL
it makes the embedded database's password file in VAR, nothing else.
What could be set unsafely is a system check in `portal/checks.py`.
"""

import secrets
from pathlib import Path
from typing import Any

import environ

from portal.local_secrets import read_local_secret

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(env.str("VAR", default=str(BASE_DIR / "var"))).expanduser().absolute()

# -- The machine -----------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)
PUBLIC_URL = env.str("PUBLIC_URL", default="http://localhost:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
BRAND_NAME = env.str("BRAND_NAME", default="Record Relay")

# -- Secrets (rulings B11) -------------------------------------------------------------------------
# Unset on a laptop: made once in VAR by manage.py. Production must set both (portal.E001, encryption.E001).
SECRET_KEY = env.str("SECRET_KEY", default="") or read_local_secret(VAR, "SECRET_KEY") or secrets.token_urlsafe(48)
FIELD_ENCRYPTION_KEYS = env.list("FIELD_ENCRYPTION_KEYS", default=[]) or [
    read_local_secret(VAR, "FIELD_ENCRYPTION_KEY") or secrets.token_urlsafe(48)
]
SECRETS_FROM_ENVIRONMENT = bool(env.str("SECRET_KEY", default="")) and bool(
    env.list("FIELD_ENCRYPTION_KEYS", default=[])
)

# -- Database --------------------------------------------------------------------------------------
ALLOW_EMBEDDED_DATABASE = env.bool("ALLOW_EMBEDDED_DATABASE", default=False)
STATEMENT_TIMEOUT_SECONDS = env.int("STATEMENT_TIMEOUT_SECONDS", default=60)
LOCK_TIMEOUT_SECONDS = env.int("LOCK_TIMEOUT_SECONDS", default=10)
IDLE_IN_TRANSACTION_SECONDS = env.int("IDLE_IN_TRANSACTION_SECONDS", default=60)
CONNECT_TIMEOUT_SECONDS = env.int("CONNECT_TIMEOUT_SECONDS", default=10)
EMBEDDED_DATABASE = not env.str("DATABASE_URL", default="")
if EMBEDDED_DATABASE:
    from portal.embedded_postgres import EmbeddedPostgres

    _database: dict[str, Any] = {**EmbeddedPostgres(VAR).database_settings()}
else:
    _database = env.db("DATABASE_URL")
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        **_database,
        # Without it django-q2 reconnects at every poll (design: 127 tasks/s instead of 764).
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **_database.get("OPTIONS", {}),
            "application_name": "record-relay",
            # The statements of the hot paths are planned once per connection; a pooler by transactions may not bear it.
            "prepare_threshold": 5 if env.bool("PREPARED_STATEMENTS", default=True) else None,
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            # A socket that is not our server's must not be told the password in clear.
            **({"require_auth": "scram-sha-256"} if EMBEDDED_DATABASE else {}),
            "options": (
                f"-c statement_timeout={STATEMENT_TIMEOUT_SECONDS * 1000}"
                f" -c lock_timeout={LOCK_TIMEOUT_SECONDS * 1000}"
                f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_SECONDS * 1000}"
            ),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Applications ----------------------------------------------------------------------------------
INSTALLED_APPS = [
    "portal.apps.PortalConfig",
    "apps.encryption",
    "apps.audit",
    "apps.outbox",
    "apps.mails",
    "apps.workspaces",
    "apps.applications",
    "apps.directory",
    "apps.authorizations",
    "apps.records",
    "apps.destinations",
    "apps.syncs",
    "apps.workers",
    "apps.sandbox",
    "apps.consent_pages",
    "apps.link_api",
    "apps.fhir_api",
    "apps.audit_log",
    "apps.dashboard",
    "apps.support",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "portal.apps.PortalStaticFilesConfig",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
]
MIDDLEWARE = [
    "portal.middleware.RequestIdMiddleware",
    "portal.middleware.ContentPolicyMiddleware",
    "portal.middleware.ProxyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.applications.middleware.ScopeMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.applications.middleware.ScopeAccessMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
APPEND_SLASH = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.brand",
            ],
        },
    }
]

# -- People ----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "workspaces.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = env.str("ACCOUNT_EMAIL_VERIFICATION", default="mandatory")
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
ACCOUNT_RATE_LIMITS = {"login": "10/m/ip", "login_failed": "10/m/ip,5/300s/key"}
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_ADAPTER = "apps.mails.adapter.AccountAdapter"
ACCOUNT_EMAIL_NOTIFICATIONS = True
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG or DEMO
REQUIRE_SUPPORT_2FA = env.bool("REQUIRE_SUPPORT_2FA", default=True)
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Record Relay <noreply@localhost>")
# A mail server that is silent holds a worker no longer than this at each step.
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=10)
# How long the link of a mail works: a new password, a confirmed address (rulings B14).
EMAIL_LINK_SECONDS = env.int("EMAIL_LINK_SECONDS", default=3600)
PASSWORD_RESET_TIMEOUT = EMAIL_LINK_SECONDS
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = EMAIL_LINK_SECONDS / 86_400
INVITATION_SECONDS = env.int("INVITATION_SECONDS", default=7 * 86_400)
MAIL_GIVE_UP_SECONDS = env.int("MAIL_GIVE_UP_SECONDS", default=72 * 3600)
MAIL_RETENTION_DAYS = env.int("MAIL_RETENTION_DAYS", default=30)

# -- The web ---------------------------------------------------------------------------------------
HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = env.int("SESSION_SECONDS", default=12 * 3600)
CSRF_FAILURE_VIEW = "portal.errors.csrf_refused"
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL])
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=HTTPS)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=HTTPS)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=HTTPS)
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
# Behind a proxy (rulings C3): the proxy's addresses, whose X-Forwarded-* headers we believe.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(VAR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MAX_AGE = 3600
# Compressing the documentation's source maps and bundle again and again costs more than it saves.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("map", "png", "ico", "woff2", "gz", "br")
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# -- Queue (design/queue.md 7; embedded: one cluster, one queue) -----------------------------------
Q_WORKERS = env.int("Q_WORKERS", default=3)
# How many of them a machine lets sync at once: a source that hangs must leave one to deliveries and mails.
SYNC_WORKERS = env.int("SYNC_WORKERS", default=max(1, Q_WORKERS - 1))
# How many attempts of one destination run at once: a storage that hangs must leave workers to the others.
WORKERS_PER_DESTINATION = env.int("WORKERS_PER_DESTINATION", default=max(1, Q_WORKERS // 2))
Q_CLUSTER = {
    "name": "record-relay",
    "workers": Q_WORKERS,
    "queue_limit": Q_WORKERS,
    "bulk": 1,
    "timeout": 300,
    "retry": 1200,
    "save_limit": -1,
    "ack_failures": True,
    "max_attempts": 1,
    "guard_cycle": 0.5,
    "poll": env.float("Q_POLL_SECONDS", default=0.2),
    "recycle": 500,
    "max_rss": 400_000,
    "catch_up": False,
    "compress": False,
    "scheduler": False,  # the supervisor sweeps: a row of the schedule table can neither stop nor start anything
    "daemonize_workers": True,
    "log_level": "WARNING",
    "cache": "qstat",
    "label": "Queue",
}
_broker = env.str("Q_BROKER_URL", default="")
if _broker.startswith("redis"):
    Q_CLUSTER["redis"] = _broker
elif _broker.startswith("sqs://"):
    Q_CLUSTER["sqs"] = {"aws_region": _broker.removeprefix("sqs://"), "receive_message_wait_time_seconds": 20}
else:
    Q_CLUSTER["orm"] = "default"
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "qstat": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(VAR / "run" / "qstat"),
    },
}
LEASE_SECONDS = env.int("LEASE_SECONDS", default=120)
EXPECT_LOCAL_WORKERS = env.bool("EXPECT_LOCAL_WORKERS", default=True)
SWEEP_SECONDS = env.int("SWEEP_SECONDS", default=30)
# A cluster that has not moved at so many looks, so far apart, is restarted; one that does not stop is killed.
STALL_SECONDS = env.float("STALL_SECONDS", default=20.0)
STALL_LOOKS = env.int("STALL_LOOKS", default=3)
STOP_SECONDS = env.float("STOP_SECONDS", default=25.0)

# -- Link and FHIR (architecture 3, all lifetimes are settings) ------------------------------------
CODE_SECONDS = env.int("CODE_SECONDS", default=300)
PUBLIC_TOKEN_SECONDS = env.int("PUBLIC_TOKEN_SECONDS", default=1800)
CONSENT_SESSION_SECONDS = env.int("CONSENT_SESSION_SECONDS", default=1800)
ACCESS_TOKEN_SECONDS = env.int("ACCESS_TOKEN_SECONDS", default=86_400)
REFRESH_TOKEN_SECONDS = env.int("REFRESH_TOKEN_SECONDS", default=7_776_000)
ONE_TIME_SECONDS = env.int("ONE_TIME_SECONDS", default=86_400)
# Requests per minute and caller; 0 sets no limit.
TOKEN_PER_MINUTE = env.int("TOKEN_PER_MINUTE", default=60)
LINK_PER_MINUTE = env.int("LINK_PER_MINUTE", default=120)
FHIR_PER_MINUTE = env.int("FHIR_PER_MINUTE", default=600)
TESTS_PER_MINUTE = env.int("TESTS_PER_MINUTE", default=6)
TEST_VALID_SECONDS = env.int("TEST_VALID_SECONDS", default=86_400)
RETEST_SECONDS = env.int("RETEST_SECONDS", default=86_400)
VERSION_RETENTION_DAYS = env.int("VERSION_RETENTION_DAYS", default=90)
TAG_BASE = env.str("TAG_BASE", default="https://fhir.flexpa.com/identifiers/")
# The fixed namespace of D16; changing it changes every id ever delivered.
ID_NAMESPACE = env.str("ID_NAMESPACE", default="7d0c4a5e-5b0f-5d2a-9a44-6c1f0c7a3b10")
SOURCE_CLIENT_ID = env.str("SOURCE_CLIENT_ID", default="record-relay-sandbox")
SYNC_PAGE_SIZE = env.int("SYNC_PAGE_SIZE", default=100)
SYNC_STEP_SECONDS = env.int("SYNC_STEP_SECONDS", default=180)
# A type that fails for now is asked again from its page, this often, after 5, 10, 20 … seconds.
SYNC_ATTEMPTS = env.int("SYNC_ATTEMPTS", default=4)
SYNC_RETRY_SECONDS = env.float("SYNC_RETRY_SECONDS", default=5.0)
MAX_RESOURCE_BYTES = env.int("MAX_RESOURCE_BYTES", default=16 * 2**20)

# -- Delivery --------------------------------------------------------------------------------------
DELIVERY_ROLE_ARN = env.str("DELIVERY_ROLE_ARN", default="")
OWN_ACCOUNT_ROLE_ARNS = env.list("OWN_ACCOUNT_ROLE_ARNS", default=[])
KEY_PREFIX = env.str("KEY_PREFIX", default="flexpa/")
TRUST_SETTLE_SECONDS = env.float("TRUST_SETTLE_SECONDS", default=5.0)
GIVE_UP_SECONDS = env.int("GIVE_UP_SECONDS", default=72 * 3600)
# How many deliveries one retry or replay of many takes.
BULK_ACTION_DELIVERIES = env.int("BULK_ACTION_DELIVERIES", default=10_000)
# How many rows of a back-fill wait at once in its destination.
BACKFILL_AHEAD = env.int("BACKFILL_AHEAD", default=50)
SPOOL_DIR = Path(env.str("SPOOL_DIR", default=str(VAR / "spool")))
# host:port pairs that the one door may reach although they are private (rulings B23).
OUTBOUND_ALLOWED = env.list("OUTBOUND_ALLOWED", default=[])

# -- Sandbox (test mode's outside world) -----------------------------------------------------------
SANDBOX_PAYER_URL = env.str("SANDBOX_PAYER_URL", default="").rstrip("/")
# Test-only (rulings B22): registers the sandbox payer as a live endpoint too.
SANDBOX_PAYER_AS_LIVE = env.bool("SANDBOX_PAYER_AS_LIVE", default=False)
# Ends or freezes a process at a named place (apps/outbox/faults.py); tests only.
FAULTS = env.bool("FAULTS", default=False)
FAULT = env.str("FAULT", default="")
FAULT_SIGNAL = env.str("FAULT_SIGNAL", default="KILL")

# -- What no machine changes -----------------------------------------------------------------------
from portal.api_settings import REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: E402, F401
from portal.logging import LOGGING  # noqa: E402, F401
