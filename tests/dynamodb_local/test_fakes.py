"""The hand-written fakes of DynamoDB answer as DynamoDB Local does, with the same answers and the same errors."""

from collections.abc import Iterator
from decimal import Decimal
from math import inf
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bench.rig.tables import BOARDS, LEADERBOARD, definition_of
from scorecast.consumer import DynamoStore, NotAcknowledged
from scorecast.leaderboard.index import shape
from scorecast.leaderboard.item import ENTRIES_ONLY
from scorecast.leaderboard.policy import BoardPolicy, Keep, Order, Ties
from scorecast.ops.boards.policies import Policies
from scorecast.ops.recovery.verification import Verifier
from scorecast.ops.stack.main_table import MainTable
from scorecast.runtime.pages import read_all
from scorecast.runtime.settings import AttributeNames
from scorecast.standings import upkeep
from scorecast.standings.entry import Entry
from scorecast.standings.store import Leaderboard
from scorecast.standings.upkeep import Upkeep
from tests.support.api_fakes import Cut, FakeTable, get, serve
from tests.support.both import Both
from tests.support.fakes import FakeDynamoDb, Item
from tests.support.ops_fakes import FakeTables, entry
from tests.support.recovery_fakes import RecoveryTables
from tests.support.standings_fakes import System, event

# The names that the fakes' callers use. The main table's keys are parameters of the template; here, their defaults.
INDEXES = ("index", "ties")
KEYS = [{"AttributeName": name, "KeyType": kind} for name, kind in (("id", "HASH"), ("metadata", "RANGE"))]
MAIN = {
    "KeySchema": KEYS,
    "AttributeDefinitions": [{"AttributeName": key["AttributeName"], "AttributeType": "S"} for key in KEYS],
    "BillingMode": "PAY_PER_REQUEST",
}
REACHED = {participant: f"2026-01-01T00:00:0{second}Z" for participant, second in zip("12345", "05142", strict=True)}


@pytest.fixture
def empty(engine: Any) -> Iterator[Any]:
    """DynamoDB Local with the three tables, empty."""
    leaderboard = definition_of(LEADERBOARD)
    indexes = zip(INDEXES, leaderboard["GlobalSecondaryIndexes"], strict=True)
    renamed = [index | {"IndexName": name} for name, index in indexes]
    definitions = {"leaderboard": leaderboard | {"GlobalSecondaryIndexes": renamed}, "boards": definition_of(BOARDS)}
    definitions["main"] = MAIN
    for name, definition in definitions.items():
        engine.dynamodb.create_table(TableName=name, **definition)
    yield engine.dynamodb
    for name in definitions:
        engine.dynamodb.delete_table(TableName=name)


def test_the_fake_of_consumer_lambda(empty: Any) -> None:
    system = System(size=2)
    system.table, fake = Both(system.table, empty), system.table  # type: ignore[assignment]
    for board, policy in {
        "best": BoardPolicy(keep=Keep.BEST, ties=Ties.EARLIEST),
        "golf": BoardPolicy(order=Order.ASCENDING),
    }.items():
        Policies(system.table, "boards").set(board, policy)
    for board in ("best", "golf", "plain"):
        system.process(event("a", "3", 1, board), event("b", "2", 2, board), event("c", "7", 3, board))
        system.process(event("b", "9", 4, board), event("a", "3", 1, board))
        system.process(event("c", None, 5, board), event("d", "-1.5", 6, board))
    found = {(one["id"]["S"], one["metadata"]["S"]): one for one in empty.scan(TableName="leaderboard")["Items"]}
    assert found == fake.items
    fake.check()


def test_the_fakes_transactions_fail_alike(empty: Any) -> None:
    both = Both(FakeDynamoDb(), empty)
    item = {"id": {"S": "a"}, "metadata": {"S": "one"}, "sequence": {"S": "1"}, "at": {"S": "2026-01-01T00:00:00Z"}}
    put = {"TableName": "leaderboard", "Item": item, "ConditionExpression": "attribute_not_exists(id)"}
    other = {"Put": put | {"Item": item | {"id": {"S": "b"}}}}
    both.transact_write_items(TransactItems=[{"Put": put}])
    with pytest.raises(ClientError, match="TransactionCanceled"):
        both.transact_write_items(TransactItems=[other, {"Put": put}])
    keys = [keyed(name) for name in "ab"]
    both.batch_get_item(RequestItems={"leaderboard": {"Keys": keys, "ConsistentRead": True}})
    for wrong in ([other, other], [other] * 101):
        with pytest.raises((ClientError, AssertionError)):
            both.transact_write_items(TransactItems=wrong)
    for number in ("1E+126", "1E-131", "1." + "1" * 38):
        score = {"projectScore": {"N": number}}
        with pytest.raises(ClientError, match="ValidationException"):
            both.transact_write_items(TransactItems=[other, {"Put": put | {"Item": keyed("c") | score}}])
        with pytest.raises(ClientError, match="ValidationException"):
            both.put_item(TableName="leaderboard", Item=keyed("c") | score)
    for wrong_keys in ([keys[0], keys[0]], [keys[0] | {"id": {"S": str(number)}} for number in range(101)]):
        with pytest.raises((ClientError, AssertionError)):
            both.batch_get_item(RequestItems={"leaderboard": {"Keys": wrong_keys}})


