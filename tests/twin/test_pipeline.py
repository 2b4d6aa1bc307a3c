"""A change of the main table reaches the leaderboard and the backup; one that cannot be applied is parked."""

import json
import urllib.error
import urllib.request
import uuid
from functools import partial

import pytest

from scorecast.leaderboard.policy import BoardPolicy, Order, Ties, policy_item
from tests.support.deployed import Stack
from tests.support.pipeline import Json, MainTable, backed_up, board, only, parked, shows, shows_total
from tests.support.waiting import eventually


def test_put_update_and_delete_show_on_the_board_and_are_in_the_backup(stack: Stack, main: MainTable) -> None:
    main.put("1", {"N": "60"})
    main.put("2", {"N": "90"})
    eventually(lambda: shows(stack, main.board, [(1, "2", "90"), (2, "1", "60")]))
    main.update("1", "SET projectScore = :score", score={"N": "95.5"})
    eventually(lambda: shows(stack, main.board, [(1, "1", "95.5"), (2, "2", "90")]))
    main.delete("2")
    eventually(lambda: shows(stack, main.board, [(1, "1", "95.5")]))
    main.update("1", "REMOVE projectScore")
    eventually(lambda: shows(stack, main.board, None))

    def all_in_backup() -> None:
        operations = [event["detail-type"] for event in backed_up(stack, main.board)]
        assert sorted(operations) == ["INSERT", "INSERT", "MODIFY", "MODIFY", "REMOVE"]

    eventually(all_in_backup)


def test_a_renamed_board_moves_the_entry(stack: Stack, main: MainTable) -> None:
    other = f"{main.board}-renamed"
    main.put("1", {"N": "60"}, hackathonName={"S": main.board})
    eventually(lambda: shows(stack, main.board, [(1, "1", "60")]))
    main.update("1", "SET hackathonName = :board", board={"S": other})
    eventually(lambda: shows(stack, other, [(1, "1", "60")]))
    eventually(lambda: shows(stack, main.board, None))


@pytest.mark.parametrize("score", ["-17", "0", "0.125", "12345678901234567890123456789012345678"])
def test_every_number_is_a_score_exactly(stack: Stack, main: MainTable, score: str) -> None:
    main.put("1", {"N": score})

    def exact() -> None:
        status, text = stack.get_text("leaderBoard/", hackathonName=main.board)
        assert status == 200
        assert f'"projectScore": {score}}}' in text

    eventually(exact)


def test_what_cannot_be_applied_is_parked_and_its_neighbours_are_applied(stack: Stack, main: MainTable) -> None:
    main.put("good", {"N": "1"})
    main.put("bad", {"S": "sixty"})
    main.put("also good", {"N": "2"})
    main.put("of another kind", None)
    eventually(lambda: shows(stack, main.board, [(1, "also good", "2"), (2, "good", "1")]))

    def one_dead_letter() -> Json:
        return only(parked(stack, main.board))

    letter = eventually(one_dead_letter)
    assert (letter["stage"], letter["errorCode"]) == ("standings", "CannotApply")
    assert "projectScore is 'sixty'" in letter["reason"]
    assert letter["change"]["new"]["projectScore"] == "sixty"


def test_an_item_of_another_kind_reaches_the_bus_under_its_own_source(stack: Stack, main: MainTable) -> None:
    main.put("1", None, email={"S": "a@example.org"})

    def in_backup() -> None:
        event = only(backed_up(stack, main.board))
        assert event["source"] == "operations.aws.dynamodb"
        assert event["detail"]["new"]["email"] == "a@example.org"

    eventually(in_backup)
    assert board(stack, main.board) is None


@pytest.mark.parametrize("name", ["a/b c%25", '"><script>alert(1)</script>', "名人堂 🏆", "x" * 900])
def test_odd_and_long_names_are_names_like_any_other(stack: Stack, main: MainTable, name: str) -> None:
    odd = f"{name}-{uuid.uuid4()}"
    main.put(odd, {"N": "1"}, hackathonName={"S": odd})
    eventually(lambda: shows(stack, odd, [(1, odd, "1")]))
    status, body = stack.get(f"leaderBoard/{stack.quoted(odd)}/participants/{stack.quoted(odd)}")
    assert (status, body["rank"], body["id"]) == (200, 1, odd)
    status, body = stack.get(f"participants/{stack.quoted(odd)}")
    assert (status, body["boards"][0]["hackathonName"]) == (200, odd)


