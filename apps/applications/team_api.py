"""`/api/v1/members`, `/api/v1/invitations`: the team of the application's workspace, as its pages show it.

Keys may read. Refuses to let a key change who is in the team: that takes a person, by the rules of the pages (role,
a sign-in of the last minutes, owners by owners only).
"""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.workspaces.models import Invitation, Membership, Role
from apps.workspaces.scoped_admin.guards import OWNERS_ONLY, grantable, may_change
from apps.workspaces.selectors import FACTORS
from apps.workspaces.services import (
    AlreadyInvited,
    AlreadyMember,
    InvitationClosed,
    LastOwner,
    SentJustNow,
    TooManyInvitations,
    change_role,
    invite_member,
    remove_member,
    resend_invitation,
    withdraw_invitation,
)

from .authentication import access_of
from .filters import CreatedFilters
from .idempotency import idempotent
from .keys import Scope
from .problems import Conflict
from .serializers import check_no_fields
from .team_serializers import InvitationSerializer, MemberSerializer, NewInvitationSerializer, RoleSerializer


class MemberViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet[Membership]
):
    """People of the workspace, with their roles."""

    serializer_class = MemberSerializer
    filterset_class = CreatedFilters
    scope_fields = ("workspace_id",)
    scope_read = Scope.RECORDS_READ
    scope_write = Scope.MEMBERS_WRITE
    fresh_actions = frozenset({"partial_update", "destroy"})

    def get_queryset(self) -> QuerySet[Membership]:
        factors: QuerySet[Authenticator] = FACTORS.filter(user=OuterRef("user"))
        members = Membership.objects.annotate(has_second_factor=Exists(factors))
        return members.select_related("user", "workspace")

    @extend_schema(request=RoleSerializer, responses=MemberSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a role, in the portal's session only. The last owner stays one."""
        member, mine = self.get_object(), _mine(request)
        body = RoleSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        role = Role(body.validated_data["role"])
        if not may_change(mine, member) or role not in grantable(mine):
            raise PermissionDenied(OWNERS_ONLY, code="owner_needed")
        try:
            change_role(membership=member, role=role, by=access_of(request).actor)
        except LastOwner as refusal:
            raise Conflict(str(refusal)) from None
        return Response(MemberSerializer(self.get_object()).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove a member, in the portal's session only. The last owner stays."""
        check_no_fields(request)
        member, mine = self.get_object(), _mine(request)
        if not may_change(mine, member):
            raise PermissionDenied(OWNERS_ONLY, code="owner_needed")
        try:
            remove_member(membership=member, by=access_of(request).actor)
        except LastOwner as refusal:
            raise Conflict(str(refusal)) from None
        return Response(status=204)


class InvitationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Invitation]):
    """Invitations that nobody took and nobody withdrew, expired ones too."""

    queryset = Invitation.objects.filter(accepted_at__isnull=True, withdrawn_at__isnull=True)
    serializer_class = InvitationSerializer
    filterset_class = CreatedFilters
    scope_fields = ("workspace_id",)
    scope_read = Scope.RECORDS_READ
    scope_write = Scope.MEMBERS_WRITE
    fresh_actions = frozenset({"create", "resend", "withdraw"})

    @extend_schema(request=NewInvitationSerializer, responses={201: InvitationSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Invite an address, in the portal's session only. The link is in the mail and in no answer."""
        body = NewInvitationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        access, mine, role = access_of(request), _mine(request), Role(body.validated_data["role"])
        _check_grantable(mine, role)
        try:
            invitation = invite_member(
                workspace=mine.workspace,
                email=body.validated_data["email"],
                role=role,
                by=access.actor,
                now=timezone.now(),
            )
        except (AlreadyMember, AlreadyInvited, TooManyInvitations) as refusal:
            raise Conflict(str(refusal)) from None
        return Response(InvitationSerializer(invitation).data, status=201)

    @extend_schema(request=None, responses=InvitationSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def resend(self, request: Request, pk: str) -> Response:
        """Mail a new link; the one before it works no more."""
        invitation = self.get_object()
        check_no_fields(request)
        _check_grantable(_mine(request), Role(invitation.role))
        try:
            resend_invitation(invitation=invitation, by=access_of(request).actor, now=timezone.now())
        except (InvitationClosed, SentJustNow) as refusal:
            raise Conflict(str(refusal)) from None
        return Response(InvitationSerializer(self.get_object()).data)

    @extend_schema(request=None, responses=InvitationSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def withdraw(self, request: Request, pk: str) -> Response:
        """End an invitation: its link works no more."""
        invitation = self.get_object()
        check_no_fields(request)
        try:
            withdraw_invitation(invitation=invitation, by=access_of(request).actor, now=timezone.now())
        except InvitationClosed as refusal:
            raise Conflict(str(refusal)) from None
        return Response({**InvitationSerializer(invitation).data, "is_open": False})


def _mine(request: Request) -> Membership:
    """Return the membership of the person who asks; a key never comes as far as here."""
    rows = Membership.objects.select_related("workspace")
    return rows.get(user=request.user.pk, workspace=access_of(request).application.workspace_id)


def _check_grantable(mine: Membership, role: Role) -> None:
    """Raises: PermissionDenied."""
    if role not in grantable(mine):
        raise PermissionDenied(OWNERS_ONLY, code="owner_needed")
