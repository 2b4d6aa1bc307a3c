"""The syntax of update expressions, which MiniStack does not check; the messages are DynamoDB Local's.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from ministack.services import dynamodb

_FUNCTIONS = {"if_not_exists", "list_append"}
_NOT_ALLOWED = dynamodb._DDB_EXPR_FUNCTIONS - _FUNCTIONS


@lru_cache(maxsize=1024)
def mistake_in(update: str) -> str:
    """Return what is wrong with an update, regardless of its values; empty if nothing is.

    >>> mistake_in("SET score = score + :more, deep.list[0] = if_not_exists(place, :none) REMOVE #tags")
    ''
    >>> mistake_in("SET score = score + :more + :more")
    'Syntax error; token: "+", near: ":more + :more"'
    """
    try:
        _Update(update).check()
    except _Mistake as mistake:
        return str(mistake)
    return ""


class _Mistake(Exception):
    pass


class _Update:
    """Reads an update from its first token to its last; `at` is the next token."""

    def __init__(self, update: str) -> None:
        self.tokens: list[tuple[str, str]] = dynamodb._tokenize(update)
        self.at = 0

    def check(self) -> None:
        """Raise _Mistake at the first mistake."""
        actions = {"SET": self._set, "REMOVE": self._path, "ADD": self._change, "DELETE": self._change}
        seen = set()
        while not self._is("EOF"):
            section = self.tokens[self.at][1].upper()
            if section not in actions:
                self._fail()
            if section in seen:
                raise _Mistake(f'The "{section}" section can only be used once in an update expression;')
            seen.add(section)
            self.at += 1
            self._list(actions[section])

    def _list(self, read: Callable[[], None]) -> None:
        read()
        while self._is("COMMA"):
            self.at += 1
            read()

    def _set(self) -> None:
        self._path()
        self._take("EQ")
        self._value()

    def _change(self) -> None:
        self._path()
        self._take("VALUE_REF")

    def _value(self) -> None:
        if not self._is("LPAREN"):
            self._sum()
            return
        self.at += 1
        is_whole = self._sum()
        self._take("RPAREN")
        if not is_whole:
            self._addend()

    def _sum(self) -> bool:
        """Read an operand or a sum of two; return whether it is a sum."""
        self._operand()
        return self._addend()

    def _addend(self) -> bool:
        is_there = self._is("PLUS", "MINUS")
        if is_there:
            self.at += 1
            self._operand()
        return is_there

    def _operand(self) -> None:
        if self._is("LPAREN"):
            self.at += 1
            self._operand()
            self._take("RPAREN")
        elif self._is("VALUE_REF"):
            self.at += 1
        elif self._is("IDENT") and self.tokens[self.at + 1][0] == "LPAREN":
            self._function()
        else:
            self._path()

    def _function(self) -> None:
        name = self.tokens[self.at][1]
        if name in _NOT_ALLOWED:
            raise _Mistake(f"The function is not allowed in an update expression; function: {name}")
        if name not in _FUNCTIONS:
            raise _Mistake(f"Invalid function name; function: {name}")
        self.at += 2
        if name == "if_not_exists" and self._is("VALUE_REF"):
            raise _Mistake(f"Operator or function requires a document path; operator or function: {name}")
        self._operand()
        self._take("COMMA")
        self._operand()
        self._take("RPAREN")

    def _path(self) -> None:
        self._take("IDENT", "NAME_REF")
        while self._is("DOT", "LBRACKET"):
            self.at += 1
            if self.tokens[self.at - 1][0] == "DOT":
                self._take("IDENT", "NAME_REF")
            else:
                self._take("NUMBER")
                self._take("RBRACKET")

    def _is(self, *kinds: str) -> bool:
        return self.tokens[self.at][0] in kinds

    def _take(self, *kinds: str) -> None:
        if not self._is(*kinds):
            self._fail()
        self.at += 1

    def _fail(self) -> None:
        near = " ".join(text or "<EOF>" for _, text in self.tokens[max(0, self.at - 1) : self.at + 2])
        raise _Mistake(f'Syntax error; token: "{self.tokens[self.at][1] or "<EOF>"}", near: "{near}"')