def test_pages_join_to_the_whole_board(stack: Stack, main: MainTable) -> None:
    for at in range(25):
        main.put(f"p{at}", {"N": str(at // 2)})
    eventually(lambda: shows_total(stack, main.board, 25))
    seen = pages_of(stack, main.board, limit="7")
    assert {entry["id"] for entry in seen} == {f"p{at}" for at in range(25)}
    assert len(seen) == 25
    assert [entry["rank"] for entry in seen] == [1, *(rank for rank in range(2, 25, 2) for _ in "ab")]


def test_a_board_that_is_declared_ascending_has_its_lowest_score_first(stack: Stack, main: MainTable) -> None:
    declare(stack, main.board, BoardPolicy(order=Order.ASCENDING))
    for participant, score in (("1", "72"), ("2", "68"), ("3", "70")):
        main.put(participant, {"N": score})
    eventually(lambda: shows(stack, main.board, [(1, "2", "68"), (2, "3", "70"), (3, "1", "72")]))
    _, body = stack.get(f"leaderBoard/{main.board}/participants/3")
    assert (body["rank"], [one["id"] for one in body["above"]], [one["id"] for one in body["below"]]) == (
        2,
        ["2"],
        ["1"],
    )


def test_where_ties_have_an_order_who_was_there_first_stands_first(stack: Stack, main: MainTable) -> None:
    declare(stack, main.board, BoardPolicy(ties=Ties.EARLIEST))
    # One after another, so that the later of two has the later change; the ids go the other way.
    for at, participant in enumerate("fedcba", start=1):
        main.put(participant, {"N": str(90 if participant == "a" else 70)})
        eventually(partial(shows_total, stack, main.board, at))
    main.put("f", {"N": "70"}, userName={"S": "renamed"})
    eventually(lambda: names_on(stack, main.board, ["user a", "renamed", "user e", "user d", "user c", "user b"]))
    pages = pages_of(stack, main.board, limit="2")
    assert [one["id"] for one in pages] == ["a", "f", "e", "d", "c", "b"]
    assert [(one["rank"], one["position"]) for one in pages] == [(1, 1), *((2, at) for at in range(2, 7))]
    _, body = stack.get(f"leaderBoard/{main.board}/participants/d", neighbours="1")
    assert [body[side][0]["id"] for side in ("above", "below")] == ["e", "c"]


def names_on(stack: Stack, name: str, names: list[str]) -> None:
    _, body = stack.get("leaderBoard/", hackathonName=name)
    assert [entry["userName"] for entry in body["entries"]] == names


def pages_of(stack: Stack, name: str, limit: str) -> list[Json]:
    """The entries of all pages of a board."""
    entries: list[Json] = []
    token: dict[str, str] = {}
    while True:
        _, body = stack.get("leaderBoard/", hackathonName=name, limit=limit, **token)
        entries += body["entries"]
        if "next" not in body:
            return entries
        token = {"next": body["next"]}


def declare(stack: Stack, name: str, policy: BoardPolicy) -> None:
    stack.client("dynamodb").put_item(TableName=stack.outputs["BoardTableName"], Item=policy_item(name, policy))


def test_the_boards_and_a_participants_boards_come_in_pages(stack: Stack) -> None:
    mains = [MainTable(stack) for _ in range(3)]
    one = f"p-{uuid.uuid4()}"
    for main in mains:
        main.put(one, {"N": "5"})
    for main in mains:
        eventually(partial(shows_total, stack, main.board, 1))
    names = {main.board for main in mains}
    assert names <= set(names_of(stack, "leaderBoard/"))
    assert names_of(stack, f"participants/{one}") == sorted(names)


def names_of(stack: Stack, path: str) -> list[str]:
    """The boards of all pages of a list."""
    names: list[str] = []
    token: dict[str, str] = {}
    while True:
        _, body = stack.get(path, limit="2", **token)
        names += [board["hackathonName"] for board in body["boards"]]
        if "next" not in body:
            return names
        token = {"next": body["next"]}


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("leaderBoard/", {"hackathonName": "there is none"}, 404),
        ("leaderBoard/", {"hackathonName": "StarWar", "limit": "many"}, 400),
        ("leaderBoard/", {"hackathonName": "StarWar", "next": "forged"}, 400),
        ("leaderBoard/", {"limit": "5", "atRank": "1"}, 400),
        ("leaderBoard/x/participants/y", {}, 404),
        ("participants/nobody", {}, 404),
        ("no/such/path", {}, 404),
    ],
)
def test_bad_requests_are_answered_as_problems(stack: Stack, path: str, parameters: Json, status: int) -> None:
    got, body = stack.get(path, **parameters)
    assert (got, body["status"]) == (status, status)
    assert body["detail"]


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("OPTIONS", 204), ("POST", 405), ("PUT", 405), ("DELETE", 405)]
)
def test_other_methods_are_answered_with_those_that_are_allowed(stack: Stack, method: str, status: int) -> None:
    request = urllib.request.Request(f"{stack.api}leaderBoard/", method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        assert answer.status == status
        assert method == "HEAD" or answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_a_failed_asynchronous_invocation_reaches_the_dead_letter_queue(stack: Stack) -> None:
    marker = f"async-{uuid.uuid4()}"
    stack.client("lambda").invoke(
        FunctionName=stack.outputs["FanoutLambdaName"],
        InvocationType="Event",
        Payload=json.dumps({"not a batch": marker}),
    )

    def failed() -> None:
        record = only(parked(stack, marker))
        assert record["requestPayload"] == {"not a batch": marker}
        assert "takes a batch of a DynamoDB stream" in record["responsePayload"]["errorMessage"]

    eventually(failed)
