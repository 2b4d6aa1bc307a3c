"""Who sends a request, as verified by API Gateway: the id of a key, or the ARN of an IAM user or role. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_SESSION = re.compile(r"arn:([a-z-]+):sts::([0-9]{12}):assumed-role/([^/]+)/.*")


def caller_of(request: Mapping[str, Any]) -> str | None:
    """Return the caller; None if the API requires neither a key nor a signature. A role's session counts as the role.

    >>> caller_of({"requestContext": {"identity": {"userArn": "arn:aws:sts::123456789012:assumed-role/Jury/ann"}}})
    'arn:aws:iam::123456789012:role/Jury'
    """
    identity = (request.get("requestContext") or {}).get("identity") or {}
    if key := identity.get("apiKeyId"):
        return str(key)
    arn = identity.get("userArn")
    return _SESSION.sub(r"arn:\1:iam::\2:role/\3", arn) if arn else None
