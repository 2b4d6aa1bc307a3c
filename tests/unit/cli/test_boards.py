"""`scorecast boards list`, `set` and `unset`, on a fake board table."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from scorecast.cli import app, boards
from scorecast.errors import CannotRead, UserError
from scorecast.leaderboard.board_list import board_item, board_key
from scorecast.leaderboard.derived_board import policy_by_name
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Corrections, Every, Keep, Order, Ties, policy_key
from scorecast.ops.boards.policies import Policies, policies_of
from scorecast.ops.stack.exit_codes import ExitCode
from tests.support.fakes import FakeDynamoDb
from tests.support.ops_fakes import fake_stack

CLOSES = "2026-12-01T18:00:00Z"


class FakeBoards(FakeDynamoDb):
    """The board table; a list of boards has one on each page."""

    def __init__(self) -> None:
        super().__init__(page_size=1)

    def malform(self, board: str) -> None:
        """Make a declared policy invalid."""
        self.put_item(TableName="boards", Item=policy_key(board) | {"keep": {"S": "worst"}})

    @property
    def kept(self) -> list[tuple[str, str]]:
        """The keys of the table's items."""
        return sorted(self.board_items)


@pytest.fixture
def table() -> FakeBoards:
    return FakeBoards()


@pytest.fixture(autouse=True)
def policies(table: FakeBoards, monkeypatch: pytest.MonkeyPatch) -> Policies:
    stack = fake_stack(dynamodb=table)
    monkeypatch.setattr(boards, "open_stack", lambda *_: stack)
    return policies_of(stack)


def run(*arguments: str) -> Result:
    """Run a command as it is typed; an error for the user is raised."""
    result = CliRunner(mix_stderr=False).invoke(app, ["boards", *arguments])
    if isinstance(result.exception, UserError):
        raise result.exception
    return result


def test_a_declared_policy_is_stored_and_printed(policies: Policies) -> None:
    result = run("set", "Golf", "--order", "ascending", "--keep", "best", "--closes-at", CLOSES)
    assert result.stdout == f"Golf: order ascending, keeps the best score, ties unordered, closes at {CLOSES}.\n"
    assert policies.of("Golf") == BoardPolicy(Order.ASCENDING, Keep.BEST, closes_at=CLOSES)


def test_a_board_may_keep_the_gain(policies: Policies) -> None:
    result = run("set", "Run", "--keep", "gain", "--every", "week")
    assert result.stdout.startswith(
        "Run: order descending, keeps the gain, ties unordered, never closes, a board every"
    )
    assert policies.of("Run").keep is Keep.GAIN


def test_each_policy_has_a_key_of_its_own_and_its_board_is_listed(table: FakeBoards) -> None:
    run("set", "Golf", "--order", "ascending")
    assert table.kept == [("policies", "Golf"), ("policy/Golf", "Golf")]
    assert table.board_items["policies", "Golf"].keys() == {"collection", "name"}


def test_a_closed_board_may_take_corrections(policies: Policies) -> None:
    run("set", "Golf", "--closes-at", CLOSES, "--corrections", "open")
    assert policies.of("Golf") == BoardPolicy(closes_at=CLOSES, corrections=Corrections.OPEN)
    assert f"closes at {CLOSES}, takes corrections after that" in run("set", "Golf", "--corrections", "open").stdout
    run("unset", "Golf", "--corrections")
    assert policies.of("Golf") == BoardPolicy(closes_at=CLOSES)


