"""What an answer of AWS means, who has to act, and whether to try again: one table.

Owns the sentences that a person reads after a failed test or delivery. Where our own credentials or clock are
at fault the delivery is tried again: nobody's data may be lost to a fault of ours that passes.
Source: aws-and-sftp section 6 (S3 "Error responses", "Troubleshoot 403"; botocore's STS and KMS models).
"""

from __future__ import annotations

from apps.outbound.failures import FaultOwner

from .wording import Advice, Retry, Row, Snippet


def _customer(message: str, advice: str, snippet: Snippet = Snippet.NONE) -> Advice:
    return Advice(message=message, advice=advice, owner=FaultOwner.CUSTOMER, retry=Retry.NEVER, snippet=snippet)


def _ours(message: str, advice: str, retry: Retry) -> Advice:
    return Advice(message=message, advice=advice, owner=FaultOwner.US, retry=retry)


def _row(stage: str, codes: str, advice: Advice, pattern: str = "") -> Row:
    return Row(stage=stage, codes=frozenset(codes.split()), pattern=pattern, advice=advice)


UNKNOWN_REFUSAL = _customer(
    "AWS refused the request ({code}, status {status}).",
    "We do not know this answer. Look the code up in AWS's documentation, or send us the request ID.",
)
UNKNOWN_FAILURE = _ours(
    "The request failed ({code}).", "We try again by ourselves. Nothing to do for you.", Retry.LATER
)
BUSY = _ours("AWS is busy ({code}).", "We try again by ourselves. Nothing to do for you.", Retry.LATER)
OUR_CREDENTIALS = _ours(
    "Delivery is paused on our side: our own AWS identity was not accepted ({code}).",
    "Nothing to do for you. Operator: check the credentials, DELIVERY_ROLE_ARN and the clock of this server.",
    Retry.LATER,
)
OUR_BUG = _ours(
    "The request was not built as AWS wants it ({code}).",
    "Nothing to do for you. Operator: this is a fault of this server; report it with the code.",
    Retry.NEVER,
)
WRONG_REGION = _customer(
    "The bucket {bucket} is not in the region {region}. Its region: {real_region}.",
    "Correct the region of this destination. We never follow a redirect to another region.",
    Snippet.REGION,
)
BARE_REFUSAL = _customer(
    "Amazon S3 refused the write and gave no reason.",
    "Check: (1) the bucket belongs to the account {owner_account}; if not, enter its owner; (2) the role "
    "allows s3:PutObject below {bucket}/{prefix}; (3) no policy of a VPC or an organisation forbids it.",
    Snippet.ROLE,
)

