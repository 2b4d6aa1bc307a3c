"""However changes are shuffled, repeated and cut into batches, the leaderboard ends as the main table and the policies
of its boards require."""

import re
from datetime import datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scorecast.changes.change import Change, from_record, iso_time, with_label
from scorecast.leaderboard.columns import shown_values, values_in
from scorecast.leaderboard.policy import BoardPolicy, Corrections, Keep, Order, Ties
from scorecast.standings.score_history import KEPT_VERSIONS
from tests.support.delivery import deliver
from tests.support.fakes import STREAM_ARN, FakeDynamoDb, Item, item, record
from tests.support.standings_oracle import replay, replay_columns, replay_ties

Values = tuple[int | str, Item, Item]
"""A score, and the values of two more attributes of the item; an empty value stands for no attribute."""
State = tuple[str, Values | None]
Step = tuple[str, State | None]

BOARDS = ["StarWar", "WarCraft"]
START_S = 1586939176


def steps_of(scores: st.SearchStrategy[Values]) -> st.SearchStrategy[list[Step]]:
    """A step sets an item of the main table to (participant, board, score and more), or removes it."""
    states = st.one_of(st.none(), st.tuples(st.sampled_from(BOARDS), st.one_of(st.none(), scores)))
    return st.lists(st.tuples(st.sampled_from("abc"), states), min_size=1, max_size=20)


# Few different scores, with the columns that rank equal ones, so that an entry remembers all that may count, however
# late a removal arrives.
NOTHING: Item = {}
EARLY, LATE = {"S": "2026-01-01T10:00:00Z"}, {"S": "2026-01-01T10:00:00.5Z"}
FEW: list[Values] = [
    (-2, NOTHING, NOTHING),
    (0, {"N": "10"}, LATE),
    (0, {"N": "1E+1"}, EARLY),
    (0, {"N": "-2.5"}, NOTHING),
    (0, {"S": "malformed"}, EARLY),
    (3, {"N": "0"}, {"N": "5"}),
    ("3.0", NOTHING, EARLY),
    (5, {"BOOL": True}, LATE),
]
assert len(FEW) == KEPT_VERSIONS
few_scores = st.sampled_from(FEW)
any_score = st.integers(-2, 9).map(lambda score: (score, NOTHING, NOTHING))
policies = st.builds(
    BoardPolicy,
    order=st.sampled_from(Order),
    keep=st.sampled_from(Keep),
    ties=st.sampled_from(Ties),
    corrections=st.sampled_from(Corrections),
    then_by=st.sampled_from(["", "penalty:ascending", "penalty:descending,solvedAt:ascending", "solvedAt:descending"]),
    closes_at=st.one_of(st.none(), st.integers(0, 20).map(lambda seconds: iso_time(START_S + seconds))),
)


def _image(participant: str, state: State, sequence: int) -> Item:
    board, values = state
    score, penalty, solved_at = values or (None, NOTHING, NOTHING)
    image = item(participant, board, None if score is None else str(score), f"user {sequence}")
    image |= ({"penalty": penalty} if penalty else {}) | ({"solvedAt": solved_at} if solved_at else {})
    image |= {"team": {"S": f"team {sequence}"}, "tags": {"SS": ["not", "shown"]}}
    return image | {"metadata": {"S": "entry"}}  # one item a participant: a new board renames it


def _run_main_table(made: list[Step], restored: int = 0) -> tuple[list[Change], dict[tuple[str, str], str]]:
    """Return the changes of the steps, one a second, and the entries that the final table requires.

    After `restored` steps the table is restored, if any: it has another stream, and sequences begin again.
    """
    items: dict[str, Item] = {}
    changes = []
    for number, (participant, state) in enumerate(made, start=1):
        is_old = number <= restored
        stream_arn = with_label(STREAM_ARN, iso_time(START_S + (0 if is_old else restored + 1)).rstrip("Z"))
        sequence = number + 10_000 if is_old else number
        old = items.pop(participant, None)
        new = _image(participant, state, sequence) if state else None
        if new:
            items[participant] = new
        if new != old:
            made_at = record(new, old, sequence, ApproximateCreationDateTime=START_S + number)
            changes.append(from_record(made_at | {"eventSourceARN": stream_arn, "eventID": f"event-{number}"}))
    scored = [one for one in items.values() if "projectScore" in one]
    return changes, {(one["id"]["S"], one["hackathonName"]["S"]): one["projectScore"]["N"] for one in scored}


