"""Whatever DynamoDB has deleted of the boards that expired, and in whatever order, no answer has a trace of them."""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scorecast.api import reader as reader_module
from scorecast.api.endpoints.boards import ListBoards
from scorecast.api.endpoints.derived_boards import ListPeriods, ListValues
from scorecast.api.endpoints.entries import ListEntries
from scorecast.api.endpoints.participant_boards import ListParticipantBoards
from scorecast.api.errors import ApiError
from scorecast.api.reader import LeaderboardReader
from scorecast.changes.change import iso_time
from scorecast.leaderboard.closing import CLOSINGS
from scorecast.leaderboard.policy import BoardPolicy, Every
from scorecast.ops.recovery.counters import find_faults, read_entries, read_index, tally_entries
from scorecast.standings import batch_policies, handler
from tests.property.test_derived_boards import (
    BOARDS,
    START_S,
    States,
    declare,
    expected,
    policies,
    run_main_table,
    steps,
)
from tests.support.delivery import deliver
from tests.support.fakes import FakeDynamoDb

# The changes take up to nine days: at their end some periods have expired, two months later all, then their policies.
DAY_S = 24 * 3600
MOMENTS = [days * DAY_S for days in (0, 3, 6, 9, 12, 20, 60, 100, 366)]
PARTICIPANTS = "ab"
POLICY_OUTLIVES_S = 30 * DAY_S


def kept(periods: list[int | None]) -> st.SearchStrategy[BoardPolicy]:
    """Policies of boards with periods, most of them short."""
    own = st.tuples(st.sampled_from([Every.DAY, Every.DAY, Every.WEEK, Every.MONTH]), st.sampled_from(periods))
    return st.builds(lambda policy, own: replace(policy, every=own[0], keep_periods=own[1]), policies, own)


