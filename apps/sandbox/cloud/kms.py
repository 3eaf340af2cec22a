"""KMS: making and managing symmetric keys, their policies, states and aliases.

Owns the list of calls and what each is asked about; moto keeps the keys, keys.py decides. Refuses grants, tags,
asymmetric, imported and multi-region keys, and use of a key without S3 (501).
Not modelled, and unlike AWS: a key stays pending when its waiting period is over.
Source: KMS API Reference; KMS Developer Guide, "Permissions reference", "Key states".
"""

from __future__ import annotations

import json
from typing import Any

from apps.sandbox.cloud.errors import AwsError, NotModelledError
from apps.sandbox.cloud.evaluator import judge, judge_key
from apps.sandbox.cloud.keys import HIDDEN, check_allowed, check_usable, denied, find_key, plain_call
from apps.sandbox.cloud.messages import Answer
from apps.sandbox.cloud.policies import PolicyKind, parse_policy
from apps.sandbox.cloud.services import Visit
from apps.sandbox.cloud.storehouse import Key

_TARGET = "TrentService."
# What each call may carry. A value that must be one of a few is in _ONLY.
PARAMETERS: dict[str, set[str]] = {
    "ListKeys": set(),
    "ListAliases": set(),
    "CreateKey": {
        "BypassPolicyLockoutSafetyCheck", "CustomerMasterKeySpec", "Description", "KeySpec", "KeyUsage",
        "MultiRegion", "Origin", "Policy", "Tags",
    },
    "DescribeKey": {"KeyId"},
    "GetKeyPolicy": {"KeyId", "PolicyName"},
    "ListKeyPolicies": {"KeyId"},
    "PutKeyPolicy": {"BypassPolicyLockoutSafetyCheck", "KeyId", "Policy", "PolicyName"},
    "UpdateKeyDescription": {"Description", "KeyId"},
    "EnableKey": {"KeyId"},
    "DisableKey": {"KeyId"},
    "ScheduleKeyDeletion": {"KeyId", "PendingWindowInDays"},
    "CancelKeyDeletion": {"KeyId"},
    "CreateAlias": {"AliasName", "TargetKeyId"},
    "UpdateAlias": {"AliasName", "TargetKeyId"},
    "DeleteAlias": {"AliasName"},
}  # fmt: skip
_READS = {"ListKeys", "ListAliases", "DescribeKey", "GetKeyPolicy", "ListKeyPolicies"}
_ONLY: dict[str, tuple[Any, ...]] = {
    "CustomerMasterKeySpec": ("SYMMETRIC_DEFAULT",),
    "KeySpec": ("SYMMETRIC_DEFAULT",),
    "KeyUsage": ("ENCRYPT_DECRYPT",),
    "MultiRegion": (False,),
    "Origin": ("AWS_KMS",),
    "PolicyName": ("default",),
    "Tags": ([],),
}
Content = dict[str, Any]


def _invalid(message: str) -> AwsError:
    return AwsError(400, "ValidationException", message)


def _read(visit: Visit) -> tuple[str, Content]:
    """Read the call's name and content. Raises: NotModelledError, AwsError("SerializationException")."""
    action = visit.request.headers.get("x-amz-target", "").removeprefix(_TARGET)
    if action not in PARAMETERS:
        raise NotModelledError(f"the action kms:{action}")
    try:
        content = json.loads(visit.request.body or b"{}")
    except ValueError as error:
        raise AwsError(400, "SerializationException", "The request is not JSON.") from error
    if not isinstance(content, dict):
        raise AwsError(400, "SerializationException", "The request is not a JSON object.")
    for name, value in content.items():
        if name not in PARAMETERS[action] or value not in _ONLY.get(name, (value,)):
            raise NotModelledError(f"the {action} parameter {name}")
    return action, content


def _check_identity(visit: Visit, action: str, resource: str) -> None:
    """Check an action that no key policy speaks about."""
    question = visit.question(action, resource, resource_account=visit.caller.account, context={})
    verdict = judge(question, visit.standing())
    if not verdict.allowed:
        raise denied(visit, action, resource, verdict.because)


def _check_policy(visit: Visit, content: Content, *, key_arn: str) -> None:
    """Read a new key policy before it is kept, and let nobody lock themselves out by accident.

    Raises: AwsError("MalformedPolicyDocumentException"), NotModelledError.
    """
    try:
        policy = parse_policy(str(content.get("Policy", "")), PolicyKind.RESOURCE)
    except NotModelledError:
        raise
    except AwsError as error:
        raise AwsError(400, "MalformedPolicyDocumentException", error.message) from error
    for statement in policy:
        for principal in statement.principals or ():
            if not visit.stores.storehouse.has_principal(principal):
                text = "Policy contains a statement with one or more invalid principals."
                raise AwsError(400, "MalformedPolicyDocumentException", text)
    if content.get("BypassPolicyLockoutSafetyCheck"):
        return
    account = visit.caller.account
    context = {"kms:calleraccount": account}
    question = visit.question("kms:PutKeyPolicy", key_arn, resource_account=account, context=context)
    if not judge_key(question, visit.standing(), policy).allowed:
        text = "The new key policy will not allow you to update the key policy in the future."
        raise AwsError(400, "MalformedPolicyDocumentException", text)


