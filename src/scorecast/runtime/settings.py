"""The settings that each function reads from its environment, once. Pure.

Errors name the variable, its value and the allowed values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scorecast.errors import SettingError


@dataclass(frozen=True, slots=True)
class AttributeNames:
    """The attributes of the main table that a leaderboard needs; `shown` names the ones that entries display."""

    id: str = "id"
    metadata: str = "metadata"
    score: str = "projectScore"
    board: str = "hackathonName"
    name: str = "userName"
    shown: tuple[str, ...] = ()

    @property
    def needed(self) -> tuple[str, ...]:
        """The names of all of them, without duplicates."""
        return tuple(dict.fromkeys((self.id, self.metadata, self.score, self.board, self.name, *self.shown)))


@dataclass(frozen=True, slots=True)
class Bus:
    """Where changes are published: the bus, the bucket for images too large for it, and the attribute names."""

    name: str
    bucket: str
    attributes: AttributeNames


@dataclass(frozen=True, slots=True)
class FanoutSettings:
    """FanoutLambda's settings; `max_attempts` counts the first attempt too."""

    bus: Bus
    dead_letter_queue_url: str
    max_attempts: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> FanoutSettings:
        """Read the settings; SettingError names a missing or wrong one."""
        return cls(
            bus=Bus(
                name=_text(environment, "EVENT_BUS_NAME"),
                bucket=_text(environment, "BACKUP_BUCKET"),
                attributes=_attributes(environment),
            ),
            dead_letter_queue_url=_text(environment, "DEAD_LETTER_QUEUE_URL"),
            max_attempts=_number(environment, "EVENT_BRIDGE_MAX_ATTEMPT", at_least=1),
        )


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    """ConsumerLambda's settings."""

    leaderboard_table: str
    board_table: str
    dead_letter_queue_url: str
    consumer_queue_url: str
    attributes: AttributeNames

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> ConsumerSettings:
        """Read the settings; SettingError names a missing or wrong one."""
        return cls(
            leaderboard_table=_text(environment, "LEADERBOARD_TABLE"),
            board_table=_text(environment, "BOARD_TABLE"),
            dead_letter_queue_url=_text(environment, "DEAD_LETTER_QUEUE_URL"),
            consumer_queue_url=_text(environment, "CONSUMER_QUEUE_URL"),
            attributes=_attributes(environment),
        )


@dataclass(frozen=True, slots=True)
class AnnouncementSettings:
    """ConsumerLambda's settings for standing events; a `top_size` of 0 means that none are published."""

    leaderboard_index: str
    leaderboard_tie_index: str
    bus_name: str
    top_size: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> AnnouncementSettings:
        """Read the settings; SettingError names a missing or wrong one."""
        return cls(
            leaderboard_index=_text(environment, "LEADERBOARD_INDEX"),
            leaderboard_tie_index=_text(environment, "LEADERBOARD_TIE_INDEX"),
            bus_name=_text(environment, "EVENT_BUS_NAME"),
            top_size=_number(environment, "STANDING_EVENTS_TOP", at_least=0),
        )


@dataclass(frozen=True, slots=True)
class UpkeepSettings:
    """ConsumerLambda's settings for the upkeep of the counting index: the names of the leaderboard table's indexes."""

    leaderboard_index: str
    leaderboard_tie_index: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> UpkeepSettings:
        """Read the settings; SettingError names a missing one."""
        return cls(
            leaderboard_index=_text(environment, "LEADERBOARD_INDEX"),
            leaderboard_tie_index=_text(environment, "LEADERBOARD_TIE_INDEX"),
        )


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """LeaderGet's settings; `page_token_key` signs the `next` tokens."""

    leaderboard_table: str
    leaderboard_index: str
    leaderboard_tie_index: str
    board_table: str
    page_token_key: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> ApiSettings:
        """Read the settings; SettingError names a missing or wrong one."""
        return cls(
            leaderboard_table=_text(environment, "LEADERBOARD_TABLE"),
            leaderboard_index=_text(environment, "LEADERBOARD_INDEX"),
            leaderboard_tie_index=_text(environment, "LEADERBOARD_TIE_INDEX"),
            board_table=_text(environment, "BOARD_TABLE"),
            page_token_key=_text(environment, "PAGE_TOKEN_KEY"),
        )


def _attributes(environment: Mapping[str, str]) -> AttributeNames:
    return AttributeNames(
        id=_text(environment, "ID_ATTRIBUTE"),
        metadata=_text(environment, "METADATA_ATTRIBUTE"),
        score=_text(environment, "SCORE_ATTRIBUTE"),
        board=_text(environment, "BOARD_ATTRIBUTE"),
        name=_text(environment, "NAME_ATTRIBUTE"),
        shown=read_names(environment.get("SHOW_ATTRIBUTES", "")),
    )


def read_frame_ancestors(environment: Mapping[str, str]) -> str:
    """Read which sites may show the page in a frame, as a content security policy lists them; none by default."""
    return environment.get("FRAME_ANCESTORS") or "'none'"


def read_names(text: str) -> tuple[str, ...]:
    """Read comma-separated names, without duplicates."""
    return tuple(dict.fromkeys(name for name in text.split(",") if name))


def _text(environment: Mapping[str, str], key: str) -> str:
    value = environment.get(key, "")
    if not value:
        raise SettingError(f"The environment variable {key} is not set; the template sets it on the function.")
    return value


def _number(environment: Mapping[str, str], key: str, *, at_least: int) -> int:
    text = _text(environment, key)
    if not (text.isascii() and text.isdigit() and int(text) >= at_least):
        raise SettingError(f"The environment variable {key} is {text!r}; it must be a whole number from {at_least} up.")
    return int(text)