def keyed(name: str) -> Item:
    return {"id": {"S": name}, "metadata": {"S": "one"}}


@pytest.mark.parametrize("ties", Ties)
def test_the_fake_of_upkeep(empty: Any, monkeypatch: pytest.MonkeyPatch, ties: Ties) -> None:
    """A board grows to several pages and shrinks again, with a writer and an upkeep that are late now and then."""
    for name, value in {"RANGE_ENTRIES": 6, "PART_ENTRIES": 2, "MERGED_ENTRIES": 3, "MERGED_RANGES": 3}.items():
        monkeypatch.setattr(shape, name, value)
    monkeypatch.setattr(upkeep, "PAGE_RANGES", 4)
    fake, policy = FakeDynamoDb(), BoardPolicy(ties=ties)
    both = Both(fake, empty)
    Policies(both, "boards").set("one", policy)
    fresh, late = (Leaderboard(both, "leaderboard", "boards", lambda _: None) for _ in range(2))
    looks = Upkeep(both, "leaderboard", "index", "ties", fresh.index)
    nodes = []
    for at in range(0, 56, 4):
        # All scores are different, because an index has tied entries in an order of its own.
        entries = [made(f"p{at + one:02}", Decimal(37 * (at + one) % 101), at + one) for one in range(4)]
        writer = late if at % 16 == 12 else fresh
        for result in writer.write(entries, {"one": policy}).values():
            assert result.made
            looks.look_at(result.made, policy, inf)
        nodes.append(len(fake.board_items))
    for at in range(0, 56, 4):
        gone = [made(f"p{at + one:02}", None, 100 + at) for one in range(4)]
        for result in fresh.write(gone, {"one": policy}).values():
            assert result.replaced
            looks.look_at(result.replaced, policy, inf)
        nodes.append(len(fake.board_items))
    assert max(nodes) > nodes[-1] > nodes[0]
    fake.check()
    for table, items in (("leaderboard", fake.items), ("boards", fake.board_items)):
        stored = read_all(empty.scan, {"TableName": table, "ConsistentRead": True})
        assert sorted(stored, key=key_of) == sorted(items.values(), key=key_of)


def key_of(item: Item) -> list[str]:
    return [item[name]["S"] for name in ("collection", "name", "id", "metadata") if name in item]


def made(participant: str, score: Decimal | None, sequence: int) -> Entry:
    text = None if score is None else str(score)
    return Entry(participant, "one", f"{sequence:024}", "2026-01-01T00:00:00Z", text, participant, score_changed=True)


COLUMNS = BoardPolicy(then_by="penalty:ascending,solvedAt:descending")
POLICIES = [*(BoardPolicy(order=order, ties=ties) for order in Order for ties in Ties), COLUMNS]


@pytest.mark.parametrize("cut", [Cut.NONE, Cut.PAGES])
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_the_fake_of_the_api(empty: Any, monkeypatch: pytest.MonkeyPatch, policy: BoardPolicy, cut: Cut) -> None:
    entries = [("StarWar", "1", "60"), ("StarWar", "2", "90"), ("StarWar", "3", "70"), ("WarCraft", "1", "100")]
    entries += [("StarWar", f"more{at:02}", f"{at}.5") for at in range(20)]
    if policy.orders_ties:  # else an index has tied entries in an order of its own
        entries += [("StarWar", "4", "70"), ("StarWar", "5", "70")]
    reached = REACHED | {f"more{at:02}": "2026-01-01T00:00:00Z" for at in range(20)}
    fake = FakeTable(
        entries,
        names={"1": "userA", "2": "userB"},
        attributes={"1": {"team": "Lynx", "age": Decimal("12.5"), "pro": False}, "more03": {"team": "Ocelot"}},
        policies={"StarWar": policy},
        reached=reached,
        columns={"3": ("5", ""), "4": ("5", "2026-01-01T00:00:00Z"), "5": ("", "")} if policy.columns else None,
        cut=cut,
    )
    copy(fake, empty)
    serve(monkeypatch, Both(fake, empty))
    tokens: list[str] = []
    page: dict[str, Any] = {"next": None}
    while "next" in page:
        page = answered("/leaderBoard/", hackathonName="StarWar", limit="1", **({"next": tokens[-1]} if tokens else {}))
        tokens += [page["next"]] if "next" in page else []
    for position in ("2", "9", "20"):
        answered("/leaderBoard/", hackathonName="StarWar", limit="1", atRank=position)
    for score in ("65", "70", "3.5", "-1", "9.9999999999999999999999999999999999999E125"):
        answered("/leaderBoard/", hackathonName="StarWar", rankOfScore=score)
    answered("/leaderBoard/", hackathonName="StarWar", id="2")
    for participant in ("1", "2", "3", "more00", "more10"):
        answered(f"/leaderBoard/StarWar/participants/{participant}", neighbours="1")
    answered("/leaderBoard/StarWar/histogram")
    answered("/participants/1")
    answered("/participants/1", limit="1")
    answered("/leaderBoard/")
    answered("/leaderBoard/", limit="1")
    # The query of a page continues after an entry that is gone.
    fake.remove("StarWar", *(participant for board, participant, _ in entries[1:] if board == "StarWar"))
    copy(fake, empty)
    for token in tokens:
        answered("/leaderBoard/", hackathonName="StarWar", limit="1", next=token)


