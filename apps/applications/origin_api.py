"""`/api/v1/allowed-origins`: the websites whose pages may hold the widget's frame."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from .authentication import access_of
from .idempotency import idempotent
from .keys import Scope
from .models import AllowedOrigin
from .origin_serializers import AllowedOriginSerializer, NewOriginSerializer
from .serializers import check_no_fields
from .services import InvalidOrigin, add_allowed_origin, remove_allowed_origin


class AllowedOriginViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[AllowedOrigin]):
    """Origins that may hold the widget in this mode, newest first."""

    queryset = AllowedOrigin.objects.select_related("application")
    serializer_class = AllowedOriginSerializer
    scope_fields = ("application_id", "mode")
    scope_read = Scope.RECORDS_READ
    scope_write = Scope.KEYS_WRITE
    cursor_order = ("-created_at", "id")
    fresh_actions = frozenset({"create", "destroy"})

    @extend_schema(request=NewOriginSerializer, responses={201: AllowedOriginSerializer, 200: AllowedOriginSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Allow an origin: 201, or 200 with the same object if it is allowed already."""
        body = NewOriginSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        access = access_of(request)
        try:
            made, is_new = add_allowed_origin(
                application=access.application, mode=access.mode, origin=body.validated_data["origin"], by=access.actor
            )
        except InvalidOrigin as refusal:
            raise ValidationError({"origin": [str(refusal)]}) from None
        return Response(AllowedOriginSerializer(made).data, status=201 if is_new else 200)

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove it: browsers refuse to show the widget on its pages from now on."""
        check_no_fields(request)
        remove_allowed_origin(allowed_origin=self.get_object(), by=access_of(request).actor)
        return Response(status=204)
