"""Requests of DynamoDB, drawn at random: the kinds that Scorecast makes, and some that DynamoDB refuses."""

from collections.abc import Callable
from typing import Any

from tests.support.draw import Draw

Json = dict[str, Any]
Request = tuple[str, Json]

TABLE = "second-opinion"


def _index(name: str, sort: str | None, projection: Json) -> Json:
    keys = [{"AttributeName": "board", "KeyType": "HASH"}]
    keys += [{"AttributeName": sort, "KeyType": "RANGE"}] if sort else []
    return {"IndexName": name, "KeySchema": keys, "Projection": projection}


DEFINITION = {
    "TableName": TABLE,
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "since", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in {"id": "S", "since": "S", "board": "S", "score": "N", "place": "S"}.items()
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "GlobalSecondaryIndexes": [
        _index("by_score", "score", {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["text"]}),
        _index("by_place", "place", {"ProjectionType": "KEYS_ONLY"}),
        _index("whole", None, {"ProjectionType": "ALL"}),
    ],
}
SORTS = {None: "since", "by_score": "score", "by_place": "place", "whole": None}


class Requests(Draw):
    """Draws requests of one small table, so that they meet the same items again and again."""

    IDS, TIMES, BOARDS = "abcd", "xyz", ("one", "two")
    TEXTS = ("", "a", "ab", "b", "ä" * 600, "long" * 1100)
    NUMBERS = ("0", "1", "-1", "2.5", "10", "1000", "12345678901234567890")

    def request(self) -> Request:
        """Draw one request, most of them valid."""
        kinds: dict[str, tuple[int, Callable[[], Json]]] = {
            "put_item": (5, lambda: self._put() | self._returned("NONE", "ALL_OLD")),
            "update_item": (8, self._whole_update),
            "delete_item": (3, lambda: self._delete() | self._returned("NONE", "ALL_OLD")),
            "get_item": (3, lambda: self._get() | self._consistently()),
            "batch_get_item": (2, self._batch_get),
            "batch_write_item": (2, self._batch_write),
            "transact_get_items": (2, self._transact_get),
            "transact_write_items": (5, self._transact_write),
            "query": (9, self._query),
            "scan": (3, self._scan),
        }
        operation = self.of([name for name, (weight, _) in kinds.items() for _ in range(weight)])
        request = kinds[operation][1]()
        if self.chance(0.7):
            request["ReturnConsumedCapacity"] = self.of(("TOTAL", "INDEXES", "INDEXES", "NONE"))
        return operation, self._spoilt(request) if self.chance(0.04) else request

    def _spoilt(self, request: Json) -> Json:
        """Make a mistake in a request."""
        mistakes = (
            {"TableName": "missing"},
            {"Key": {"id": {"S": "a"}}},
            {"Key": {"id": {"N": "1"}, "since": {"S": "x"}}},
            {"Key": {"id": {"S": ""}, "since": {"S": "x"}}},
            {"Item": {"id": {"S": "a"}}},
            {"Item": self._key() | {"board": {"N": "1"}}},
            {"Item": self._key() | {"board": {"S": ""}}},
            {"Item": self._key() | {"tags": {"SS": []}}},
            {"Item": self._key() | {"score": {"N": "ten"}}},
            {"ConditionExpression": "score = :missing"},
            {"ConditionExpression": "score = = :v"},
            {"FilterExpression": "#missing = :v"},
            {"ProjectionExpression": "#missing"},
            {"ProjectionExpression": "deep.a, deep"},
            {"KeyConditionExpression": "board > :v"},
            {"ExpressionAttributeNames": {"#unused": "x"}},
            {"ExpressionAttributeValues": {":unused": {"S": "x"}}},
            {"UpdateExpression": "SET id = :v"},
            {"UpdateExpression": "REMOVE hidden"},
            {"FilterExpression": "attribute_exists(hidden)"},
            {"ConditionExpression": "attribute_exists(hidden)"},
            {"ProjectionExpression": "hidden"},
            {"IndexName": "missing"},
            {"Limit": 0},
            {"Segment": 2, "TotalSegments": 2},
            {"ExclusiveStartKey": {"id": {"S": "a"}}},
        )
        known = [mistake for mistake in mistakes if set(mistake) & set(request)]
        mistake: Json = self.of(known or [{}])
        return request | mistake

    # ---------------------------------------------------------------- items

    def _key(self) -> Json:
        return {"id": {"S": self.of(self.IDS)}, "since": {"S": self.of(self.TIMES)}}

    def _item(self) -> Json:
        optional: dict[str, Callable[[], Json]] = {
            "board": lambda: {"S": self.of(self.BOARDS)},
            "score": self._number,
            "place": lambda: {"S": self.of(self.TEXTS[1:4])},
            "text": lambda: {"S": self.of(self.TEXTS)},
            "tags": lambda: {"SS": self.of((["a"], ["a", "b"], ["b", "c"]))},
            "list": lambda: {"L": [self._number() for _ in range(self.below(3))]},
            "deep": lambda: {"M": self.of(({}, {"a": self._number()}, {"a": {"M": {}}, "b": {"BOOL": True}}))},
            "null": lambda: {"NULL": True},
        }
        always = ("score", "place")
        return self._key() | {name: draw() for name, draw in optional.items() if name in always or self.chance(0.6)}

    def _number(self) -> Json:
        return {"N": self.of(self.NUMBERS)}

    # ---------------------------------------------------------------- writes

    def _put(self) -> Json:
        return {"TableName": TABLE, "Item": self._item()} | self._condition()

    def _delete(self) -> Json:
        return {"TableName": TABLE, "Key": self._key()} | self._condition()

    def _returned(self, *kinds: str) -> Json:
        returned = {"ReturnValues": self.of(kinds)} if self.chance(0.7) else {}
        return returned | ({"ReturnValuesOnConditionCheckFailure": "ALL_OLD"} if self.chance(0.2) else {})

    def _condition(self) -> Json:
        if self.chance(0.5):
            return {}
        text, values = self._predicate("c")
        if self.chance(0.3):
            other, more = self._predicate("d")
            text = f"{self.of(('', 'NOT '))}({text}) {self.of(('AND', 'OR'))} {other}"
            values |= more
        return {"ConditionExpression": text} | ({"ExpressionAttributeValues": values} if values else {})

    def _predicate(self, letter: str) -> tuple[str, Json]:
        value, other = f":{letter}", f":{letter}2"
        text, number = {"S": self.of(self.TEXTS[1:4])}, self._number()
        compared = self.of(("=", "<>", "<", "<=", ">", ">="))
        predicate: tuple[str, Json] = self.of(
            (
                ("attribute_exists(id)", {}),
                ("attribute_not_exists(id)", {}),
                ("attribute_not_exists(board)", {}),
                (f"score {compared} {value}", {value: self.of((number, number, {"BOOL": True}, {"SS": ["a"]}))}),
                (f"place {compared} {value}", {value: text}),
                (f"begins_with({self.of(('place', 'score'))}, {value})", {value: self.of((text, text, number))}),
                (f"contains(tags, {value})", {value: {"S": "a"}}),
                (f"size(place) {compared} {value}", {value: {"N": "1"}}),
                (f"attribute_type(deep, {value})", {value: self.of(({"S": "M"}, {"S": "map"}, number))}),
                (f"score BETWEEN {value} AND {other}", {value: {"N": "0"}, other: {"N": "10"}}),
                (f"deep.a BETWEEN {value} AND {other}", {value: {"L": []}, other: {"L": []}}),
                (f"place IN ({value}, {other})", {value: text, other: {"S": "b"}}),
                (f"deep.a {compared} {value}", {value: number}),
            )
        )
        return predicate

    def _whole_update(self) -> Json:
        request = self._update(self._action)
        # What engines answer of a part of an attribute differs.
        is_nested = "." in request["UpdateExpression"] or "[" in request["UpdateExpression"]
        return request | self._returned("NONE", "ALL_OLD", "ALL_NEW", *(() if is_nested else ("UPDATED_NEW",)))

    def _update(self, draw: Callable[[str], tuple[str, str, Json]]) -> Json:
        request: Json = {"TableName": TABLE, "Key": self._key()} | self._condition()
        clauses: dict[str, list[str]] = {}
        values: Json = {}
        for place in range(1 + self.chance(0.4) + self.chance(0.2)):
            kind, text, used = draw(f":u{place}")
            clauses.setdefault(kind, []).append(text)
            values |= used
        request["UpdateExpression"] = " ".join(f"{kind} {', '.join(texts)}" for kind, texts in clauses.items())
        values |= request.get("ExpressionAttributeValues", {})
        if values:
            request["ExpressionAttributeValues"] = values
        names = {"#l": "list", "#t": "text"}
        if used := {name: names[name] for name in names if name in request["UpdateExpression"]}:
            request["ExpressionAttributeNames"] = used
        return request

    def _action(self, value: str) -> tuple[str, str, Json]:
        """Draw a part of an update, which some items do not allow."""
        number = {value: self._number()}
        actions: tuple[tuple[str, str, Json], ...] = (
            ("SET", f"score = score + {value}", number),
            ("SET", f"#l = list_append({value}, #l)", {value: {"L": [{"S": "new"}]}}),
            ("SET", f"deep.a = {value}", number),
            ("SET", f"#l[1] = {value}", number),
            ("REMOVE", "#l[0]", {}),
            ("REMOVE", "deep.a", {}),
        )
        return self.of(actions) if self.chance(0.4) else self._plain_action(value)

    def _plain_action(self, value: str) -> tuple[str, str, Json]:
        """Draw a part of an update that every item allows."""
        number, zero = {value: self._number()}, {f"{value}z": {"N": "0"}}
        action: tuple[str, str, Json] = self.of(
            (
                ("SET", f"#t = {value}", {value: {"S": self.of(self.TEXTS)}}),
                ("SET", f"board = {value}", {value: {"S": self.of(self.BOARDS)}}),
                ("SET", f"place = {value}", {value: {"S": self.of(self.TEXTS[1:4])}}),
                ("SET", f"score = {value}", number),
                ("SET", f"score = if_not_exists(score, {value}z) - {value}", number | zero),
                ("REMOVE", "board", {}),
                ("REMOVE", "#t", {}),
                ("ADD", f"score {value}", number),
                ("ADD", f"tags {value}", {value: {"SS": ["b", "d"]}}),
                ("DELETE", f"tags {value}", {value: {"SS": ["a", "b"]}}),
            )
        )
        return action

    def _batch_write(self) -> Json:
        writes: list[Json] = [
            self.of(({"PutRequest": {"Item": self._item()}}, {"DeleteRequest": {"Key": self._key()}}))
            for _ in range(1 + self.below(3))
        ]
        return {"RequestItems": {TABLE: writes}}

    def _transact_write(self) -> Json:
        if self.chance(0.05):
            return {"TransactItems": [{"Put": {"TableName": TABLE, "Item": self._item()}}] * 2}
        actions: dict[str, Json] = {}
        for _ in range(1 + self.below(3)):
            action = self._action_of_transaction()
            [of_action] = action.values()
            item = of_action.get("Item") or of_action["Key"]
            actions[f"{item['id']} {item['since']}"] = action
        return {"TransactItems": list(actions.values())}

    def _action_of_transaction(self) -> Json:
        check: Json = {"ConditionExpression": "attribute_exists(id)"} | self._delete()
        kinds = {"Put": self._put(), "Update": self._update(self._plain_action), "Delete": self._delete()}
        kind = self.of(("Put", "Put", "Update", "Update", "Delete", "ConditionCheck"))
        action = kinds.get(kind, check)
        return {kind: action | ({"ReturnValuesOnConditionCheckFailure": "ALL_OLD"} if self.chance(0.2) else {})}

    # ---------------------------------------------------------------- reads

    def _consistently(self) -> Json:
        return {"ConsistentRead": self.chance(0.5)} if self.chance(0.5) else {}

    def _projection(self) -> Json:
        if self.chance(0.7):
            return {}
        projected = self.of(("id, score", "deep.a, place", "tags", "deep", "id, deep.b, deep.a"))
        return {"ProjectionExpression": projected}

    def _get(self) -> Json:
        return {"TableName": TABLE, "Key": self._key()} | self._projection()

    def _batch_get(self) -> Json:
        keys = [self._key() for _ in range(1 + self.below(4))]
        return {"RequestItems": {TABLE: {"Keys": keys} | self._projection() | self._consistently()}}

    def _transact_get(self) -> Json:
        return {"TransactItems": [{"Get": self._get()} for _ in range(1 + self.below(3))]}

    def _query(self) -> Json:
        index = self.of(list(SORTS))
        condition, values = ("board = :p", {":p": {"S": self.of(self.BOARDS)}})
        if index is None:
            condition, values = ("id = :p", {":p": {"S": self.of(self.IDS)}})
        sort = SORTS[index]
        if sort and self.chance(0.5):
            first, second = self._bounds(sort)
            form = self.of(("{0} = {1}", "{0} < {1}", "{0} <= {1}", "{0} > {1}", "{0} >= {1}", "begins_with({0}, {1})"))
            if self.chance(0.3):
                form = "{0} BETWEEN {1} AND {2}"
                values |= {":b": second}
            condition += " AND " + form.format(sort, ":a", ":b")
            values |= {":a": first}
        request: Json = {"TableName": TABLE, "KeyConditionExpression": condition, "ExpressionAttributeValues": values}
        request |= {"IndexName": index} if index else self._consistently()
        request |= {"ScanIndexForward": self.chance(0.5)} if self.chance(0.6) else {}
        return self._read(request)

    def _bounds(self, sort: str) -> tuple[Json, Json]:
        if sort == "score":
            return self._number(), self._number()
        texts = self.TIMES if sort == "since" else self.TEXTS[1:4]
        return {"S": self.of(texts)}, {"S": self.of(texts)}

    def _scan(self) -> Json:
        index = self.of((None, None, "whole"))
        return self._read({"TableName": TABLE} | ({"IndexName": index} if index else self._consistently()))

    def _read(self, request: Json) -> Json:
        is_whole = request.get("IndexName") in (None, "whole") or self.chance(0.2)
        if self.chance(0.3):
            text, values = self._predicate("f") if is_whole else ("attribute_exists(id)", {})
            request["FilterExpression"] = text
            if values := request.get("ExpressionAttributeValues", {}) | values:
                request["ExpressionAttributeValues"] = values
        if self.chance(0.3):
            request["Limit"] = 2 + self.below(4)
        if self.chance(0.2):
            return request | {
                "Select": self.of(("COUNT", "ALL_ATTRIBUTES" if is_whole else "ALL_PROJECTED_ATTRIBUTES"))
            }
        return request | (self._projection() if is_whole else {})
