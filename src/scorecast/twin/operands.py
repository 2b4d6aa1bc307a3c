"""Expressions that DynamoDB refuses for their operands, but MiniStack accepts; `patches.apply` applies the refusals.

The messages are DynamoDB Local's.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, dropwhile, pairwise, takewhile
from typing import Any

from ministack.services import dynamodb

from scorecast.twin.patch import wrap
from scorecast.twin.table_limits import refusal
from scorecast.twin.table_refusals import shown_path
from scorecast.twin.update_syntax import mistake_in

Json = dict[str, Any]
Response = tuple[int, Json, bytes]
Token = tuple[str, str]
Demand = tuple[str, str, tuple[str, ...]]
"""An operator or function, the name of one of its values, and the types that the value may have."""
Comparison = tuple[Any, ...]
"""An operator and the document paths that it compares, each as its tokens; the first may be empty."""

_SORTED = ("LT", "LE", "GT", "GE")
_SIGNS = ("PLUS", "MINUS")
_SORTABLE = ("S", "N", "B")
_TYPES = ("B", "BOOL", "BS", "L", "M", "N", "NS", "NULL", "S", "SS")
_ARGUMENTS = {"begins_with": ("S", "B"), "attribute_type": ("S",), "list_append": ("L",)}
_NOT_FOR_KEYS = ("contains", "size", "attribute_exists", "attribute_not_exists", "attribute_type")
_CONDITIONS = ("ConditionExpression", "FilterExpression")
_NAMES = {"IDENT", "NAME_REF"}
_PATH = {*_NAMES, "DOT", "LBRACKET", "NUMBER", "RBRACKET"}
_INCORRECT = "Incorrect operand type for operator or function; operator or function: {}, operand type: {}"


def apply() -> None:
    """Apply every refusal."""
    check_operands_before_items()
    check_operands_of_items()
    check_operators_of_keys()


def check_operands_before_items() -> None:
    """MiniStack compares, adds and joins any values, also attributes with themselves, and accepts any name of a type.

    It overlooks undefined names and values that begin with a digit, and unused ones that begin a used one.
    """
    wrap(dynamodb, "_validate_expression_attrs", _expressions_error)


def _expressions_error(original: Callable[..., Any], data: Json, fields: tuple[str, ...], *of: Any) -> Response | None:
    error: Response | None = original(data, fields, *of)
    if error is not None:
        return error
    expressions = {field: expression for field in fields if (expression := data.get(field))}
    mistakes = (
        f"Invalid {field}: {one}" for field, text in expressions.items() for one in _mistakes(field, text, data)
    )
    reason = next(chain(mistakes, _unused(expressions.values(), data)), None)
    return refusal(reason) if reason else None


def _mistakes(field: str, expression: str, data: Json) -> Iterator[str]:
    names, values = (data.get(f"ExpressionAttribute{kind}") or {} for kind in ("Names", "Values"))
    if field == "UpdateExpression" and (mistake := mistake_in(expression)):
        yield mistake
    yield from _undefined(expression, names, values)
    if field in _CONDITIONS:
        yield from _compared_with_itself(expression, names)
    if field in (*_CONDITIONS, "UpdateExpression"):
        yield from _wrong(expression, values)


def _undefined(expression: str, names: Json, values: Json) -> Iterator[str]:
    for one in _references(expression):
        if one[0] == "#" and one not in names:
            yield f"An expression attribute name used in the document path is not defined; attribute name: {one}"
        if one[0] == ":" and one not in values:
            yield f"An expression attribute value used in expression is not defined; attribute value: {one}"


def _unused(expressions: Iterable[str], data: Json) -> Iterator[str]:
    used = {*chain.from_iterable(map(_references, expressions))}
    for given in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        if unused := [one for one in data.get(given) or {} if one not in used]:
            yield f"Value provided in {given} unused in expressions: keys: {{{', '.join(unused)}}}"


@lru_cache(maxsize=1024)
def _references(expression: str) -> tuple[str, ...]:
    return tuple(text for kind, text in _tokens(expression) if kind in ("NAME_REF", "VALUE_REF"))


def _compared_with_itself(expression: str, names: Json) -> Iterator[str]:
    for operator, *paths in _comparisons(expression):
        first, *others = (dynamodb._parse_path_from_tokens(path, names) for path in paths)
        if first in others:
            yield (
                "The first operand must be distinct from the remaining operands for this operator or function; "
                f"operator: {operator}, first operand: {shown_path(first)}"
            )


@lru_cache(maxsize=1024)
def _comparisons(expression: str) -> tuple[Comparison, ...]:
    tokens = _tokens(expression)
    found = []
    for at, (_, text) in enumerate(tokens):
        if others := [path for operand in _compared(tokens, at) if (path := _path(operand))]:
            found.append((text.upper(), _path(tokens[:at][::-1])[::-1], *others))
    return tuple(found)


def _compared(tokens: Sequence[Token], at: int) -> list[Sequence[Token]]:
    """Return the tokens from each operand on with which an operator compares what is before it."""
    (kind, text), after = tokens[at], tokens[at + 1 :]
    if kind in (*_SORTED, "EQ", "NE"):
        return [after]
    if kind == "IDENT" and text.upper() == "BETWEEN":
        return [after, [*dropwhile(lambda one: one[1].upper() != "AND", after)][1:]]
    return [*_arguments(after)] if kind == "IDENT" and text.upper() == "IN" else []


def _path(tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens of the document path with which these begin; none if it is a function or a value."""
    pairs = zip(tokens, [("", ""), *tokens], strict=False)
    path = [one for one, _ in takewhile(lambda pair: pair[0][0] in _PATH and {pair[0][0], pair[1][0]} - _NAMES, pairs)]
    is_function = len(path) < len(tokens) and tokens[len(path)][0] == "LPAREN"
    return [] if is_function else path


