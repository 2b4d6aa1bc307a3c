"""DynamoDB's expressions, as far as Scorecast uses them: conditions without brackets, updates, and key conditions."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from scorecast.runtime.numbers import is_dynamodb_number

Item = dict[str, Any]

_CLAUSE = re.compile(r"\b(SET|ADD|REMOVE)\b")


def meets(item: Mapping[str, Any] | None, request: Mapping[str, Any]) -> bool:
    """Whether an item (None if there is none) meets the condition of a request that writes it."""
    condition = request.get("ConditionExpression")
    if not condition:
        return True
    _check_names(f"{condition} {request.get('UpdateExpression', '')}", request)
    return any(all(_holds(item or {}, *term, request) for term in terms) for terms in _alternatives(condition))


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
    condition, tests = request["KeyConditionExpression"], []
    if found := re.search(r"(\S+) BETWEEN (\S+) AND (\S+)", condition):
        tests.append(_between(found[1], *(plain(_value(name, request)) for name in found.groups()[1:])))
        condition = condition.replace(f" AND {found[0]}", "")
    (name, equals, value), *more = (term.split() for term in condition.split(" AND "))
    assert equals == "=", f"{condition} does not begin with the partition key"
    tests += [_comparison(_name(name, request), sign, plain(_value(value, request))) for name, sign, value in more]
    name, value = _name(name, request), _value(value, request)
    return lambda item: item.get(name) == value and all(test(item) for test in tests)


def _between(name: str, low: Any, high: Any) -> Callable[[Mapping[str, Any]], bool]:
    assert low <= high, "DynamoDB refuses a range that ends before it begins"
    return lambda item: name in item and bool(low <= plain(item[name]) <= high)


def _comparison(name: str, sign: str, value: Any) -> Callable[[Mapping[str, Any]], bool]:
    compare = _COMPARE[sign]
    return lambda item: name in item and bool(compare(plain(item[name]), value))


def plain(value: Mapping[str, Any]) -> Any:
    """Return a typed value as Python sorts it; None for an attribute that is not there."""
    return _number(value["N"]) if "N" in value else value.get("S")


@lru_cache(maxsize=10_000)
def _number(text: str) -> Decimal:
    number = Decimal(text)
    assert is_dynamodb_number(number), f"{text} is no DynamoDB number"
    return number


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


@lru_cache(maxsize=1000)
def _alternatives(condition: str) -> list[list[tuple[str, str, str]]]:
    """Read a condition once: alternatives of terms, each of an operation and its two operands."""
    return [[_term(term.strip()) for term in part.split(" AND ")] for part in condition.split(" OR ")]


def _term(term: str) -> tuple[str, str, str]:
    if found := re.fullmatch(r"(attribute_(?:not_)?exists)\((\S+)\)", term):
        return found[1], found[2], ""
    if found := re.fullmatch(r"begins_with\((\S+), (\S+)\)", term):
        return "begins_with", found[1], found[2]
    name, sign, value = term.split()
    return sign, name, value


def _holds(item: Mapping[str, Any], operation: str, name: str, value: str, request: Mapping[str, Any]) -> bool:
    attribute = item.get(_name(name, request))
    if operation.startswith("attribute_"):
        return (attribute is not None) != (operation == "attribute_not_exists")
    left, right = plain(attribute or {}), plain(_value(value, request))
    if operation == "begins_with":
        return str(left).startswith(str(right))
    return left is not None and bool(_COMPARE[operation](left, right))


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
            unused = request[kind].keys() - _names(text)
            assert not unused, f"{kind} has unused {unused} in {text}"


@lru_cache(maxsize=1000)
def _names(text: str) -> frozenset[str]:
    """The names and values that an expression uses."""
    return frozenset(re.findall(r"[#:]\w+", text))