def copy(fake: FakeTable, engine: Any) -> None:
    """Write all items of a fake; none of them goes away again."""
    for name, items in (("leaderboard", fake.items), ("boards", fake.board_items)):
        for one in items.values():
            engine.put_item(TableName=name, Item=one)


def answered(path: str, **parameters: str) -> Any:
    """Return the body of an answer that is no error."""
    answer = get(path, **parameters)
    assert answer["statusCode"] == 200, answer["body"]
    return answer["body"]


def test_the_fake_of_the_command_line(empty: Any) -> None:
    tables = Both(FakeTables(), empty)
    main = MainTable(tables, "main", AttributeNames(), {"id": "S", "metadata": "S"})
    main.put_score("a", "one", Decimal(1), "Ann")
    main.put_score("a", "one", Decimal("2.5"))
    main.put_score("b", "one", Decimal(3))
    assert len(list(main.scan())) == 2
    assert main.delete("b", "one")
    assert main.delete("b", "one") is None
    policies = Policies(tables, "boards")
    policies.set("one", BoardPolicy(keep=Keep.BEST))
    policies.set("two", BoardPolicy(order=Order.ASCENDING))
    assert policies.of("one") == BoardPolicy(keep=Keep.BEST)
    assert list(policies.all()) == ["one", "two"]
    puts = [{"PutRequest": {"Item": entry(str(number), "one", "1")}} for number in range(25)]
    tables.batch_write_item(RequestItems={"main": puts})
    tables.batch_write_item(RequestItems={"main": [{"DeleteRequest": {"Key": main.key("7", "one")}}]})
    assert len(list(main.scan())) == 25
    for wrong in ([*puts, puts[0]], [puts[0], puts[0]]):
        with pytest.raises((ClientError, AssertionError)):
            tables.batch_write_item(RequestItems={"main": wrong})


def test_the_fake_of_verification_and_backfill(empty: Any) -> None:
    fake = RecoveryTables()
    fake.put("main", *(entry(str(number), "one", str(number), "Ann") for number in range(7)))
    fake.put("leaderboard", *(entry(str(number), "one", str(number), "Ann") for number in range(5)))
    fake.put("leaderboard", {"id": {"S": "9"}, "metadata": {"S": "one"}, "sequence": {"S": "1"}})
    fake.count()
    for table, items in fake.tables.items():
        for one in items.values():
            empty.put_item(TableName=table, Item=one)
    tables = Both(fake, empty)
    request = {"TableName": "leaderboard", "ConsistentRead": True, **ENTRIES_ONLY}
    assert len(list(read_all(tables.scan, request))) == 5
    main = MainTable(tables, "main", AttributeNames(), {"id": "S", "metadata": "S"})
    verifier = Verifier(main, tables, "leaderboard", settle_s=0)
    assert {one.participant for one in verifier.find()} == {"5", "6"}
    assert list(verifier.items_of("3")) == [entry("3", "one", "3", "Ann")]
    assert list(verifier.items_of("30")) == []
    assert scan_in_segments(fake) == scan_in_segments(empty) == sorted(fake.tables["main"])


def scan_in_segments(client: Any) -> list[tuple[str, str]]:
    """Read the keys of the main table as a backfill does: in two segments, and pages of two items."""
    found = []
    for segment in range(2):
        start: Item = {}
        while True:
            page = client.scan(TableName="main", Segment=segment, TotalSegments=2, Limit=2, **start)
            found += [(one["id"]["S"], one["metadata"]["S"]) for one in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    return sorted(found)


def test_a_consumers_store_on_dynamodb(engine: Any) -> None:
    """Its own fake is in tests/unit/consumer."""
    attributes = [{"AttributeName": "id", "AttributeType": "S"}]
    keys = [{"AttributeName": "id", "KeyType": "HASH"}]
    table = {"AttributeDefinitions": attributes, "KeySchema": keys, "BillingMode": "PAY_PER_REQUEST"}
    engine.dynamodb.create_table(TableName="consumer", **table)
    store = DynamoStore(engine.dynamodb, "consumer")
    lease = store.begin("a", "2")
    assert lease
    with pytest.raises(NotAcknowledged):
        store.begin("a", "3")
    store.finish("a", "2", lease)
    assert [store.begin("a", order) for order in ("1", "2")] == [None, None]
    newer = store.begin("a", "3")
    assert newer
    store.release("a", newer)
    assert store.begin("a", "3")
