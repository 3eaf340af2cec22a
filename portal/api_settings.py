"""How the management API's framework is set up: nothing that differs between machines."""

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.applications.authentication.ManagementKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["apps.applications.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.applications.parsers.ManagementJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "apps.applications.paging.CreatedCursorPagination",
    # ScopeFilter is the scoping: every list and look-up is of the key's application and mode.
    "DEFAULT_FILTER_BACKENDS": [
        "apps.applications.filters.ScopeFilter",
        "apps.applications.filters.ListedFilters",
    ],
    "DEFAULT_SCHEMA_CLASS": "apps.applications.schema.ManagementSchema",
    "EXCEPTION_HANDLER": "apps.applications.problems.problem_details",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Record Relay management API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": [],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["apps.applications.schema.only_management_api"],
    "ENUM_NAME_OVERRIDES": {
        "Mode": "apps.applications.models.MODES",
        "KeyKind": "apps.applications.serializers.KEY_KINDS",
        "AuthorizationState": "apps.authorizations.states.AuthorizationState",
        "DestinationKind": "apps.destinations.models.KINDS",
        "DestinationState": "apps.destinations.states.DestinationState",
        "DeliveryKind": "apps.destinations.serializers.DELIVERY_KINDS",
        "DeliveryState": "apps.destinations.states.DeliveryState",
        "SyncState": "apps.syncs.states.SyncState",
        "BulkActionState": "apps.destinations.states.BulkState",
        "BulkItemState": "apps.destinations.states.BulkItemState",
        "BulkVerb": "apps.destinations.states.BulkVerb",
        "ReconciliationState": "apps.destinations.states.ReconciliationState",
    },
}