def test_an_omitted_option_keeps_its_value(policies: Policies) -> None:
    policies.set("Golf", BoardPolicy(Order.ASCENDING, closes_at=CLOSES))
    run("set", "Golf", "--ties", "earliest")
    assert policies.of("Golf") == BoardPolicy(Order.ASCENDING, ties=Ties.EARLIEST, closes_at=CLOSES)
    run("set", "Golf", "--closes-at", "never")
    assert policies.of("Golf") == BoardPolicy(Order.ASCENDING, ties=Ties.EARLIEST)


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ([], DEFAULT),
        (["--order", "--keep", "--ties", "--closes-at"], DEFAULT),
        (["--order"], BoardPolicy(keep=Keep.BEST, closes_at=CLOSES)),
        (["--keep", "--closes-at"], BoardPolicy(Order.ASCENDING)),
    ],
)
def test_unset_returns_all_of_a_policy_or_parts_of_it_to_the_defaults(
    options: list[str], left: BoardPolicy, policies: Policies
) -> None:
    policies.set("Golf", BoardPolicy(Order.ASCENDING, Keep.BEST, closes_at=CLOSES))
    assert run("unset", "Golf", *options).stdout.startswith(f"Golf: order {left.order}, keeps {left.keep.words}")
    assert policies.of("Golf") == left
    assert run("unset", "Golf", *options).exit_code == 0


def test_a_default_policy_leaves_nothing_behind(policies: Policies, table: FakeBoards) -> None:
    policies.set("Golf", BoardPolicy(Order.ASCENDING))
    run("set", "Golf", "--order", "descending")
    assert table.kept == []
    assert policies.of("Golf") == DEFAULT


@pytest.mark.parametrize("closes_at", ["tomorrow", "2026-12-01T18:00:00"])
def test_a_malformed_time_changes_nothing(table: FakeBoards, closes_at: str) -> None:
    with pytest.raises(UserError, match=f"--closes-at is '{closes_at}'"):
        run("set", "Golf", "--order", "ascending", "--closes-at", closes_at)
    assert table.kept == []


def test_an_unknown_order_is_refused_with_the_valid_ones() -> None:
    result = run("set", "Golf", "--order", "sideways")
    assert result.exit_code == 2
    assert "ascending" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["--ties", "earliest"], True),
        (["--order", "ascending"], False),
        (["--ties", "earliest", "--order", "ascending"], True),
    ],
)
def test_it_says_when_entries_must_be_written_again(arguments: list[str], *, needed: bool) -> None:
    assert ("scorecast backfill" in run("set", "Golf", *arguments).stderr) is needed
    assert "scorecast backfill" not in run("set", "Golf", *arguments).stderr


def test_a_changed_order_needs_a_backfill_if_ties_are_ordered(policies: Policies) -> None:
    policies.set("Golf", BoardPolicy(ties=Ties.EARLIEST))
    assert "scorecast backfill" in run("set", "Golf", "--order", "ascending").stderr


def test_the_boards_with_a_policy_are_listed(policies: Policies) -> None:
    assert "No board has a policy" in run("list").stderr
    policies.set("Golf[1]", BoardPolicy(Order.ASCENDING))
    policies.set("Darts", BoardPolicy(keep=Keep.FIRST, closes_at=CLOSES))
    assert "Golf[1]" in run("list").stdout
    policies.set("Final", BoardPolicy(then_by="penalty:ascending,solved:descending"))
    assert "penalty" in run("list").stdout
    run("unset", "Final")
    rest: dict[str, object] = {"ties": "unordered", "corrections": "closed", "every": None, "timeZone": "UTC", "by": []}
    rest |= {"base": None, "startsAt": None, "attribute": None, "thenBy": {}, "freezesAt": None, "copyOf": None}
    rest |= {"keepPeriods": None, "keptUntil": None, "readers": []}
    assert json.loads(run("list", "--json").stdout)["boards"] == [
        {"hackathonName": "Darts", "closesAt": CLOSES, "order": "descending", "keep": "first"} | rest,
        {"hackathonName": "Golf[1]", "closesAt": None, "order": "ascending", "keep": "latest"} | rest,
    ]