def _find_own_key(visit: Visit, name: Any, action: str) -> Key:
    """Find the key of a call that works within one account only, by id or key ARN."""
    if ":alias/" in str(name) or str(name).startswith("alias/"):
        raise AwsError(400, "NotFoundException", f"Invalid keyId '{name}'")
    key = find_key(visit, str(name), region=visit.scope.region, action=action)
    if key.account != visit.caller.account:
        raise denied(visit, action, key.arn, HIDDEN)
    return key


def _check_state(action: str, key: Key, content: Content) -> None:
    """Check what the key's state allows. Source: KMS Developer Guide, "Key states", the table."""
    changes_state = action in ("EnableKey", "DisableKey", "ScheduleKeyDeletion", "UpdateKeyDescription")
    if changes_state and key.state == "PendingDeletion":
        check_usable(key)
    if action == "CancelKeyDeletion" and key.state != "PendingDeletion":
        raise AwsError(409, "KMSInvalidStateException", f"{key.arn} is not pending deletion.")
    if action == "ScheduleKeyDeletion" and content.setdefault("PendingWindowInDays", 30) not in range(7, 31):
        raise _invalid("Value at 'pendingWindowInDays' failed to satisfy constraint: 7 to 30.")


def _prepare_alias(visit: Visit, action: str, content: Content) -> None:
    """Check an alias call: the alias itself by identity, and the key or keys it points to."""
    region, name = visit.scope.region, str(content.get("AliasName", ""))
    alias_arn = f"arn:aws:kms:{region}:{visit.caller.account}:{name}"
    if not name.startswith("alias/") or name.startswith("alias/aws/"):
        raise _invalid('Alias must start with the prefix "alias/" and not with "alias/aws/".')
    _check_identity(visit, f"kms:{action}", alias_arn)
    concerned = []
    if action != "CreateAlias":
        concerned.append(find_key(visit, name, region=region, action=f"kms:{action}"))
    if action != "DeleteAlias":
        target = _find_own_key(visit, content.get("TargetKeyId"), f"kms:{action}")
        if target.state == "PendingDeletion":
            check_usable(target)
        content["TargetKeyId"] = target.id
        concerned.append(target)
    for key in concerned:
        check_allowed(visit, f"kms:{action}", key)


def _prepare_keyless(visit: Visit, action: str, content: Content) -> None:
    """Check a call that is about no key yet."""
    _check_identity(visit, f"kms:{action}", "*")
    if action == "CreateKey":
        content |= {"KeyUsage": "ENCRYPT_DECRYPT", "MultiRegion": False}
    if "Policy" in content:
        _check_policy(visit, content, key_arn=f"arn:aws:kms:{visit.scope.region}:{visit.caller.account}:key/new")


def _prepare_key(visit: Visit, action: str, content: Content) -> Key:
    """Check a call about one key, and name the key by its id: moto cannot disable a key by its ARN."""
    if "KeyId" not in content:
        raise _invalid("Value at 'keyId' failed to satisfy constraint: Member must not be null")
    if action == "DescribeKey":
        key = find_key(visit, str(content["KeyId"]), region=visit.scope.region, action="kms:DescribeKey")
    else:
        key = _find_own_key(visit, content["KeyId"], f"kms:{action}")
    check_allowed(visit, f"kms:{action}", key)
    _check_state(action, key, content)
    if action == "PutKeyPolicy":
        _check_policy(visit, content, key_arn=key.arn)
    if "PolicyName" in PARAMETERS[action]:
        content.setdefault("PolicyName", "default")
    content["KeyId"] = key.id
    return key


def answer_kms(visit: Visit) -> Answer:
    """Answer one KMS call. Raises: AwsError."""
    action, content = _read(visit)
    stores = visit.stores
    with stores.locks.lock("kms"):
        key = None
        if action in ("ListKeys", "ListAliases", "CreateKey"):
            _prepare_keyless(visit, action, content)
        elif "Alias" in action:
            _prepare_alias(visit, action, content)
        else:
            key = _prepare_key(visit, action, content)
        account = key.account if key else visit.caller.account
        call = plain_call(account, visit.scope.region, action, content)
        answer = stores.storehouse.call(call)
        if answer.status != 200:
            return answer
        told: Content = json.loads(answer.body or b"null") or {}
        if stores.journal and action not in _READS:
            made = {"KeyId": told["KeyMetadata"]["KeyId"]} if action == "CreateKey" else {}
            stores.journal.record_call(call, made)
    if key is not None and action in ("ScheduleKeyDeletion", "CancelKeyDeletion"):
        told["KeyId"] = key.arn
    if action == "ScheduleKeyDeletion":
        told |= {"KeyState": "PendingDeletion", "PendingWindowInDays": content["PendingWindowInDays"]}
    return Answer(200, {"content-type": "application/x-amz-json-1.1"}, json.dumps(told).encode())
