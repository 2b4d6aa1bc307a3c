"""Event patterns and events, drawn at random, and what AWS's own matcher answers for them.

`event_ruler_answers.json`, beside the test, has the answers of https://github.com/aws/event-ruler, which EventBridge is
built on. To draw again, or to ask a newer version, build its jar, collect the jars that it depends on, and run

    python -m tests.support.event_patterns 'event-ruler.jar:jackson-core.jar:...'

It needs Java; the test itself does not.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.draw import Draw

ANSWERS = Path(__file__).parents[1] / "unit" / "twin" / "event_ruler_answers.json"
_ASK = Path(__file__).with_name("AskEventRuler.java")
SEED, PATTERNS, EVENTS = 20261126, 1200, 32

Json = dict[str, Any]


class Drawing(Draw):
    """Draws events as the bus has them, and patterns that match some of them, or that EventBridge refuses."""

    TEXTS = ("", "a", "A", "ab", "abc", "StarWar", "starwar", "Star", "ß", "SS", "a*b", "a\\b", "5", "true")
    NUMBERS = (0, 1, 5, 90, 90.5, -3, 1.0, 0.000001, 5_000_000_000, 1e2, 90.000001)
    NAMES = ("name", "score", "tags", "deep", "other")

    def event(self) -> Json:
        """Draw an event: what EventBridge adds, and a detail."""
        detail: Json = {"keys": {"id": self.of(self.TEXTS)}}
        for image in ("old", "new"):
            if self.chance(0.7):
                detail[image] = self._object(2)
        if self.chance(0.5):
            detail["changed"] = [name for name in self.NAMES if self.chance(0.4)]
        return {
            "version": "0",
            "id": "id",
            "detail-type": self.of(("INSERT", "MODIFY", "REMOVE")),
            "source": self.of(("update.aws.dynamodb", "operations.aws.dynamodb")),
            "account": "000000000000",
            "time": "2026-01-01T00:00:00Z",
            "region": "us-east-1",
            "resources": [],
            "detail": detail,
        }

    def pattern(self) -> Json:
        """Draw a pattern of one or two conditions, of the envelope or the detail, perhaps with alternatives."""
        if self.chance(0.15):
            return {"detail": {"$or": [self._conditions(1) for _ in range(1 + self.below(3))]}}
        pattern: Json = {}
        if self.chance(0.2):
            pattern["detail-type"] = self._leaf(("INSERT", "MODIFY", "insert"))
        if self.chance(0.05):
            pattern["unknown"] = [{"exists": self.chance(0.5)}]
        if self.chance(0.2):
            pattern["detail"] = {"changed": self._leaf(self.NAMES)}
        else:
            pattern["detail"] = {self.of(("new", "new", "old")): self._conditions(2)}
        return pattern

    # ---------------------------------------------------------------- events

    def _object(self, levels: int) -> Json:
        return {name: self._value(name, levels) for name in self.NAMES if self.chance(0.75)}

    def _value(self, name: str, levels: int) -> Any:
        if name == "deep" and levels:
            return self.of((self._object(levels - 1), [self._object(levels - 1), self._object(levels - 1)], []))
        if name == "tags":
            return [self._scalar() for _ in range(self.below(4))]
        if name == "score":
            return self.of(self.NUMBERS)
        return self.of(self.TEXTS) if name == "name" else self._scalar()

    def _scalar(self) -> Any:
        return self.of((self.of(self.TEXTS), self.of(self.NUMBERS), True, False, None))

    # ---------------------------------------------------------------- patterns

    def _conditions(self, levels: int) -> Json:
        conditions: Json = {}
        for _ in range(1 + self.chance(0.3)):
            name = self.of(self.NAMES)
            if name == "deep" and levels:
                conditions[name] = self._conditions(levels - 1)
            elif self.chance(0.08) and levels:
                conditions["$or"] = [self._conditions(0), self._conditions(0)]
            else:
                conditions[name] = self._leaf(self.NUMBERS if name == "score" else self.TEXTS)
        return conditions

    def _leaf(self, values: tuple[Any, ...]) -> list[Any]:
        return [self._matcher(values) for _ in range(1 + self.chance(0.2))]

    def _matcher(self, values: tuple[Any, ...]) -> Any:
        kinds: tuple[Callable[[], Any], ...] = (
            lambda: self.of(values),
            self._scalar,
            lambda: {"exists": self.chance(0.5)},
            lambda: {"prefix": self._affix()},
            lambda: {"suffix": self._affix()},
            lambda: {"equals-ignore-case": self.of(self.TEXTS)},
            lambda: {"wildcard": self._wildcard()},
            lambda: {"anything-but": self._other_than(values)},
            lambda: {"numeric": self._comparison()},
            lambda: {"numeric": self._comparison()},
        )
        return self.of(kinds)()

    def _affix(self) -> Any:
        text = self.of(self.TEXTS)[: self.below(5)]
        return {"equals-ignore-case": text} if self.chance(0.3) else text

    def _wildcard(self) -> str:
        text = self.of(self.TEXTS)
        cut = self.below(len(text) + 1)
        wildcard: str = self.of((f"{text[:cut]}*{text[cut + 1 :]}", f"*{text[cut:]}", f"{text[:cut]}*", text))
        return wildcard

    def _other_than(self, values: tuple[Any, ...]) -> Any:
        nested = {
            "prefix": self.of(self.TEXTS),
            "suffix": self.of(self.TEXTS),
            "equals-ignore-case": self.of(self.TEXTS),
            "wildcard": self._wildcard(),
        }
        name = self.of(tuple(nested))
        inner = [nested[name], self.of(self.TEXTS)] if self.chance(0.3) else nested[name]
        return self.of((self.of(values), [self.of(values), self.of(values)], {name: inner}, self._scalar()))

    def _comparison(self) -> list[Any]:
        least, most = sorted((self.of(self.NUMBERS), self.of(self.NUMBERS)))
        one = [self.of((">", ">=", "<", "<=", "=")), least]
        between = [self.of((">", ">=")), least, self.of(("<", "<=")), most]
        comparison: list[Any] = self.of((one, one, between, [*one, "<", most]))
        return comparison


def ask(class_path: str, patterns: list[str], events: list[str]) -> list[str]:
    """Return AWS's answer for each pattern: a digit for each event, 1 if it matches, or the words of a refusal."""
    lines = "".join(json.dumps({"pattern": pattern, "events": events}) + "\n" for pattern in patterns)
    asked = subprocess.run(
        ["java", "-cp", class_path, _ASK], input=lines, capture_output=True, text=True, check=True, encoding="utf-8"
    )
    return asked.stdout.splitlines()


def main() -> None:
    """Draw, ask, and write the answers."""
    drawing = Drawing(SEED)
    events = [json.dumps(drawing.event()) for _ in range(EVENTS)]
    patterns = sorted({json.dumps(drawing.pattern()) for _ in range(PATTERNS)})
    answers = zip(patterns, ask(sys.argv[1], patterns, events), strict=True)
    ANSWERS.write_text(
        json.dumps({"events": events, "answers": dict(answers)}, indent=0, ensure_ascii=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