def test_columns_are_declared_in_their_order_kept_and_withdrawn(policies: Policies) -> None:
    result = run("set", "Final", "--then-by", "penalty:ascending", "--then-by", "last solved:descending")
    assert policies.of("Final") == BoardPolicy(then_by="penalty:ascending,last solved:descending")
    assert result.stdout.startswith("Final: order descending, then penalty ascending, then last solved descending, kee")
    assert "need `scorecast backfill`" in result.stderr
    assert "need `scorecast backfill`" not in run("set", "Final", "--keep", "best").stderr
    assert policies.of("Final").then_by == "penalty:ascending,last solved:descending"
    answer = json.loads(run("set", "Final", "--then-by", "penalty:descending", "--json").stdout)
    assert answer["thenBy"] == {"penalty": "descending"}
    run("unset", "Final", "--then-by")
    assert policies.of("Final") == BoardPolicy(keep=Keep.BEST)
    run("set", "Final", "--then-by", "penalty:descending")
    run("set", "Final", "--then-by", "none")
    assert policies.of("Final") == BoardPolicy(keep=Keep.BEST)


def test_columns_that_are_not_usable_are_refused_with_the_options_name() -> None:
    with pytest.raises(UserError, match="--then-by has 'penalty'; it must be the name of an attribute") as refused:
        run("set", "Final", "--then-by", "penalty")
    assert refused.value.exit_code == ExitCode.USAGE


def test_boards_that_derive_from_others_are_listed_if_that_is_asked_for(policies: Policies) -> None:
    run("set", "Golf", "--every", "week", "--by", "country", "--freezes-at", "2026-11-26T00:00:00Z")
    policies.set("Golf~2026-W48", BoardPolicy(base="Golf", starts_at="2026-11-23T00:00:00Z"))
    assert [board["hackathonName"] for board in json.loads(run("list", "--json").stdout)["boards"]] == ["Golf"]
    shown = json.loads(run("list", "--derived", "--json").stdout)["boards"]
    assert [board["hackathonName"] for board in shown] == ["Golf", "Golf~2026-W48", "Golf~frozen"]
    assert "a board for each country" in run("list").stdout