DECLARED = st.fixed_dictionaries({"StarWar": kept([1, 2]), "WarCraft": kept([None, 1])})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The time of every reader and writer, in epoch seconds."""
    now = [START_S]
    for module in (handler, batch_policies):
        monkeypatch.setattr(module, "iso_now", lambda: iso_time(now[0]))
    monkeypatch.setattr(reader_module, "utc_now", lambda: datetime.fromtimestamp(now[0], UTC))
    monkeypatch.setattr(time, "time", lambda: float(now[0]))
    return now


def is_over(board: str, declared: dict[str, BoardPolicy], now: int) -> bool:
    """Whether a board has expired: more than `keep_periods` periods have begun since its own, counted day by day."""
    base, _, rest = board.partition("~")
    name, policy = rest.split("~")[0], declared[base]
    if not (policy.every and policy.keep_periods and name[:4].isdigit()):
        return False
    today = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(policy.time_zone)).date()
    days = (date(2026, 10, 1) + timedelta(days=number) for number in range((today - date(2026, 10, 1)).days + 1))
    names = list(dict.fromkeys(_name(day, str(policy.every)) for day in days))
    return name in names and len(names) - 1 - names.index(name) > policy.keep_periods


def _name(day: date, every: str) -> str:
    year, week, _ = day.isocalendar()
    return {"day": str(day), "week": f"{year}-W{week:02}", "month": str(day)[:7]}[every]


def boards_of(table: FakeDynamoDb) -> list[str]:
    named = [board for collection, board in table.board_items if collection != CLOSINGS]
    return sorted({*named, *(board for _, board in table.items)})


def answers(table: Any, boards: Iterable[str]) -> dict[Any, Any]:
    """What the API answers about some boards, about their lists, and about the participants."""
    names = ("leaderboard", "index", "ties", "boards")
    reader = LeaderboardReader(table, *names, page_token_key="key", together=lambda calls: [call() for call in calls])
    asked: list[Any] = [
        ListBoards(),
        *map(ListParticipantBoards, PARTICIPANTS),
        *(ListEntries(board, 100) for board in boards),
    ]
    asked += [endpoint(base) for base in BOARDS for endpoint in (ListPeriods, ListValues)]
    found = {}
    for one in asked:
        try:
            found[one] = one.answer(reader)
        except ApiError as error:
            found[one] = error.status
    return found


def names_in(answer: Any) -> set[str]:
    return set() if isinstance(answer, int) else {board["hackathonName"] for board in answer["boards"]}


def check_counters(table: FakeDynamoDb) -> None:
    index = read_index(table, "boards")
    assert list(find_faults(index, tally_entries(read_entries(table, "leaderboard"), index))) == []


def board_of(item: dict[str, Any]) -> str:
    return str((item.get("metadata") or item["name"])["S"])


def items_of(table: FakeDynamoDb) -> list[dict[str, Any]]:
    return [*table.items.values(), *table.board_items.values()]


def items_on(table: FakeDynamoDb, boards: set[str]) -> list[dict[str, Any]]:
    return [item for item in items_of(table) if board_of(item) in boards]


def expiry_of(item: dict[str, Any]) -> int:
    return int(item["expiresAt"]["N"])


def check_expiries(table: FakeDynamoDb, boards: Iterable[str], declared: dict[str, BoardPolicy]) -> None:
    """Assert that all items of a board expire together, or none of them; tombstones may expire earlier."""
    for board in boards:
        own = [item for item in items_of(table) if board_of(item) == board]
        tombstones = [item for item in own if "id" in item and "projectScore" not in item]
        policies = [item for item in own if "id" not in item and item["collection"]["S"].startswith("polic")]
        others = [item for item in own if item not in tombstones and item not in policies]
        if not is_over(board, declared, START_S + 2000 * DAY_S):
            assert not any("expiresAt" in item for item in others + policies)
        elif others:
            [expires_at] = {expiry_of(item) for item in others}
            assert all(expiry_of(item) == expires_at + POLICY_OUTLIVES_S for item in policies)
            assert policies or not any("id" in item for item in others)
            assert all(expiry_of(item) <= expires_at for item in tombstones)


def delete_some(table: FakeDynamoDb, boards: set[str], now: int, data: st.DataObject) -> None:
    """Do as DynamoDB does: delete some of the items of some boards whose time is over, in any order."""
    for items in (table.items, table.board_items):
        due = [key for key, item in items.items() if board_of(item) in boards and expiry_of(item) <= now]
        chosen = data.draw(st.lists(st.booleans(), min_size=len(due), max_size=len(due)))
        for key, is_deleted in zip(due, chosen, strict=True):
            if is_deleted:
                del items[key]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps, DECLARED, st.sampled_from(MOMENTS), st.data())
def test_a_board_that_expired_is_in_no_answer_and_all_others_are_exact(
    clock: list[int], made: list[tuple[str, States | None]], declared: dict[str, BoardPolicy], later: int, data: Any
) -> None:
    clock[0] = START_S
    changes = run_main_table(made)
    table = declare(declared)
    are_in_time = data.draw(st.lists(st.booleans(), min_size=len(changes), max_size=len(changes)))
    in_time = [change for change, is_in_time in zip(changes, are_in_time, strict=True) if is_in_time]
    deliver(table, in_time, data)
    check_expiries(table, boards_of(table), declared)

    clock[0] = now = START_S + later
    over = {board for board in boards_of(table) if is_over(board, declared, now)}
    boards = boards_of(table)
    before = answers(table, boards)
    delete_some(table, over, now, data)
    assert answers(table, boards) == before
    check_counters(table)

    left_over = items_on(table, over)
    deliver(table, changes, data)
    over = {board for board in boards_of(table) if is_over(board, declared, now)}
    assert items_on(table, over) == left_over
    required = expected(changes, declared)
    left = {key: value for key, value in required.items() if not is_over(key[1], declared, now)}
    assert {key: value for key, value in table.shown.items() if key[1] not in over} == left
    check_counters(table)
    check_expiries(table, {*boards_of(table)} - over, declared)
    found = answers(table, boards_of(table))
    assert all(answer == 404 for one, answer in found.items() if isinstance(one, ListEntries) and one.board in over)
    listed = [name for one, answer in found.items() if not isinstance(one, ListEntries) for name in names_in(answer)]
    assert not over & set(listed)
