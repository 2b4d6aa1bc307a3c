"""Both: a hand-written fake of DynamoDB beside DynamoDB Local; each call goes to both, which must answer alike."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from scorecast.runtime.pages import read_all

Item = dict[str, Any]
# What a caller reads of an answer. DynamoDB answers more, such as the capacity that a call consumed.
_READ = ("Item", "Items", "Attributes", "Responses", "LastEvaluatedKey")
# A fake may assert what it is never asked to do; DynamoDB refuses that.
_ASSERTED = "ValidationException"


@dataclass
class Both:
    """A client whose answers are the fake's, once the engine has answered alike; scans are compared as a whole."""

    fake: Any
    engine: Any

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            theirs = _outcome(self.engine, operation, deepcopy(request))
            ours = _outcome(self.fake, operation, deepcopy(request))
            assert _comparable(ours, request) == _comparable(theirs, request), (operation, request)
            if isinstance(ours, Exception):
                raise ours
            return ours

        return call

    def scan(self, **request: Any) -> Item:
        """Read all pages of both, in any order of the items."""
        ours, theirs = (list(read_all(one.scan, request)) for one in (self.fake, self.engine))
        assert _sorted(ours) == _sorted(theirs), request
        return {"Items": ours}

    def get_paginator(self, operation: str) -> "_Paginator":
        """Return a paginator over one page, which holds all items."""
        return _Paginator(self, operation)


@dataclass
class _Paginator:
    both: Both
    operation: str

    def paginate(self, **request: Any) -> Iterator[Item]:
        ours, theirs = (
            [item for page in one.get_paginator(self.operation).paginate(**request) for item in page["Items"]]
            for one in (self.both.fake, self.both.engine)
        )
        assert ours == theirs, request
        return iter([{"Items": ours}])


def _outcome(client: Any, operation: str, request: Item) -> Any:
    """Return the answer to a call, or the error."""
    try:
        return getattr(client, operation)(**request)
    except (ClientError, AssertionError) as error:
        return error


def _comparable(outcome: Any, request: Item) -> Any:
    """Reduce an answer to what a caller reads, and an error to its codes."""
    if isinstance(outcome, AssertionError):
        return [_ASSERTED]
    if isinstance(outcome, ClientError):
        reasons = outcome.response.get("CancellationReasons", [])
        return [outcome.response["Error"]["Code"], *(reason["Code"] for reason in reasons)]
    if request.get("Select") == "COUNT":
        return outcome["Count"]
    answer = {name: outcome[name] for name in _READ if name in outcome}
    if "Responses" in answer:  # in any order
        answer["Responses"] = {table: _sorted(items) for table, items in answer["Responses"].items()}
    return answer


def _sorted(items: list[Item]) -> list[Item]:
    return sorted(items, key=lambda item: [item.get(name, {}).get("S", "") for name in ("collection", "name", *_KEYS)])


_KEYS = ("id", "metadata")