@given(steps_of(any_score), st.data())
def test_any_order_and_any_repeats_end_as_the_main_table(made: list[Step], data: st.DataObject) -> None:
    changes, standings = _run_main_table(made)
    table = FakeDynamoDb()
    deliver(table, changes, data)
    assert table.scores == standings
    table.check()


def _declared(policies_of: dict[str, BoardPolicy]) -> FakeDynamoDb:
    """Return tables with the policies of the boards, and no entry."""
    table = FakeDynamoDb()
    for board, policy in policies_of.items():
        table.declare(board, policy)
    return table


def _check(table: FakeDynamoDb, changes: list[Change], declared: dict[str, BoardPolicy]) -> None:
    """Assert that every entry has the score, the name and the attributes that the changes require."""
    assert table.shown == replay(changes, declared)
    shown: dict[tuple[str, str], Any] = {}
    for entry in table.entries.values():
        assert entry.attributes == (("team", str(entry.name).replace("user", "team")),)
        if columns := shown_values(values_in(entry.tie_order, declared[entry.board]), declared[entry.board]):
            times = {name: value for name, value in columns.items() if isinstance(value, str)}
            shown[entry.key] = columns | {name: datetime.fromisoformat(at) for name, at in times.items()}
    assert shown == replay_columns(changes, declared)
    table.check()


@settings(max_examples=200, deadline=None)
@given(steps_of(few_scores), st.integers(1, 19), st.fixed_dictionaries(dict.fromkeys(BOARDS, policies)), st.data())
def test_changes_of_a_restored_tables_new_stream_are_newer_than_all_before(
    made: list[Step], restored: int, declared: dict[str, BoardPolicy], data: st.DataObject
) -> None:
    changes, _ = _run_main_table(made, restored)
    table = _declared(declared)
    deliver(table, changes, data)
    _check(table, changes, declared)


@settings(max_examples=200, deadline=None)
@given(
    steps_of(few_scores),
    st.integers(0, 19),
    st.integers(0, 20),
    st.fixed_dictionaries(dict.fromkeys(BOARDS, policies)),
    st.data(),
)
def test_entries_that_version_0_1_wrote_stay_comparable(
    made: list[Step], restored: int, updated: int, declared: dict[str, BoardPolicy], data: st.DataObject
) -> None:
    """An entry of version 0.1 has no stream; changes from before the update may be delivered again, and late.

    Version 0.1 ignored changes of a new stream, so its entries are of the first one.
    """
    changes, _ = _run_main_table(made, restored)
    table = _declared(declared)
    deliver(table, [one for one in changes[:updated] if one.stream == changes[0].stream], data)
    for one in table.items.values():
        one.pop("stream", None)
        if "history" in one:
            one["history"] = {"S": re.sub('"[^"/]*/', '"', one["history"]["S"])}
    deliver(table, changes, data)
    _check(table, changes, declared)


@settings(max_examples=300, deadline=None)
@given(steps_of(few_scores), st.fixed_dictionaries(dict.fromkeys(BOARDS, policies)), st.data())
def test_any_order_and_any_repeats_end_as_the_boards_policies_say(
    made: list[Step], declared: dict[str, BoardPolicy], data: st.DataObject
) -> None:
    changes, _ = _run_main_table(made)
    table = _declared(declared)
    deliver(table, changes, data)
    _check(table, changes, declared)


@settings(max_examples=300, deadline=None)
@given(steps_of(few_scores), st.fixed_dictionaries(dict.fromkeys(BOARDS, policies)), st.booleans(), st.data())
def test_ties_are_in_the_order_in_which_the_scores_were_reached(
    made: list[Step], declared: dict[str, BoardPolicy], shuffled: bool, data: st.DataObject
) -> None:
    changes, _ = _run_main_table(made)
    if shuffled:  # docs/boards.md says when a best score's moment is not exact: after a removal that arrives late
        declared = {board: policy for board, policy in declared.items() if policy.keep != Keep.BEST}
    table = _declared(declared)
    deliver(table, changes, data, shuffled=shuffled)
    # Behind the sequence a key has a tag if the board has columns.
    sequences = {key: text.split("/")[-2 if declared[key[1]].then_by else -1] for key, text in table.tie_orders.items()}
    assert sequences == replay_ties(changes, declared)
    for board, policy in declared.items():
        if policy.orders_ties:
            in_order = sorted((text, key) for key, text in table.tie_orders.items() if key[1] == board)
            scores = [table.shown[key][0] for _, key in in_order]
            assert scores == policy.order.best_first(scores)
