"""The export of a board: its order, its ranks, and what it says of a board that changes."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from scorecast.errors import UserError
from scorecast.leaderboard.columns import Values
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties
from scorecast.ops.files.export import Export, export_of
from scorecast.ops.stack.polling import CLOCK, Clock
from scorecast.runtime.settings import AttributeNames
from tests.support.api_fakes import Cut, FakeTable
from tests.support.ops_fakes import FakeClock, fake_stack, refusal

SCORES = ["90", "70", "70", "60", "-5", "0." + "1" * 38]
ENTRIES = [("b", str(at), score) for at, score in enumerate(SCORES)]
REACHED = {str(at): f"2026-01-01T00:00:{59 - at}Z" for at in range(len(SCORES))}


def export(table: FakeTable, rate: float | None = None, clock: Clock = CLOCK, board: str = "b") -> Export:
    return export_of(fake_stack(dynamodb=table), board, rate, clock)


def read(table: FakeTable) -> list[tuple[int, int, str]]:
    return [(row["rank"], row["position"], row["id"]) for row in export(table).rows()]


@pytest.mark.parametrize("cut", list(Cut))
@pytest.mark.parametrize(
    ("policy", "ids", "ranks"),
    [
        (BoardPolicy(), "021354", [1, 2, 2, 4, 5, 6]),
        (BoardPolicy(order=Order.ASCENDING), "453120", [1, 2, 3, 4, 4, 6]),
        (BoardPolicy(ties=Ties.EARLIEST), "021354", [1, 2, 2, 4, 5, 6]),
        (BoardPolicy(order=Order.ASCENDING, ties=Ties.EARLIEST), "453210", [1, 2, 3, 4, 4, 6]),
    ],
)
def test_entries_are_in_the_order_of_the_board_with_competition_ranks(
    policy: BoardPolicy, ids: str, ranks: list[int], cut: Cut
) -> None:
    table = FakeTable(ENTRIES, policies={"b": policy}, reached=REACHED, page_size=2, cut=cut)
    assert read(table) == list(zip(ranks, range(1, 7), ids, strict=True))


def test_a_closed_board_is_exported_like_any_other() -> None:
    table = FakeTable(ENTRIES)
    table.declare("b", BoardPolicy(closes_at="2026-01-01T00:00:00Z"))
    assert len(read(table)) == len(ENTRIES)


def test_a_board_that_has_expired_is_not_exported() -> None:
    table = FakeTable(ENTRIES, policies={"b": BoardPolicy(kept_until="2026-01-01T00:00:00Z")})
    with pytest.raises(UserError, match="There is no board 'b'"):
        export(table)


def test_a_position_is_a_field_where_ties_have_an_order() -> None:
    assert export(FakeTable(ENTRIES)).fields == ("hackathonName", "rank", "id", "userName", "projectScore")
    ordered = FakeTable(ENTRIES, policies={"b": BoardPolicy(ties=Ties.EARLIEST)}, reached=REACHED)
    assert "position" in export(ordered).fields


def test_a_row_has_the_name_and_every_digit_of_the_score() -> None:
    [first, *_, last] = export(FakeTable(ENTRIES, names={"0": "Ann"})).rows()
    assert (first["hackathonName"], first["userName"], first["projectScore"]) == ("b", "Ann", Decimal(90))
    [row] = [one for one in export(FakeTable(ENTRIES)).rows() if one["id"] == "5"]
    assert str(row["projectScore"]) == "0." + "1" * 38
    assert last["userName"] is None


def test_a_row_has_the_attributes_that_the_stack_shows() -> None:
    table = FakeTable(ENTRIES[:2], attributes={"0": {"team": "Lynx", "age": Decimal(9)}})
    stack = replace(fake_stack(dynamodb=table), attributes=AttributeNames(shown=("team", "country")))
    exported = export_of(stack, "b", None)
    assert exported.fields[-2:] == ("attributes.team", "attributes.country")
    shown = [(row["attributes.team"], row["attributes.country"]) for row in exported.rows()]
    assert shown == [("Lynx", None), (None, None)]


def test_columns_are_fields_and_rank_equal_scores() -> None:
    policy = BoardPolicy(then_by="penalty:ascending,at:ascending")
    columns: dict[str, Values] = {"0": ("10", ""), "1": ("9", "2026-01-01T00:00:00Z"), "2": ("10", "")}
    table = FakeTable([("b", one, "7") for one in "012"], policies={"b": policy}, columns=columns, reached=REACHED)
    exported = export(table)
    assert exported.fields[-2:] == ("thenBy.penalty", "thenBy.at")
    shown = [(row["rank"], row["id"], row["thenBy.penalty"], row["thenBy.at"]) for row in exported.rows()]
    assert shown == [(1, "1", 9, "2026-01-01T00:00:00Z"), (2, "2", 10, None), (2, "0", 10, None)]


def test_a_page_is_read_when_it_is_needed_so_that_memory_does_not_grow_with_the_board() -> None:
    table = FakeTable([("b", f"{at:03}", str(at)) for at in range(500)], page_size=100)
    rows = export(table).rows()
    table.reset()
    next(rows)
    assert table.read <= 200
    assert len(list(rows)) == 499


def test_progress_and_the_rate_follow_the_entries() -> None:
    fake, counts = FakeClock(), list[int]()
    table = FakeTable([("b", f"{at:03}", str(at)) for at in range(250)])
    exported = export(table, rate=100, clock=Clock(fake.now, fake.sleep))
    assert len(list(exported.rows(counts.append))) == exported.count == sum(counts) == 250
    assert fake.time_s == 2.0


def test_a_board_that_changes_meanwhile_is_seen() -> None:
    table = FakeTable(ENTRIES)
    exported = export(table)
    assert not exported.has_changed()
    list(exported.rows())
    table.put([("b", "7", "1")])
    assert exported.has_changed()


def test_ranks_agree_with_the_lines_even_if_the_board_changes_between_two_pages() -> None:
    table = FakeTable([("b", f"{at:03}", str(at)) for at in range(300)], page_size=100)
    rows = export(table).rows()
    before = [next(rows) for _ in range(100)]
    table.put([("b", "250", "0.5"), ("b", "000", "1000")])
    everything = [*before, *rows]
    assert [row["rank"] for row in everything] == list(range(1, len(everything) + 1))
    # An entry that moved down is there twice, and one that moved up not at all.
    assert [row["id"] for row in everything].count("250") == 2
    assert "000" not in [row["id"] for row in everything]


def test_a_board_without_entries_is_refused() -> None:
    with pytest.raises(UserError, match="There is no board 'x', or it has no entries: `scorecast top` lists"):
        export(FakeTable(ENTRIES), board="x")


class Throttled(FakeTable):
    """Throttles the first queries."""

    refusals = 3

    def query(self, **request: Any) -> dict[str, Any]:
        if self.refusals:
            self.refusals -= 1
            raise refusal("ThrottlingException")
        return super().query(**request)


def test_throttled_reads_are_repeated_and_then_given_up() -> None:
    fake = FakeClock()
    table = Throttled(ENTRIES)
    clock = Clock(fake.now, fake.sleep)
    assert len(list(export(table, clock=clock).rows())) == len(ENTRIES)
    table.refusals = 10**6
    with pytest.raises(UserError, match="throttled a call for 60 s: run it again later, or with a lower --rate"):
        list(export(table, clock=clock).rows())
