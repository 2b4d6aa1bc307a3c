"""However changes are shuffled, repeated and cut into batches, derived boards end as the changes in order require."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorecast.changes.change import Change, from_record, iso_time
from scorecast.leaderboard.policy import BoardPolicy, Corrections, Every, Keep, Order
from scorecast.standings.score_history import KEPT_VERSIONS
from tests.support.delivery import deliver
from tests.support.fakes import FakeDynamoDb, item, record
from tests.support.standings_oracle import Key, Stay, Stood, columns_of, counting

BOARDS = ["StarWar", "WarCraft"]
COUNTRIES = ["CN", "FR"]
# A change every eleven hours: twenty of them take nine days, from before the end of a month.
START_S, STEP_S = int(datetime.fromisoformat("2026-11-27T20:00:00Z").timestamp()), 11 * 3600

States = tuple[str, int | None, str | None]
steps = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.one_of(
            st.none(),
            st.tuples(
                st.sampled_from(BOARDS),
                st.one_of(st.none(), st.integers(-2, KEPT_VERSIONS - 3)),
                st.one_of(st.none(), st.sampled_from(COUNTRIES)),
            ),
        ),
    ),
    min_size=1,
    max_size=20,
)
policies = st.builds(
    BoardPolicy,
    order=st.sampled_from(Order),
    corrections=st.sampled_from(Corrections),
    closes_at=st.one_of(st.none(), st.integers(0, 20).map(lambda step: iso_time(START_S + step * STEP_S))),
    every=st.one_of(st.none(), st.sampled_from(Every)),
    time_zone=st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]),
    by=st.sampled_from([(), ("country",), ("userName",)]),
    then_by=st.sampled_from(["", "penalty:ascending", "penalty:descending"]),
    freezes_at=st.one_of(st.none(), st.integers(0, 20).map(lambda step: iso_time(START_S + step * STEP_S))),
)


def run_main_table(made: list[tuple[str, States | None]]) -> list[Change]:
    """Return the changes of the steps, of which each sets the item of a participant, or removes it."""
    items: dict[str, dict[str, Any]] = {}
    changes = []
    for number, (participant, state) in enumerate(made, start=1):
        old, new = items.pop(participant, None), None
        if state:
            board, score, country = state
            # Few scores with few penalties, so that an entry remembers all of them.
            score, penalty = (None, 0) if score is None else divmod(score, 2)
            new = item(participant, board, None if score is None else str(score), f"user {number % 3}")
            new |= {"penalty": {"N": str(penalty)}} if penalty else {}
            new |= {"metadata": {"S": "entry"}} | ({"country": {"S": country}} if country else {})
            items[participant] = new
        if new != old:
            made_at = record(new, old, number, ApproximateCreationDateTime=START_S + number * STEP_S)
            changes.append(from_record(made_at | {"eventID": f"event-{number}"}))
    return changes


def expected(changes: list[Change], declared: dict[str, BoardPolicy]) -> dict[Key, tuple[Decimal, str]]:
    """Apply the changes one by one, in the order in which they happened, to all boards that they are about."""
    stays: dict[Key, Stay] = {}
    inherited: dict[str, BoardPolicy] = {}
    for change in changes:
        old, new = _made(change.old), _made(change.new)
        for base in sorted({made["board"] for made in (old, new) if made}):
            policy = declared[base]
            before, after = (made if made and made["board"] == base else None for made in (old, new))
            if after:
                after |= {"from": before["score"] if before else Decimal(0)}
            keys = [(key, False) for key in {*_keys(before, policy), *_keys(after, policy)}]
            if policy.every:
                keys.append((f"{base}~{_period(change.at, policy)}", True))
            for board, is_period in keys:
                has_before, has_after = (is_period or board in _keys(one, policy) for one in (before, after))
                states = before if has_before else None, after if has_after else None
                for name, rules in _with_copy(board, policy, change.at):
                    inherited[name] = rules
                    _apply(stays, (change.keys["id"]["S"], name), *states, change, rules, is_period)
    return {key: (counting(stay, inherited[key[1]]).score, stay[-1].name) for key, stay in stays.items()}


def _apply(
    stays: dict[Key, Stay], key: Key, before: Any, after: Any, change: Change, policy: BoardPolicy, is_period: bool
) -> None:
    is_open = policy.closes_at is None or change.at <= policy.closes_at
    if not is_open and policy.corrections is Corrections.CLOSED:
        return
    stood = after and Stood(after["score"], after["name"], change.sequence, after["columns"](policy), after["from"])
    if after is None or (before is None and not is_open):
        stays.pop(key, None)
    elif before is None:
        stays[key] = [stood]
    elif not is_open or (is_period and _ranking(before, policy) == _ranking(after, policy)):
        if key in stays:
            stays[key][-1] = replace(stays[key][-1], name=after["name"])
    else:
        stays.setdefault(key, []).append(stood)


def _ranking(made: dict[str, Any], policy: BoardPolicy) -> tuple[Any, ...]:
    return made["score"], made["columns"](policy)


def _with_copy(board: str, policy: BoardPolicy, at: str) -> list[tuple[str, BoardPolicy]]:
    """A board, and until it freezes its copy, which takes no corrections."""
    copy = (f"{board}~frozen", replace(policy, corrections=Corrections.CLOSED))
    return [(board, policy), *([copy] if policy.freezes_at and at <= policy.freezes_at else [])]


def _made(image: dict[str, Any] | None) -> dict[str, Any] | None:
    if not image or "N" not in image.get("projectScore", {}):
        return None
    texts = {name: value["S"] for name, value in image.items() if "S" in value}
    return texts | {
        "board": texts["hackathonName"],
        "name": texts["userName"],
        "score": Decimal(image["projectScore"]["N"]),
        "columns": lambda policy: columns_of(image, policy),
    }


def _keys(made: dict[str, Any] | None, policy: BoardPolicy) -> list[str]:
    """The board of the item, and those of its values."""
    if made is None:
        return []
    return [made["board"], *(f"{made['board']}~{one}.{made[one]}" for one in policy.by if one in made)]


def _period(at: str, policy: BoardPolicy) -> str:
    """Count the days one by one, from a Monday that began an ISO year."""
    day = datetime.fromisoformat(at).astimezone(ZoneInfo(policy.time_zone)).date()
    if policy.every is Every.MONTH:
        return str(day)[:7]
    if policy.every is Every.DAY:
        return str(day)
    first = datetime.fromisoformat("2025-12-29").date()
    return f"2026-W{1 + (day - first) // timedelta(days=7):02}"


def declare(declared: dict[str, BoardPolicy]) -> FakeDynamoDb:
    """Return tables with the policies of the boards, and no entry."""
    table = FakeDynamoDb()
    for board, policy in declared.items():
        table.declare(board, policy)
    return table


@pytest.mark.parametrize("keep", Keep)
@settings(max_examples=200, deadline=None)
@given(steps, st.fixed_dictionaries(dict.fromkeys(BOARDS, policies)), st.data())
def test_any_order_and_any_repeats_end_as_the_changes_in_order_require(
    keep: Keep, made: list[tuple[str, States | None]], declared: dict[str, BoardPolicy], data: st.DataObject
) -> None:
    declared = {board: replace(policy, keep=keep) for board, policy in declared.items()}
    changes = run_main_table(made)
    table = declare(declared)
    deliver(table, changes, data)
    assert table.shown == expected(changes, declared)
    assert {board for _, board in table.shown} <= set(_listed(table))
    table.check()


def _listed(table: FakeDynamoDb) -> Iterator[str]:
    """The boards that the board table lists, each beside the others that derive from its base."""
    for collection, board in table.board_items:
        if collection == "boards":
            assert "~" not in board
            yield board
        elif collection == "copies":
            assert board.endswith("~frozen")
            yield board
        elif collection.startswith(("periods/", "values/")):
            assert board.startswith(f"{collection.split('/', 1)[1]}~")
            yield board