@lru_cache(maxsize=1024)
def _tokens(expression: str) -> tuple[Token, ...]:
    return tuple(dynamodb._tokenize(expression))


def _wrong(expression: str, values: Json) -> Iterator[str]:
    for operator, name, kinds in _demands(expression):
        for kind, inner in values[name].items():
            if kind not in kinds:
                yield _INCORRECT.format(operator, kind)
            elif operator == "attribute_type" and inner not in _TYPES:
                yield f"Invalid attribute type name found; type: {inner}, valid types: {{{','.join(_TYPES)}}}"


@lru_cache(maxsize=1024)
def _demands(expression: str) -> tuple[Demand, ...]:
    tokens = _tokens(expression)
    found: list[tuple[str, Token, tuple[str, ...]]] = []
    for at, (kind, text) in enumerate(tokens):
        if kind in _SORTED:
            found += [(text, one, _SORTABLE) for one in (tokens[at - 1], tokens[at + 1])]
        elif kind in _SIGNS:
            found += [(text, one, ("N",)) for one in (tokens[at - 1], tokens[at + 1])]
        elif kind == "IDENT" and text.upper() == "BETWEEN":
            found += [("BETWEEN", one, _SORTABLE) for one in (tokens[at - 1], *tokens[at + 1 : at + 4 : 2])]
        elif kind == "IDENT" and text in _ARGUMENTS:
            found += [(text, one[0], _ARGUMENTS[text]) for one in _arguments(tokens[at + 1 :]) if len(one) == 1]
    return tuple((operator, name, kinds) for operator, (kind, name), kinds in found if kind == "VALUE_REF")


def _arguments(tokens: Sequence[Token]) -> list[list[Token]]:
    """Return the tokens of each argument in the parentheses that begin here; empty if this is an attribute's name."""
    if not tokens or tokens[0][0] != "LPAREN":
        return []
    arguments: list[list[Token]] = dynamodb._split_by_comma(tokens[1 : dynamodb._find_matching_paren(tokens, 0) or 0])
    return arguments


def _depths(tokens: list[Token]) -> Iterator[int]:
    depth = 0
    for kind, _ in tokens:
        depth += (kind == "LPAREN") - (kind == "RPAREN")
        yield depth


# ---------------------------------------------------------------- what is in the item


def check_operands_of_items() -> None:
    """MiniStack adds to values that are not numbers, joins values that are not lists, and fails for some texts.

    It does not check the default of if_not_exists if that is not needed.
    """
    wrap(dynamodb, "_eval_set_value", _set_value)
    dynamodb._ExprEval = _Evaluation


def _set_value(original: Callable[..., Any], tokens: list[Token], *of: Any) -> Any:
    for at, ((kind, text), depth) in enumerate(zip(tokens, _depths(tokens), strict=True)):
        if kind in _SIGNS and depth == 0:
            _check_kind("N", (tokens[:at], tokens[at + 1 :]), *of)
        if (kind, text) == ("IDENT", "if_not_exists") and depth == 0:
            _look_at_default(_arguments(tokens[at + 1 :]), *of)
        if (kind, text) == ("IDENT", "list_append") and depth == 0:
            _check_kind("L", _arguments(tokens[at + 1 :]), *of)
    return original(tokens, *of)


def _check_kind(kind: str, operands: Sequence[list[Token]], *of: Any) -> None:
    if not all(kind in (dynamodb._eval_set_value(one, *of) or ()) for one in operands):
        raise ValueError("An operand in the update expression has an incorrect data type")


def _look_at_default(arguments: list[list[Token]], item: Json, values: Json, names: Json) -> None:
    """Fail if the default of if_not_exists does not exist, which MiniStack checks only if it needs it."""
    if len(arguments) == 2 and dynamodb._get_at_path(item, dynamodb._parse_path_from_tokens(arguments[0], names)):
        dynamodb._eval_set_value(arguments[1], item, values, names)


class _Evaluation(dynamodb._ExprEval):  # type: ignore[misc]
    __slots__ = ()

    def _fn_begins_with(self) -> bool:
        try:
            return bool(super()._fn_begins_with())
        except ValueError as error:
            if "Incorrect operand type" in str(error):  # the value's type was checked before, so it is the attribute's
                return False
            raise


# ---------------------------------------------------------------- keys


def check_operators_of_keys() -> None:
    """MiniStack accepts operators in queries that are not allowed for keys."""
    wrap(dynamodb, "_key_condition_operand_error", _key_error)


def _key_error(original: Callable[..., Any], condition: str, values: Json) -> Response | None:
    wrong = next(_not_for_keys(condition), None)
    error: Response | None = original(condition, values)
    return error or (refusal(f"Invalid operator used in KeyConditionExpression: {wrong}") if wrong else None)


def _not_for_keys(condition: str) -> Iterator[str]:
    for (kind, text), (following, _) in pairwise(_tokens(condition)):
        is_function = kind == "IDENT" and text in _NOT_FOR_KEYS and following == "LPAREN"
        if kind == "NE" or is_function or (kind == "IDENT" and text.upper() in ("OR", "NOT")):
            yield text
