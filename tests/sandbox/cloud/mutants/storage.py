"""Mutants of S3 and of the use of keys."""

from __future__ import annotations

from functools import partial

from tests.sandbox.cloud.mutants.mutant import Mutant, probe

_S3 = partial(Mutant, "", module="s3")
_O = partial(Mutant, "", module="s3_operations")
_P = partial(Mutant, "", module="payloads")
_R = partial(Mutant, "", module="regions")
_V = partial(Mutant, "", module="services")
_E = partial(Mutant, module="s3_encryption")
_K = partial(Mutant, module="keys")
_GRANTED = probe("permissions", "test_what_was_not_granted")
_WRONG = probe("objects", "test_wrong_checksum_is_refused")
_CONTEXT = probe("kms", "test_key_policy_may_demand_an_encryption_context")
_DECRYPTS = 'if operation.name != "HeadObject" or "x-amz-checksum-mode" in visit.request.headers:'
_ARN = """if match is None or match["region"] != region:
            raise _not_found(f"Invalid arn {match['region'] if match else name}")  # N2
        account, short = match["account"], match["name"]"""
_LOST = """raise _not_found(f"{kind} 'arn"""


def _free(operation: str, method: str, action: str, by: tuple[str, str]) -> Mutant:
    """Make an operation need s3:PutObject, or, where that is the right one, s3:GetObject."""
    start = f'Operation("{operation}", "{method}", '
    instead = "s3:GetObject" if action == "s3:PutObject" else "s3:PutObject"
    return _O(f"{operation} needs {instead}", old=f'{start}"{action}"', new=f'{start}"{instead}"', by=by)


