"""Pages: read all pages of a DynamoDB query or scan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def read_pages(call: Callable[..., dict[str, Any]], request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Call `query` or `scan` until there are no more pages; a page is read only when the caller asks for it."""
    while True:
        page = call(**request)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        request = {**request, "ExclusiveStartKey": page["LastEvaluatedKey"]}


def read_all(call: Callable[..., dict[str, Any]], request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the items of all pages; see `read_pages`."""
    for page in read_pages(call, request):
        yield from page["Items"]
