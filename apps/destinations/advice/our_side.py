"""Faults that are not the customer's: the network, our own credentials, clock and session policy, a busy AWS.

Owns what a customer reads then: that it is on our side, and that there is nothing to do for them. Where it may
pass, the delivery is tried again: nobody's data may be lost to a fault of ours.
Source: aws-and-sftp section 6; botocore's exceptions; S3 "Error responses".
"""

from __future__ import annotations

from .wording import Retry, Row, ours, row

ASSUME, PUT = "assume_role", "put_object"

OUR_CREDENTIALS = ours(
    "This is on our side: AWS did not accept our own identity ({code}).",
    "Nothing to do for you. Operator: check this server's AWS credentials and DELIVERY_ROLE_ARN.",
    Retry.LATER,
)
OUR_CLOCK = ours(
    "This is on our side: AWS did not accept our signature, or our clock is wrong ({code}).",
    "Nothing to do for you. Operator: set this server's clock by NTP; it may be 15 minutes off at most. If it is"
    " right, a proxy changes our requests.",
    Retry.LATER,
)
OUR_SESSION_POLICY = ours(
    "This is on our side: the policy that narrows our own session did not fit ({code}).",
    "Nothing to do for you. Operator: this is a fault of this server; report it with the code.",
    Retry.NEVER,
)
OUR_BUG = ours(
    "This is on our side: the request was not built as AWS wants it ({code}).",
    "Nothing to do for you. Operator: this is a fault of this server; report it with the code.",
    Retry.NEVER,
)
OUR_NETWORK = ours(
    "This is on our side: we could not reach AWS, or the connection broke ({code}).",
    "Nothing to do for you: we try again by ourselves. Operator: check DNS, proxy and certificates of this server.",
    Retry.LATER,
)
OUR_PERMISSION = ours(
    "This is on our side: our own role may not assume roles.",
    "Nothing to do for you. Operator: allow sts:AssumeRole in the policy of our delivery role.",
    Retry.LATER,
)
SESSION_OVER = ours(
    "Our session in your account is over ({code}).",
    "Nothing to do for you: we assume the role again by ourselves.",
    Retry.ONCE,
)
BUSY = ours("AWS is busy ({code}).", "Nothing to do for you: we try again by ourselves.", Retry.LATER)

EVERYWHERE: tuple[Row, ...] = (
    row(
        "",
        "EndpointConnectionError ConnectTimeoutError ReadTimeoutError ConnectionClosedError "
        "ProxyConnectionError SSLError HTTPClientError ConnectionError",
        OUR_NETWORK,
    ),
    row(
        "",
        "NoCredentialsError PartialCredentialsError CredentialRetrievalError TokenRetrievalError "
        "ProfileNotFound NoRegionError",
        OUR_CREDENTIALS,
    ),
    row("", "ParamValidationError", OUR_BUG),
    row(
        "",
        "Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException "
        "TooManyRequestsException RequestLimitExceeded SlowDown ServiceUnavailable InternalError "
        "InternalFailure InternalServerError RequestTimeout RequestTimeoutException",
        BUSY,
    ),
    row("", "SignatureDoesNotMatch RequestTimeTooSkewed RequestExpired XAmzContentSHA256Mismatch", OUR_CLOCK),
    row("our_identity", "", OUR_CREDENTIALS),
)

ASSUMING: tuple[Row, ...] = (
    row(
        ASSUME,
        "AccessDenied AccessDeniedException",
        OUR_PERMISSION,
        r"no identity-based policy|explicit deny in an identity-based|no session policy|permissions boundary",
    ),
    row(ASSUME, "ValidationError", OUR_BUG, r"DurationSeconds|session duration|RoleSessionName|ExternalId"),
    row(ASSUME, "MalformedPolicyDocument PackedPolicyTooLarge", OUR_SESSION_POLICY),
    row(
        ASSUME,
        "InvalidClientTokenId ExpiredToken ExpiredTokenException IncompleteSignature UnrecognizedClientException",
        OUR_CREDENTIALS,
    ),
    row(
        ASSUME,
        "RegionDisabledException",
        ours(
            "The token service of AWS is not active in {region} for our account, which is on our side.",
            "Nothing to do for you, unless you would rather use a bucket in another region. Operator: activate STS"
            " in {region} for our account.",
            Retry.LATER,
        ),
    ),
)

WRITING: tuple[Row, ...] = (
    row(PUT, "AccessDenied", OUR_SESSION_POLICY, r"no session policy allows|explicit deny in a session policy"),
    row(
        PUT,
        "AccessDenied",
        ours(
            "This is on our side: the network endpoint that we use does not let this write through.",
            "Nothing to do for you. Operator: the policy of this server's VPC endpoint must allow s3:PutObject.",
            Retry.LATER,
        ),
        r"VPC endpoint policy",
    ),
    row(PUT, "AccessControlListNotSupported MissingContentLength", OUR_BUG),
    row(
        PUT,
        "InvalidAccessKeyId InvalidToken ExpiredToken TokenRefreshRequired",
        SESSION_OVER,
    ),
    row(
        PUT,
        "TemporaryRedirect",
        ours(
            "The bucket's address is not settled yet; AWS sent us elsewhere.",
            "A new bucket needs up to some hours. We never follow a redirect and try again by ourselves.",
            Retry.LATER,
        ),
    ),
    row(
        PUT,
        "BadDigest InvalidDigest IncompleteBody XAmzContentChecksumMismatch",
        ours("The data was damaged on its way.", "Nothing to do for you: we try again by ourselves.", Retry.LATER),
    ),
    row(
        PUT,
        "ConditionalRequestConflict OperationAborted",
        ours(
            "Somebody else was writing to the same key.",
            "Nothing to do for you: we try again by ourselves.",
            Retry.LATER,
        ),
    ),
    row(
        PUT,
        "EntityTooLarge",
        ours(
            "The delivery is larger than the 5 GB that one write may have.",
            "Ask the operator: this delivery cannot be made as one object.",
            Retry.NEVER,
        ),
    ),
    row(
        PUT,
        "SpoolFileUnreadable",
        ours(
            "This is on our side: the file to deliver could not be read.",
            "Nothing to do for you. Operator: check the spool folder of this server.",
            Retry.LATER,
        ),
    ),
)
