"""The functions' AWS clients, from botocore: they start in half the time of boto3's, and are all that is needed."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

# A warm call takes about 20 ms; what has not answered in 5 s is better tried again on a new connection.
_CONNECT_TIMEOUT_S = 2
_READ_TIMEOUT_S = 5


@cache
def _session() -> Any:
    return botocore.session.get_session()


def create_client(service: str, *, total_attempts: int = 4, connections: int = 10) -> Any:
    """Make a client; `total_attempts` is what botocore tries in all before it raises."""
    return _session().create_client(
        service,
        config=Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": total_attempts},
        ),
    )
