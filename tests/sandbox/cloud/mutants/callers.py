"""Mutants of who is calling, of sessions and of roles."""

from __future__ import annotations

from functools import partial

from tests.sandbox.cloud.mutants.mutant import Mutant, probe

_A = partial(Mutant, "", module="authentication")
_S = partial(Mutant, "", module="sts")
_I = partial(Mutant, "", module="iam")
_SKEW = "if abs(now - sent_at) > ALLOWED_SKEW:"
_CLOCK = probe("signatures", "test_clock_that_is_twenty_minutes_off")
_LIMITS = probe("sessions", "test_parameter_outside_the_limits")
_CARRIES = probe("sessions", "test_what_a_session_carries")

# fmt: off
MUTANTS = [
    _A("no signature is checked", old="if not hmac.compare_digest(expected, scope.signature):", new="if False:",
       by=probe("signatures", "test_wrong_secret")),
    _A("no session token is checked", old="if not hmac.compare_digest(token.encode(), expected_token.encode()):",
       new="if False:", by=probe("signatures", "test_missing_or_garbled_session_token")),
    _A("a key of a user takes any token", old='expected_token = session.token if session else ""',
       new="expected_token = session.token if session else token", by=probe("signatures", "test_token_of_another")),
    _A("an inactive key is a key", old="if key is None or not key.is_active:", new="if key is None:",
       by=probe("signatures", "test_inactive_and_deleted_keys")),
    _A("no clock is checked", old=_SKEW, new="if False:", by=_CLOCK),
    _A("a late clock is not checked", old=_SKEW, new="if sent_at - now > ALLOWED_SKEW:", by=_CLOCK),
    _A("an early clock is not checked", old=_SKEW, new="if now - sent_at > ALLOWED_SKEW:", by=_CLOCK),
    _A("a clock may be half an hour off", old="timedelta(minutes=15)", new="timedelta(minutes=30)", by=_CLOCK),
    _A("a clock may be a minute off", old="timedelta(minutes=15)", new="timedelta(minutes=1)",
       by=probe("signatures", "test_clock_that_is_a_little_off")),
    _A("a session never ends", old="if caller.session is not None and caller.session.expires_at <= now:",
       new="if False:", by=probe("sessions", "test_expired_session")),
    _A("headers need not be signed", old="if must_sign - set(scope.signed):", new="if False:",
       by=("test_gate.py", "test_amz_header_that_was_not_signed")),
    _A("a session is not named by its role", old="frozenset((self.arn, self.principal_arn))",
       new="frozenset((self.arn,))", by=probe("trust", "test_role_that_trusts_another_role")),
    _A("a session is not named by itself", old="frozenset((self.arn, self.principal_arn))",
       new="frozenset((self.principal_arn,))", by=probe("trust", "test_session_as_principal")),
    _A("a session has no session policy", old="session=self.session.policy if self.session else None",
       new="session=None", by=probe("sessions", "test_session_policy_narrows")),
    _A("a role that was made again is the same role", old="if role and role.id == self.session.role_id",
       new="if role", by=probe("sessions", "test_session_of_a_role_that_was_made_again")),
    _S("no limit on chained sessions", old="if visit.caller.session is not None and seconds > CHAINED_SECONDS:",
       new="if False:", by=probe("sessions", "test_chained_session")),
    _S("chained sessions may last two hours", old="CHAINED_SECONDS = 3600", new="CHAINED_SECONDS = 7200",
       by=probe("sessions", "test_chained_session")),
    _S("every session counts as chained", old="if visit.caller.session is not None and seconds",
       new="if seconds", by=probe("sessions", "test_chained_session")),
    _S("no MaxSessionDuration", old="if seconds > role.max_session_seconds:", new="if False:",
       by=probe("sessions", "test_session_longer_than_the_roles_maximum")),
    _S("the length asked for is not kept", old="timedelta(seconds=seconds)", new="timedelta(seconds=3600)",
       by=probe("sessions", "test_session_lasts_as_long")),
    _S("root may assume roles", old='if visit.caller.kind == "Account":', new="if False:",
       by=probe("sessions", "test_root_may_not_assume")),
    _S("a missing role says so", old="if role is None:\n        raise refusal",
       new='if role is None:\n        raise AwsError(404, "NoSuchEntity", "no such role")',
       by=probe("trust", "test_role_that_does_not_exist")),
    _S("the external ID is not heard", old='"sts:externalid": form.get("ExternalId")', new='"sts:externalid": None',
       by=probe("trust", "test_right_external_id")),
    _S("a missing external ID is an empty one", old='form.get("ExternalId")', new='form.get("ExternalId", "")',
       by=probe("trust", "test_string_equals_if_exists")),
    _S("session tags are free", old='actions.append("sts:TagSession")', new="pass", by=_CARRIES),
    _S("a source identity is free", old='actions.append("sts:SetSourceIdentity")', new="pass", by=_CARRIES),
    _S("a source identity is not handed on", old="return held or form.get", new="return form.get",
       by=probe("sessions", "test_source_identity_is_handed_on")),
    _S("sessions may be shorter than 15 minutes", old="if not 900 <=", new="if not 0 <=", by=_LIMITS),
    _S("session policies may be of any length", old='if len(form.get("Policy", "")) > 2048:', new="if False:",
       by=_LIMITS),
    _S("role ARNs are not read", old='if not ROLE_ARN.fullmatch(form.get("RoleArn", "")):', new="if False:",
       by=_LIMITS),
    _S("names and IDs are not read", old="if name in form and not pattern.fullmatch(form[name]):", new="if False:",
       by=_LIMITS),
    _I("IAM is open to all", old="if not verdict.allowed:", new="if False:",
       by=probe("permissions", "test_iam_call_needs_permission")),
    _I("a role's path is forgotten", old="visit.stores.storehouse.find_arn(account, kind, form[parameter]) or planned",
       new="planned", by=probe("permissions", "test_iam_call_needs_permission")),
    _I("trust in nobody can be made", old="if not visit.stores.storehouse.has_principal(principal):", new="if False:",
       by=probe("trust", "test_trust_in_a_principal_that_does_not_exist")),
]
