"""Event patterns: corrects MiniStack's matcher where it differs from AWS's; `patches.apply` applies the patches.

Absence is tested on the whole event, as in AWS's own matcher: https://github.com/aws/event-ruler
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ministack.services import eventbridge

from scorecast.twin.event_limits import DECIMALS, LARGEST_NUMBER
from scorecast.twin.patch import wrap

Json = dict[str, Any]

_ABSENT = {"exists": False}


def apply() -> None:
    """Apply every patch of event patterns."""
    ask_the_whole_event_for_absence()
    compare_numbers_within_the_range()


def ask_the_whole_event_for_absence() -> None:
    """MiniStack treats a field as absent if one object of a list lacks it; on AWS, all objects of the list must."""
    wrap(eventbridge, "_matches_alternative", _matches_alternative)


def _matches_alternative(original: Callable[..., bool], view: Any, conditions: Json) -> bool:
    if not _asks_for_absence(conditions):
        return original(view, conditions)
    rest = _others(conditions, [view.event_with_detail()])
    return rest is not None and (not rest or original(view, rest))


def _asks_for_absence(expected: Any) -> bool:
    if isinstance(expected, dict):
        return any(map(_asks_for_absence, expected.values()))
    return isinstance(expected, list) and _ABSENT in expected


def _others(conditions: Json, objects: list[Json]) -> Json | None:
    """Return the conditions other than those of absence; None if a condition of absence does not hold.

    `objects` are the event's objects at this place; there are several if a list is above it.
    """
    rest: Json = {}
    for name, expected in conditions.items():
        values = [one[name] for one in objects if name in one]
        left = expected
        if isinstance(expected, dict):
            left = _others(expected, [inner for value in values for inner in eventbridge._flatten(value, True)])
        elif isinstance(expected, list) and _ABSENT in expected:
            is_there = any(eventbridge._flatten(value, False) for value in values)
            left = ([one for one in expected if one != _ABSENT] or None) if is_there else {}
        if left is None:
            return None
        if left != {}:
            rest[name] = left
    return rest


def compare_numbers_within_the_range() -> None:
    """MiniStack compares every number of an event; AWS documents a range, and six decimals."""
    wrap(eventbridge, "_matches_numeric", _matches_numeric)
    eventbridge._CONTENT_MATCHERS["numeric"] = eventbridge._matches_numeric


def _matches_numeric(original: Callable[..., bool], value: Any, operand: Any) -> bool:
    return original(value, operand) and _is_comparable(value)


def _is_comparable(number: float) -> bool:
    return abs(number) <= LARGEST_NUMBER and (
        isinstance(number, int) or Decimal(str(number)) == round(Decimal(str(number)), DECIMALS)
    )
