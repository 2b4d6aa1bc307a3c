"""An AWS that fails by a schedule: each call takes the next fault; after the last one, all calls succeed."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ReadTimeoutError

from tests.support.fakes import FakeDynamoDb, Item, client_error

KILLS = ("kill before", "kill after")
FAULTS = ("throttle", "fail", "time out", "lose the answer", "some entries", *KILLS)


class Killed(BaseException):
    """The process that made the call was killed."""


@dataclass
class Aws:
    """What every call passes through; `faults` is the rest of the schedule, and None is a call that succeeds."""

    faults: Iterator[str | None]
    calls: int = 0
    injected: Counter[str] = field(default_factory=Counter)

    def call(self, commit: Callable[[], Item], some: Callable[[], Item] | None = None) -> Item:
        self.calls += 1
        fault = next(self.faults, None)
        if fault is None or (fault == "some entries" and some is None):
            return commit()
        self.injected[fault] += 1
        if fault in ("lose the answer", "kill after"):
            commit()
        match fault:
            case "throttle":
                raise client_error("ThrottlingException")
            case "fail":
                raise client_error("InternalFailure", 500)
            case "time out" | "lose the answer":
                raise ReadTimeoutError(endpoint_url="https://aws")
            case "some entries" if some is not None:
                return some()
        raise Killed


class Tables(FakeDynamoDb):
    """The leaderboard's tables, behind `aws`."""

    def __init__(self, aws: Aws) -> None:
        super().__init__()
        self.aws = aws

    def put_item(self, **request: Any) -> Item:
        return self.aws.call(lambda: super(Tables, self).put_item(**request))

    def query(self, **request: Any) -> Item:
        return self.aws.call(lambda: super(Tables, self).query(**request))

    def transact_write_items(self, **request: Any) -> Item:
        return self.aws.call(
            lambda: super(Tables, self).transact_write_items(**request), lambda: self._conflict(request)
        )

    def _conflict(self, request: Item) -> Item:
        """Fail as if another transaction were writing the first item."""
        error = client_error("TransactionCanceledException")
        codes = ["TransactionConflict", *["None"] * (len(request["TransactItems"]) - 1)]
        error.response["CancellationReasons"] = [{"Code": code} for code in codes]
        raise error

    def batch_get_item(self, *, RequestItems: Item) -> Item:
        whole = super().batch_get_item
        return self.aws.call(lambda: whole(RequestItems=RequestItems), lambda: self._unprocessed(RequestItems))

    def _unprocessed(self, request_items: Item) -> Item:
        [(table, request)] = request_items.items()
        first = request | {"Keys": request["Keys"][:1]}
        rest = request | {"Keys": request["Keys"][1:]}
        answer = super().batch_get_item(RequestItems={table: first})
        return answer | ({"UnprocessedKeys": {table: rest}} if rest["Keys"] else {})
