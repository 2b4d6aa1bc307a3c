"""DynamoDB's expressions, as far as Scorecast uses them: conditions without brackets, updates, and key conditions."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from scorecast.leaderboard.order_key import LARGEST_MAGNITUDE, SMALLEST_MAGNITUDE

Item = dict[str, Any]

_CLAUSE = re.compile(r"\b(SET|ADD|REMOVE)\b")


def meets(item: Mapping[str, Any] | None, request: Mapping[str, Any]) -> bool:
    """Whether an item (None if there is none) meets the condition of a request that writes it."""
    condition = request.get("ConditionExpression")
    if not condition:
        return True
    _check_names(f"{condition} {request.get('UpdateExpression', '')}", request)
    alternatives = (part.split(" AND ") for part in condition.split(" OR "))
    return any(all(_holds(item or {}, term, request) for term in terms) for terms in alternatives)


def updated(item: Mapping[str, Any], request: Mapping[str, Any]) -> Item:
    """Return an item after an update."""
    _check_names(f"{request.get('ConditionExpression', '')} {request['UpdateExpression']}", request)
    after = dict(item)
    words = [part.strip() for part in _CLAUSE.split(request["UpdateExpression"])][1:]
    for clause, text in zip(words[::2], words[1::2], strict=True):
        for part in re.split(r",\s*(?![^(]*\))", text):
            if clause == "SET":
                name, _, value = part.partition(" = ")
                after[_name(name, request)] = _operand(item, value, request)
            elif clause == "ADD":
                name, value = part.split()
                before = item.get(_name(name, request), {"N": "0"})
                after[_name(name, request)] = _sum(before, _value(value, request))
            else:
                after.pop(_name(part, request), None)
    return after


def filtered(items: Iterable[Item], request: Mapping[str, Any]) -> list[Item]:
    """Return the items that meet the filter of a scan."""
    return [item for item in items if meets(item, {"ConditionExpression": request.get("FilterExpression"), **request})]


def key_filter(request: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
    """Return the test of a key condition: equality of the partition key, and maybe one condition on the sort key."""
    condition = request["KeyConditionExpression"]
    tests: list[Callable[[Mapping[str, Any]], bool]] = []
    if found := re.search(r"(\S+) BETWEEN (\S+) AND (\S+)", condition):
        sort = found[1]
        low, high = (plain(_value(name, request)) for name in found.groups()[1:])
        assert low <= high, "DynamoDB refuses a range that ends before it begins"
        tests.append(lambda item: sort in item and bool(low <= plain(item[sort]) <= high))
        condition = condition.replace(f" AND {found[0]}", "")
    for name, sign, value in (term.split() for term in condition.split(" AND ")):
        tests.append(_comparison(_name(name, request), sign, plain(_value(value, request))))
    return lambda item: all(test(item) for test in tests)


def _comparison(name: str, sign: str, value: Any) -> Callable[[Mapping[str, Any]], bool]:
    compare = {"=": operator.eq, "<=": operator.le, ">=": operator.ge}[sign]
    return lambda item: name in item and bool(compare(plain(item[name]), value))


def plain(value: Mapping[str, Any]) -> Any:
    """Return a typed value as Python sorts it; None for an attribute that is not there."""
    return _number(value["N"]) if "N" in value else value.get("S")


def _number(text: str) -> Decimal:
    """Read a number; DynamoDB refuses those that are too large or too small for it."""
    number = Decimal(text)
    assert not number or SMALLEST_MAGNITUDE <= number.adjusted() <= LARGEST_MAGNITUDE, f"{text} is no DynamoDB number"
    return number


def _holds(item: Mapping[str, Any], term: str, request: Mapping[str, Any]) -> bool:
    if found := re.fullmatch(r"attribute_(not_)?exists\((\S+)\)", term.strip()):
        return (_name(found[2], request) in item) != bool(found[1])
    if found := re.fullmatch(r"begins_with\((\S+), (\S+)\)", term.strip()):
        return str(plain(item.get(_name(found[1], request), {}))).startswith(str(plain(_value(found[2], request))))
    name, sign, value = term.split()
    left, right = plain(item.get(_name(name, request), {})), plain(_value(value, request))
    if left is None:
        return False
    compare = {"=": operator.eq, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}[sign]
    return bool(compare(left, right))


def _operand(item: Mapping[str, Any], text: str, request: Mapping[str, Any]) -> Any:
    if " + " in text:
        left, right = (_operand(item, part, request) for part in text.split(" + "))
        return _sum(left, right)
    if found := re.fullmatch(r"if_not_exists\((\S+), (\S+)\)", text):
        return item.get(_name(found[1], request)) or _value(found[2], request)
    return _value(text, request)


def _sum(left: Mapping[str, Any], right: Mapping[str, Any]) -> Item:
    return {"N": str(Decimal(left["N"]) + Decimal(right["N"]))}


def _name(name: str, request: Mapping[str, Any]) -> str:
    return str(request["ExpressionAttributeNames"][name]) if name.startswith("#") else name.strip()


def _value(name: str, request: Mapping[str, Any]) -> Any:
    return request["ExpressionAttributeValues"][name.strip()]


def _check_names(text: str, request: Mapping[str, Any]) -> None:
    """DynamoDB refuses names and values that an expression does not use, and empty maps of them."""
    for kind in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        if kind in request:
            assert request[kind], f"{kind} is empty"
            unused = [name for name in request[kind] if not re.search(re.escape(name) + r"\b", text)]
            assert not unused, f"{kind} has unused {unused} in {text}"