TABLE: tuple[Row, ...] = (
    # Network: the same at every stage.
    _row(
        "",
        "EndpointConnectionError ConnectTimeoutError ReadTimeoutError ConnectionClosedError "
        "ProxyConnectionError SSLError HTTPClientError ConnectionError",
        _ours(
            "We could not reach AWS or the connection broke ({code}).",
            "We try again by ourselves. Operator: check DNS, proxy and certificates of this server.",
            Retry.LATER,
        ),
    ),
    _row(
        "",
        "NoCredentialsError PartialCredentialsError CredentialRetrievalError TokenRetrievalError "
        "ProfileNotFound NoRegionError",
        OUR_CREDENTIALS,
    ),
    _row("", "ParamValidationError", OUR_BUG),
    _row(
        "",
        "Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException "
        "TooManyRequestsException RequestLimitExceeded SlowDown ServiceUnavailable InternalError "
        "InternalFailure InternalServerError RequestTimeout RequestTimeoutException",
        BUSY,
    ),
    # Our own identity.
    _row("our_identity", "", OUR_CREDENTIALS),
    # Assuming the customer's role.
    _row(
        "assume_role",
        "AccessDenied AccessDeniedException",
        _customer(
            "AWS did not let us assume the role {role_arn}.",
            "Check: (1) the role ARN is spelled right; (2) the trust policy's Principal is exactly "
            "{our_arn}; (3) its sts:ExternalId equals your external ID; (4) no further Deny, address or "
            "organisation condition stands in the way. "
            "A new trust policy takes some seconds to work: then try again.",
            Snippet.TRUST,
        ),
    ),
    _row(
        "assume_role",
        "ValidationError",
        _customer(
            "AWS says that the role ARN is not valid.",
            "Copy the role's ARN from the AWS console: arn:aws:iam::<account>:role/<name>.",
        ),
    ),
    _row(
        "assume_role",
        "RegionDisabledException",
        _ours(
            "The token service of AWS is not active in {region}.",
            "Operator: activate STS in {region} for our account, or choose a bucket in another region.",
            Retry.LATER,
        ),
    ),
    _row("assume_role", "MalformedPolicyDocument PackedPolicyTooLarge", OUR_BUG),
    _row(
        "assume_role",
        "InvalidClientTokenId ExpiredToken ExpiredTokenException SignatureDoesNotMatch IncompleteSignature "
        "UnrecognizedClientException RequestTimeTooSkewed RequestExpired",
        OUR_CREDENTIALS,
    ),
    # Writing. One code, many reasons: told apart by AWS's text where there is one.
    _row("put_object", "AccessDenied", OUR_BUG, r"no session policy allows"),
    _row(
        "put_object",
        "AccessDenied",
        _customer(
            "The role may not use the KMS key.",
            "Both the role's policy and the key's own policy must allow kms:GenerateDataKey.",
            Snippet.KEY,
        ),
        r"kms:(GenerateDataKey|Decrypt)",
    ),
    _row(
        "put_object",
        "AccessDenied",
        _customer(
            "Your bucket policy denies this write.",
            "Often such a policy demands aws:kms or a certain key. We sent {encryption}.",
        ),
        r"explicit deny in a resource-based policy",
    ),
    _row(
        "put_object",
        "AccessDenied",
        _customer(
            "A policy of yours denies this write explicitly.",
            "Look for a Deny in the role's policies, its boundary or your organisation's policies.",
        ),
        r"explicit deny",
    ),
    _row(
        "put_object",
        "AccessDenied",
        _customer(
            "The role has no permission to write below {bucket}/{prefix}.",
            "Give the role s3:PutObject on arn:aws:s3:::{bucket}/{prefix}*.",
            Snippet.ROLE,
        ),
        r"no identity-based policy|no permissions boundary",
    ),
    _row("put_object", "AccessDenied", BARE_REFUSAL),
    _row(
        "put_object",
        "NoSuchBucket",
        _customer("There is no bucket {bucket}.", "Check its spelling, or create it: we never create a bucket."),
    ),
    _row(
        "put_object",
        "PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException",
        WRONG_REGION,
    ),
    _row(
        "put_object",
        "TemporaryRedirect",
        _ours(
            "The bucket's address is not settled yet; AWS sent us elsewhere.",
            "A new bucket needs up to some hours. We never follow a redirect and try again by ourselves.",
            Retry.LATER,
        ),
    ),
    _row(
        "put_object",
        "KMS.NotFoundException",
        _customer(
            "AWS does not find the KMS key.",
            "The key must be in the bucket's region {region}. Check the ARN {kms_key_arn}.",
        ),
    ),
    _row(
        "put_object",
        "KMS.DisabledException KMS.KMSInvalidStateException KMS.InvalidStateException",
        _customer("The KMS key is disabled or waits for its deletion.", "Enable the key {kms_key_arn} again."),
    ),
    _row(
        "put_object",
        "InvalidArgument InvalidRequest InvalidEncryptionAlgorithmError NotImplemented",
        _customer(
            "This store does not support what we sent ({code}).",
            "We need conditional writes, SHA-256 checksums and {encryption}. Amazon S3 has all of them.",
        ),
    ),
    _row("put_object", "AccessControlListNotSupported MissingContentLength", OUR_BUG),
    _row(
        "put_object",
        "InvalidBucketName",
        _customer("{bucket} is not a bucket name.", "Enter the bucket's name as the S3 console shows it."),
    ),
    _row(
        "put_object",
        "KeyTooLongError",
        _ours("The object's key is longer than 1024 bytes.", "Use a shorter external ID.", Retry.NEVER),
    ),
    _row(
        "put_object",
        "InvalidAccessKeyId InvalidToken ExpiredToken TokenRefreshRequired",
        _ours(
            "Our session in your account is over ({code}).",
            "We assume the role again by ourselves.",
            Retry.ONCE,
        ),
    ),
    _row(
        "put_object",
        "SignatureDoesNotMatch RequestTimeTooSkewed XAmzContentSHA256Mismatch",
        OUR_CREDENTIALS,
    ),
    _row(
        "put_object",
        "BadDigest InvalidDigest IncompleteBody XAmzContentChecksumMismatch",
        _ours("The data was damaged on its way.", "We try again by ourselves.", Retry.LATER),
    ),
    _row(
        "put_object",
        "PreconditionFailed",
        _ours(
            "An object with this key is already there, and we did not put it there.",
            "We never overwrite. Look at the object; if it should not be there, remove it and retry.",
            Retry.NEVER,
        ),
    ),
    _row(
        "put_object",
        "ConditionalRequestConflict OperationAborted",
        _ours("Somebody else was writing to the same key.", "We try again by ourselves.", Retry.LATER),
    ),
    _row(
        "put_object",
        "EntityTooLarge",
        _ours(
            "The delivery is larger than the 5 GB that one write may have.",
            "Ask the operator: this delivery cannot be made as one object.",
            Retry.NEVER,
        ),
    ),
    _row(
        "put_object",
        "SpoolFileUnreadable",
        _ours(
            "The file to deliver could not be read on our side.",
            "Nothing to do for you. Operator: check the spool folder of this server.",
            Retry.LATER,
        ),
    ),
    _row(
        "put_object",
        "AllAccessDisabled AccountProblem NotSignedUp InvalidSecurity",
        _customer("AWS has limited your account ({code}).", "Ask AWS support about your account."),
    ),
    _row(
        "put_object",
        "EncryptionMismatch",
        _customer(
            "The object was written, but not encrypted as asked for: we sent {encryption}.",
            "Amazon S3 always does as asked; look at what stands between us and your bucket.",
        ),
    ),
)


def find_advice(*, stage: str, code: str, text: str = "", status: int | None = None) -> Advice:
    """Look up what to say about a refusal: the first row that matches, else one by status.

    Shape: stage "our_identity", "assume_role" or "put_object"; `code` is AWS's code or our exception's name;
        `text` is AWS's message, used only to match.
    """
    for row in TABLE:
        if row.matches(stage, code, text):
            return row.advice
    refused = status is not None and status < 500
    return UNKNOWN_REFUSAL if refused else UNKNOWN_FAILURE
