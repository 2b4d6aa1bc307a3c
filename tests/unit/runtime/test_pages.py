"""All pages of a query or scan are read, each one only on demand."""

from itertools import islice
from typing import Any

from scorecast.runtime.pages import read_all, read_pages


class Table:
    """A table with one item a page; an item's key is its number."""

    def __init__(self, items: int) -> None:
        self.items, self.requests = items, list[dict[str, Any]]()

    def scan(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        at = request.get("ExclusiveStartKey", {"number": 0})["number"]
        return {"Items": [{"at": at}]} | ({"LastEvaluatedKey": {"number": at + 1}} if at + 1 < self.items else {})


def test_each_page_begins_after_the_one_before() -> None:
    table, request = Table(3), {"TableName": "t"}
    assert [item["at"] for item in read_all(table.scan, request)] == [0, 1, 2]
    assert [one.get("ExclusiveStartKey") for one in table.requests] == [None, {"number": 1}, {"number": 2}]
    assert request == {"TableName": "t"}


def test_a_page_is_read_only_when_it_is_asked_for() -> None:
    table = Table(3)
    assert len(list(islice(read_pages(table.scan, {}), 1))) == len(table.requests) == 1