def test_what_derives_from_a_board_is_declared_and_said() -> None:
    said = run(
        "set", "Golf", "--every", "week", "--time-zone", "Asia/Shanghai", "--by", "country", "--by", "team"
    ).stdout
    assert said.endswith("never closes, a board every week in Asia/Shanghai, a board for each country and each team.\n")
    assert run("unset", "Golf", "--every").stdout.endswith("never closes, a board for each country and each team.\n")


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--time-zone", "Mars", "--time-zone is 'Mars'; it must be an IANA name such as Asia/Shanghai"),
        ("--by", "a,,b", "by is 'a,,b'; it must be the names of at most 5 attributes"),
        ("--keep-periods", "0", "--keep-periods is '0'; it must be a whole number from 1 to 1,000"),
        ("--keep-periods", "1001", "--keep-periods is '1001'; it must be"),
        ("--readers", "Ann", "--readers is 'Ann'; it must be ids of API keys, or ARNs of IAM users or roles"),
        ("--freezes-at", "noon", "--freezes-at is 'noon'; it must be a time such as"),
    ],
)
def test_a_malformed_declaration_changes_nothing(table: FakeBoards, option: str, value: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        run("set", "Golf", option, value)
    assert table.kept == []


def test_boards_that_derive_from_a_board_follow_it_but_periods_that_are_over_do_not(
    policies: Policies, table: FakeBoards
) -> None:
    base = BoardPolicy(every=Every.WEEK, by=("country",))
    run("set", "Golf", "--every", "week", "--by", "country")
    for board in ("Golf~2020-W01", "Golf~2999-W01", "Golf~country.CN"):
        policy = policy_by_name(board, {"Golf": base})
        assert policy
        policies.set(board, policy)
        table.put_item(TableName="boards", Item=board_key(board, policy))
    assert "2 boards that derive from it follow" in run("set", "Golf", "--order", "ascending").stderr
    orders = {board: policies.of(board).order for board in ("Golf~2020-W01", "Golf~2999-W01", "Golf~country.CN")}
    assert list(orders.values()) == [Order.DESCENDING, Order.ASCENDING, Order.ASCENDING]
    assert policies.of("Golf~country.CN").attribute == "country"
    run("set", "Golf", "--freezes-at", "2026-11-26T00:00:00Z", "--closes-at", "2026-11-27T00:00:00Z")
    assert {policies.of(board).freezes_at for board in orders} == {"2026-11-26T00:00:00Z"}
    run("reveal", "Golf")
    assert {policies.of(board).freezes_at for board in orders} == {None}
    declared = run("set", "Golf", "--readers", "k3y")
    assert "read only by k3y" in declared.stdout
    assert "nobody can read the board there" in declared.stderr
    assert {policies.of(board).readers for board in orders} == {"k3y"}
    run("set", "Golf", "--readers", "everybody")
    assert {policies.of(board).readers for board in orders} == {""}
    assert policies.of("Golf~2020-W01").order is Order.DESCENDING


def test_how_long_periods_are_kept_is_declared_and_holds_for_those_that_have_not_begun(
    policies: Policies, table: FakeBoards
) -> None:
    said = run("set", "Golf", "--every", "week", "--keep-periods", "12").stdout
    assert said.endswith("never closes, a board every week in UTC, kept for 12 more.\n")
    begun = policy_by_name("Golf~2999-W01", {"Golf": policies.of("Golf")})
    assert begun
    policies.set("Golf~2999-W01", begun)
    table.put_item(TableName="boards", Item=board_item("Golf~2999-W01", begun))
    answer = json.loads(run("set", "Golf", "--keep-periods", "3", "--order", "ascending", "--json").stdout)
    assert answer["keepPeriods"] == 3
    assert policies.of("Golf~2999-W01") == replace(begun, order=Order.ASCENDING)
    run("unset", "Golf", "--keep-periods")
    assert policies.of("Golf").keep_periods is None
    assert policies.of("Golf~2999-W01").kept_until == begun.kept_until == "2999-04-01T00:00:00Z"
    run("set", "Golf", "--keep-periods", "never")
    assert policies.of("Golf") == BoardPolicy(Order.ASCENDING, every=Every.WEEK)


def test_boards_that_have_expired_are_not_listed(policies: Policies) -> None:
    policies.set("Golf~2020-W01", BoardPolicy(base="Golf", kept_until="2020-02-01T00:00:00Z"))
    left = "2999-02-01T00:00:00Z"
    policies.set("Golf~2999-W01", BoardPolicy(base="Golf", kept_until=left))
    shown = json.loads(run("list", "--derived", "--json").stdout)["boards"]
    assert [(board["hackathonName"], board["keptUntil"]) for board in shown] == [("Golf~2999-W01", left)]


def test_a_board_that_freezes_has_a_copy_with_the_same_policy_until_it_is_revealed(policies: Policies) -> None:
    at = "2026-11-26T00:00:00Z"
    assert f"freezes at {at}" in run("set", "Golf", "--freezes-at", at, "--order", "ascending").stdout
    assert policies.of("Golf~frozen") == BoardPolicy(Order.ASCENDING, freezes_at=at, copy_of="Golf")
    assert "freezes" not in run("reveal", "Golf").stdout
    assert policies.of("Golf") == BoardPolicy(Order.ASCENDING)
    with pytest.raises(UserError, match="The board 'Golf' does not freeze, so there is nothing to reveal"):
        run("reveal", "Golf")


def test_set_answers_in_json() -> None:
    answer = json.loads(run("set", "Golf", "--order", "ascending", "--json").stdout)
    assert (answer["hackathonName"], answer["order"], answer["closesAt"]) == ("Golf", "ascending", None)


def test_a_malformed_policy_is_refused_by_the_boards_name(policies: Policies, table: FakeBoards) -> None:
    policies.set("Golf", BoardPolicy(Order.ASCENDING))
    table.malform("Golf")
    with pytest.raises(CannotRead, match="The policy of the board 'Golf' is not usable"):
        policies.all()
