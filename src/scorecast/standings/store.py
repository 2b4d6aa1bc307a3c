"""The leaderboard table: conditional writes that leave an entry alone where what stands is newer.

PartiQL statements in batches: 25 conditional writes a call, each answered for itself, at the price of plain writes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.standings.entry import Entry

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
BATCH_STATEMENTS = 25
# The stream keeps a change for a day, queues for 14, and a redrive may come later still.
TOMBSTONE_DAYS = 30
# The collection of the board table that lists the boards.
BOARDS = "boards"

# Statement errors (BatchStatementErrorCodeEnum) that no retry will mend.
_HOPELESS = {"ValidationError", "ValidationException", "ItemCollectionSizeLimitExceeded"}
_RETRY_PAUSES_S = (0.05, 0.2, 0.8)


@dataclass(frozen=True, slots=True)
class Result:
    """How a write ended: `applied` or not; an `error_code` if it failed, empty where what stands is newer."""

    applied: bool
    error_code: str = ""
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether the entry is still to be written."""
        return bool(self.error_code)

    @property
    def hopeless(self) -> bool:
        """Whether it failed in a way that no retry will mend."""
        return self.error_code in _HOPELESS


_APPLIED = Result(applied=True)
_STALE = Result(applied=False)


class _DynamoDb(Protocol):
    def batch_execute_statement(self, *, Statements: list[dict[str, Any]]) -> dict[str, Any]: ...
    def put_item(self, *, TableName: str, Item: dict[str, Any]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The leaderboard table and the list of boards, for one writer."""

    dynamodb: _DynamoDb
    table: str
    board_table: str
    sleep: Callable[[float], None] = time.sleep
    _known_boards: set[str] = field(default_factory=set)

    def write(self, entries: Sequence[Entry]) -> dict[tuple[str, str], Result]:
        """Write entries of different keys; return how each ended. At most 3 statements an entry, 25 a call.

        An entry is updated if it stands and is older, inserted if there is none; one that appeared in between is
        updated again, unless newer. So concurrent writers, repeats and any order end in the same state.
        """
        self._register({entry.board for entry in entries if entry.score is not None})
        results = self._execute(entries, self._update)
        missing = [entry for entry in entries if results[entry.key].error_code == "ConditionalCheckFailed"]
        results |= self._execute(missing, self._insert)
        appeared = [entry for entry in missing if results[entry.key].error_code == "DuplicateItem"]
        results |= self._execute(appeared, self._update)
        stale = {key: _STALE for key, result in results.items() if result.error_code == "ConditionalCheckFailed"}
        return results | stale

    def _register(self, boards: set[str]) -> None:
        """List boards before their first entry is written, so that no entry stands on an unlisted board."""
        for board in sorted(boards - self._known_boards):
            self.dynamodb.put_item(TableName=self.board_table, Item={"collection": {"S": BOARDS}, "name": {"S": board}})
            self._known_boards.add(board)

    def _execute(
        self, entries: Sequence[Entry], statement: Callable[[Entry], dict[str, Any]]
    ) -> dict[tuple[str, str], Result]:
        """Execute the statement of each entry; busy answers are tried again with a pause."""
        results = self._call(entries, statement)
        for pause_s in _RETRY_PAUSES_S:
            busy = [entry for entry in entries if _is_busy(results[entry.key])]
            if not busy:
                break
            self.sleep(pause_s * random.uniform(0.5, 1))
            results |= self._call(busy, statement)
        return results

    def _call(
        self, entries: Sequence[Entry], statement: Callable[[Entry], dict[str, Any]]
    ) -> dict[tuple[str, str], Result]:
        chunks = [entries[at : at + BATCH_STATEMENTS] for at in range(0, len(entries), BATCH_STATEMENTS)]
        outcomes = (self._call_once(chunk, [statement(entry) for entry in chunk]) for chunk in chunks)
        return dict(chain.from_iterable(outcomes))

    def _call_once(
        self, chunk: Sequence[Entry], statements: list[dict[str, Any]]
    ) -> Iterable[tuple[tuple[str, str], Result]]:
        keys = [entry.key for entry in chunk]
        try:
            responses = self.dynamodb.batch_execute_statement(Statements=statements)["Responses"]
        except (ClientError, BotoCoreError) as error:
            if len(chunk) > 1 and _code(error) == "ValidationException":
                # One unacceptable statement makes DynamoDB reject the call: each gets a call of its own.
                pairs = zip(chunk, statements, strict=True)
                return chain.from_iterable(self._call_once([entry], [one]) for entry, one in pairs)
            return [(key, Result(applied=False, error_code=_code(error), reason=str(error))) for key in keys]
        return zip(keys, map(_result, responses), strict=True)

    def _update(self, entry: Entry) -> dict[str, Any]:
        values = _values(entry)
        sets = " ".join(f'SET "{name}" = ?' for name in values)
        removes = " ".join(f'REMOVE "{name}"' for name in _ATTRIBUTES if name not in values)
        return {
            "Statement": f'UPDATE "{self.table}" {sets} {removes} WHERE "id" = ? AND "metadata" = ? AND "sequence" < ?',
            "Parameters": [*values.values(), {"S": entry.id}, {"S": entry.board}, {"S": entry.sequence}],
        }

    def _insert(self, entry: Entry) -> dict[str, Any]:
        values = {"id": {"S": entry.id}, "metadata": {"S": entry.board}} | _values(entry)
        pairs = ", ".join(f"'{name}': ?" for name in values)
        return {"Statement": f'INSERT INTO "{self.table}" VALUE {{{pairs}}}', "Parameters": list(values.values())}


_ATTRIBUTES = ("hackathonName", "projectScore", "userName", "sequence", "at", "expiresAt")


def _values(entry: Entry) -> dict[str, Any]:
    """The attributes besides the key; a tombstone has no board and no score, so it is not in the index."""
    values: dict[str, Any] = {"sequence": {"S": entry.sequence}, "at": {"S": entry.at}}
    if entry.score is None:
        expires_at = datetime.now(UTC) + timedelta(days=TOMBSTONE_DAYS)
        return values | {"expiresAt": {"N": str(int(expires_at.timestamp()))}}
    values |= {"hackathonName": {"S": entry.board}, "projectScore": {"N": entry.score}}
    return values if entry.name is None else values | {"userName": {"S": entry.name}}


def _result(response: dict[str, Any]) -> Result:
    error = response.get("Error")
    if not error:
        return _APPLIED
    return Result(applied=False, error_code=error["Code"], reason=error.get("Message", ""))


def _is_busy(result: Result) -> bool:
    return (
        result.failed and not result.hopeless and result.error_code not in ("ConditionalCheckFailed", "DuplicateItem")
    )


def _code(error: Exception) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__
