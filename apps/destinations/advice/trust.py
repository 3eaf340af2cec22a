"""What keeps us from assuming the customer's role.

Owns the words for it. AWS has one answer for a missing role, an untrusted principal, a wrong external ID and a
Deny, so that nobody learns which roles there are: the advice names all of them.
Source: aws-and-sftp section 6; STS AssumeRole; IAM User Guide "How to use an external ID".
"""

from __future__ import annotations

from .wording import Row, Snippet, customer, row

REFUSED_ROLE = customer(
    "AWS did not let us assume the role {role_arn}.",
    "AWS does not say why. Check: (1) the role ARN is spelled right and the role exists; (2) the trust policy's"
    " Principal is exactly {our_arn}; (3) its sts:ExternalId equals your external ID; (4) no Deny and no further"
    " condition on address, organisation or time stands in the way. With the whole trust policy replaced by this"
    " one, all but the first are right. A new trust policy takes some seconds to work: then try again. Operator: if"
    " every destination fails here, our own role may lack sts:AssumeRole.",
    Snippet.TRUST,
)
TOO_OPEN = customer(
    "",
    "Anyone who knows your role ARN could have data written through us. Replace the trust policy by this one: its"
    " condition on sts:ExternalId is a StringEquals with exactly your external ID, without IfExists and without"
    " wildcards, and no other statement lets us in.",
    Snippet.TRUST,
)

ASSUMING: tuple[Row, ...] = (
    row("assume_role", "AccessDenied AccessDeniedException", REFUSED_ROLE),
    row(
        "assume_role",
        "ValidationError",
        customer(
            "AWS says that the role ARN is not valid.",
            "Copy the role's ARN from the AWS console: arn:aws:iam::<account>:role/<name>.",
        ),
    ),
)