# fmt: off
MUTANTS = [
    _S3("nothing is asked of the evaluator", old="if verdict.allowed:", new="if True:", by=_GRANTED),
    _S3("no bucket policy is read", old="if bucket.policy else None", new="if False else None",
        by=probe("buckets", "test_bucket_policy_that_denies_unencrypted_puts")),
    _S3("no owner is expected", old="if expected != bucket.account:", new="if False:",
        by=probe("buckets", "test_wrong_expected_bucket_owner")),
    _S3("an expected owner may be the caller's account", old="if expected != bucket.account:",
        new="if expected not in (bucket.account, visit.caller.account):",
        by=probe("buckets", "test_wrong_expected_bucket_owner_of_the_callers")),
    _S3("a missing object is told to everybody", new="pass",
        old='_check_permission(visit, operation, bucket, action="s3:ListBucket", key="")',
        by=probe("permissions", "test_missing_object_is_hidden")),
    _S3("every ACL is taken", old='if acl != "bucket-owner-full-control":', new="if False:",
        by=probe("objects", "test_acl_is_refused")),
    _S3("an upload is finished under any key", old="if upload is None or upload.key_name != key:",
        new="if upload is None:", by=probe("writes", "test_upload_cannot_be_finished")),
    _S3("checksums of parts are not compared", old="check_parts(visit.request.body, parts)", new="pass",
        by=probe("objects", "test_completion_with_the_wrong_checksum")),
    _S3("a bucket policy may speak of other buckets",
        old='if resource != arn and not resource.startswith((f"{arn}/", f"{arn}*")):', new="if False:",
        by=probe("buckets", "test_policy_of_a_bucket_may_only_speak")),
    _S3("headers are no condition keys", old="for name in _HEADER_KEYS if name in headers", new="for name in ()",
        by=probe("buckets", "test_bucket_policy_that_denies_unencrypted_puts")),
    _S3("a default counts as the header", old="headers, query = visit.request.headers, visit.request.query\n    keys",
        new='headers, query = {"x-amz-server-side-encryption": "aws:kms", **visit.request.headers}, visit.request.query'
            "\n    keys",
        by=probe("encryption", "test_default_does_not_satisfy_a_deny")),
    _S3("parts count as new objects", old='"UploadPart": "false"', new='"UploadPart": "true"',
        by=probe("buckets", "test_bucket_policy_may_demand_conditional_writes")),
    _S3("completions do not count as new objects", old='"CompleteMultipartUpload": "true"',
        new='"CompleteMultipartUpload": "false"',
        by=probe("buckets", "test_bucket_policy_may_demand_conditional_writes")),
    _S3("listing has no condition keys", old='("prefix", "delimiter", "max-keys")', new="()",
        by=probe("conditions", "test_condition_holds_or_not")),
    _free("GetObject", "GET", "s3:GetObject", _GRANTED),
    _free("HeadObject", "HEAD", "s3:GetObject", _GRANTED),
    _free("ListObjectsV2", "GET", "s3:ListBucket", _GRANTED),
    _free("DeleteObject", "DELETE", "s3:DeleteObject", _GRANTED),
    _free("HeadBucket", "HEAD", "s3:ListBucket", _GRANTED),
    _free("GetBucketPolicy", "GET", "s3:GetBucketPolicy", _GRANTED),
    _free("GetBucketLocation", "GET", "s3:GetBucketLocation", _GRANTED),
    _free("AbortMultipartUpload", "DELETE", "s3:AbortMultipartUpload",
          probe("permissions", "test_multipart_outside_the_prefix")),
    _free("CreateMultipartUpload", "POST", "s3:PutObject", probe("permissions", "test_multipart_outside_the_prefix")),
    _free("UploadPart", "PUT", "s3:PutObject", probe("permissions", "test_part_and_completion_outside")),
    _free("CompleteMultipartUpload", "POST", "s3:PutObject", probe("permissions", "test_part_and_completion_outside")),
    _V("no write is conditional", old='hidden = ("authorization", ', new='hidden = ("if-none-match", "authorization", ',
       by=probe("writes", "test_put_with_if_none_match")),
    _V("no completion is conditional", old='hidden = ("authorization", ',
       new='hidden = ("if-none-match", "authorization", ', by=probe("writes", "test_completion_with_if_none_match")),
    _S3("writers of a key neither conflict nor wait for each other",
        old='if not is_read and operation.name != "CreateMultipartUpload":', new="if False:",
        by=("test_concurrency.py", "test_conditional_writes_at_once")),
    _S3("conditional writes of a key do not conflict",
        old="held.enter_context(stores.pending.claim(bucket.name, key, stores.storehouse))", new="pass",
        by=("test_concurrency.py", "test_conditional_write_during_another")),
    _R("no region is checked", old="if signed_for != bucket.region:", new="if False:",
       by=probe("regions", "test_put_in_the_wrong_region_is_told")),
    _R("the right region is not told", old='fields={"Region": bucket.region},\n            headers=headers,', new="",
       by=probe("regions", "test_put_in_the_wrong_region_is_told")),
    _P("no Content-MD5 is compared", old="if wanted != hashlib.md5(body, usedforsecurity=False).digest():",
       new="if False:", by=_WRONG),
    _P("no checksum is compared", old='AwsError(400, "InvalidRequest", text)) != found:',
       new='AwsError(400, "InvalidRequest", text)) == b"":', by=_WRONG),
    _P("a body other than the signed one is taken", old="declared != hashlib.sha256(body).hexdigest():",
       new="False:", by=("test_gate.py", "test_body_other_than_the_signed_one")),
    # Encryption.
    _E("E1", "no default is read", old="rule = bucket.encryption or {}", new="rule = {}",
       by=probe("encryption", "test_put_without_a_header_takes_the_buckets")),
    _E("E1 E6", "a default key may be used by all", old='if algorithm != "aws:kms":',
       new='if SSE not in headers:\n        return {SSE: algorithm, SSE_KEY: name, SSE_BUCKET_KEY: "true"}\n'
           '    if algorithm != "aws:kms":', by=probe("encryption", "test_default_key_that_the_writer_may_not_use")),
    _E("E2", "nothing is encrypted that does not ask for it", old='default.get("SSEAlgorithm", "AES256")',
       new='default.get("SSEAlgorithm", "none")', by=probe("objects", "test_encryption_is_aes256")),
    _E("E2", "AES256 is not told", old="return {SSE: algorithm}", new="return {}",
       by=probe("objects", "test_encryption_is_aes256")),
    _E("E3", "the default wins over the header", old="if SSE in headers:", new="if SSE in headers and not default:",
       by=probe("encryption", "test_header_wins_over_the_default")),
    _E("E3", "the default's key wins over the header's", old="headers.get(SSE_KEY, MANAGED_ALIAS)",
       new='default.get("KMSMasterKeyID") or headers.get(SSE_KEY, MANAGED_ALIAS)',
       by=probe("encryption", "test_header_wins_over_the_default")),
    _E("E4", "aws:kms without a key takes none", old="headers.get(SSE_KEY, MANAGED_ALIAS)",
       new='headers.get(SSE_KEY, "alias/none")', by=probe("encryption", "test_aws_kms_without_a_key")),
    _E("E5", "the header for a bucket key is not read",
       old='headers.get(SSE_BUCKET_KEY, str(rule.get("BucketKeyEnabled", "false")))',
       new='str(rule.get("BucketKeyEnabled", "false"))', by=probe("encryption", "test_put_and_head_show_encryption")),
    _E("E5", "the default's bucket key is not read",
       old='headers.get(SSE_BUCKET_KEY, str(rule.get("BucketKeyEnabled", "false")))',
       new='headers.get(SSE_BUCKET_KEY, "false")',
       by=probe("encryption", "test_put_without_a_header_takes_the_buckets")),
    _E("E6", "no key is asked for", old='used = _use_key(visit, bucket, name, action="kms:GenerateDataKey", arn=arn)',
       new='return {SSE: algorithm, SSE_KEY: name, SSE_BUCKET_KEY: "true"}',
       by=probe("kms", "test_key_that_the_role_policy_does_not_name")),
    _E("E6", "a write needs another action", old='action="kms:GenerateDataKey"', new='action="kms:Encrypt"',
       by=probe("kms", "test_key_policy_for_another_action")),
    _S3("reads need no kms:Decrypt", old=_DECRYPTS,
        new='if operation.name in ("UploadPart", "CompleteMultipartUpload"):',
        by=probe("encryption", "test_reading_needs_kms_decrypt")),
    _S3("checksums need no kms:Decrypt", old=_DECRYPTS, new='if operation.name != "HeadObject":',
        by=probe("encryption", "test_checksum_in_a_head_needs_kms_decrypt")),
    _S3("every head needs kms:Decrypt", old=_DECRYPTS, new="if True:",
        by=probe("encryption", "test_checksum_in_a_head_needs_kms_decrypt")),
    _S3("checksums of parts are told as those of the whole", old="if parts is None:", new="if True:",
        by=probe("objects", "test_checksum_of_an_upload_in_parts")),
    _S3("uploads need no kms:Decrypt", old=_DECRYPTS,
        new='if operation.name == "GetObject":', by=probe("encryption", "test_multipart_upload_without_kms_decrypt")),
    _E("E7 E8", "nothing needs kms:Decrypt", old='if kept.get(SSE) != "aws:kms":', new="if True:",
       by=probe("encryption", "test_multipart_upload_without_kms_decrypt")),
    _E("E9", "the bucket is the context of everything", old='("" if has_bucket_key else f"/{key}")', new='""',
       by=_CONTEXT),
    _E("E9", "the object is the context of everything", old='("" if has_bucket_key else f"/{key}")', new='f"/{key}"',
       by=_CONTEXT),
    _K("N1", "a name without an ARN is looked for elsewhere", old="account, short = visit.caller.account, name",
       new='account, short = "000000000000", name', by=probe("encryption", "test_key_is_also_found_by_its_id")),
    _K("N2", "a key of another region will do", old=_ARN,
       new="assert match is not None\n"
           '        account, short, region = match["account"], match["name"], match["region"]',
       by=probe("kms", "test_key_of_another_region")),
    _K("N3", "a missing key reads like a closed one", old=_LOST,
       new='raise denied(visit, action, name, "")\n        # ',
       by=probe("kms", "test_key_that_does_not_exist")),
    _K("N4", "another account's missing key is told", old="if key is None and account != visit.caller.account:",
       new="if False:", by=("test_kms.py", "test_missing_key_of_another_account")),
    _K("N5", "the state is told before permission",
       old="    _judge(visit, replace(question, context=context), key)\n    check_usable(key)  # N5\n",
       new="    check_usable(key)\n    _judge(visit, replace(question, context=context), key)\n",
       by=("test_kms.py", "test_state_is_not_told")),
    _K("U1", "a key that waits for its deletion is usable",
       old='if key.state == "PendingDeletion":',
       new='if key.state == "PendingDeletion":\n        return\n    if False:',
       by=probe("kms", "test_key_that_waits_for_its_deletion")),
    _K("U2", "a disabled key is usable", old='if key.state != "Enabled":', new="if False:",
       by=probe("kms", "test_disabled_key")),
    _K("", "a key's policy is not asked", old="if not verdict.allowed:", new="if False:",
       by=probe("kms", "test_key_policy_that_denies_wins")),
    _K("V1", "S3 does not say that it is S3", old='"kms:viaservice": f"s3.{region}.amazonaws.com",', new="",
       by=probe("kms", "test_key_policy_may_demand_the_way_over_s3")),
    _K("V1", "S3 gives no encryption context", old='"kms:encryptioncontext:aws:s3:arn": arn,', new="", by=_CONTEXT),
    _K("V2", "S3 hands on the caller's address", old='if name not in ("aws:sourceip", "aws:useragent")}', new="}",
       by=("test_kms.py", "test_conditions_of_a_key_policy")),
]
