"""The local engine as its clients see it: region, credentials, how to start it, and URLs that open on this machine."""

from __future__ import annotations

import re

from scorecast.bundles.sources import is_installed

REGION = "us-east-1"
# MiniStack's own administrator: these keys allow everything in the account 000000000000, and nothing elsewhere.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def endpoint_on(port: int) -> str:
    """Return the engine's URL on a port; 127.0.0.1 needs no name resolution.

    >>> endpoint_on(4566)
    'http://127.0.0.1:4566'
    """
    return f"http://127.0.0.1:{port}"


def typed(verb: str) -> str:
    """Return the command for `up` or `down`: `make` in a clone, where it also installs what is needed.

    >>> typed("up")
    'make up'
    """
    return f"{'scorecast' if is_installed() else 'make'} {verb}"


def local_url(url: str, endpoint: str) -> str:
    """Turn a URL of the stack into one that opens on this machine; return any other text unchanged.

    >>> local_url("https://ab1.execute-api.us-east-1.amazonaws.com/Prod/", "http://127.0.0.1:4566")
    'http://127.0.0.1:4566/_aws/execute-api/ab1/Prod/'
    >>> local_url("http://localhost:4566/000000000000/queue", "http://127.0.0.1:4700")
    'http://127.0.0.1:4700/000000000000/queue'
    >>> local_url("main-table", "http://127.0.0.1:4566")
    'main-table'
    """
    api = re.fullmatch(r"https://(\w+)\.execute-api\.[^/]+(/.*)", url)
    if api:
        return f"{endpoint}/_aws/execute-api/{api[1]}{api[2]}"
    return re.sub(r"^http://localhost:\d+/", f"{endpoint}/", url)
