"""The events of the bus as JSON, typed. Made from docs/schemas by `make docs`; do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class UserIdentity(TypedDict):
    type: str
    principalId: str


class ExactNumber(TypedDict):
    """A number as DynamoDB wrote it."""

    N: str


class Images(TypedDict):
    """Where the whole detail of a change is that is too large for the bus."""

    bucket: str
    key: str
    sha256: str
    bytes: int
    leftOut: NotRequired[list[str]]


class RankedParticipant(TypedDict):
    id: str
    userName: NotRequired[str]
    projectScore: float


class PreviousLeader(TypedDict):
    id: str
    userName: NotRequired[str]
    projectScore: float
    rank: int | None


class FinalEntry(TypedDict):
    rank: int
    id: str
    userName: NotRequired[str]
    projectScore: float
    thenBy: NotRequired[dict[str, float | str | None]]
    attributes: NotRequired[dict[str, float | str | bool]]


Types: TypeAlias = dict[str, Literal["B", "SS", "NS", "BS"] | ExactNumber]


class TopChange(TypedDict):
    """The detail of a LeadChanged, an EnteredTop or a LeftTop."""

    schema: Literal["scorecast.standing/1"]
    id: str
    hackathonName: str
    participant: RankedParticipant
    rank: int | None
    previousRank: int | None
    previousLeader: NotRequired[PreviousLeader]
    top: int
    sequence: int
    at: str
    types: NotRequired[dict[str, ExactNumber]]


class BoardClosed(TypedDict):
    """The detail of a BoardClosed: the final standings of a board."""

    schema: Literal["scorecast.standing/1"]
    id: str
    hackathonName: str
    base: NotRequired[str]
    startsAt: NotRequired[str]
    attribute: NotRequired[str]
    entries: list[FinalEntry]
    total: int
    top: int
    at: str
    types: NotRequired[dict[str, ExactNumber]]


BoardClosedEvent = TypedDict(
    "BoardClosedEvent",
    {
        "version": str,
        "id": str,
        "detail-type": Literal["BoardClosed"],
        "source": Literal["standings.scorecast"],
        "account": str,
        "time": str,
        "region": str,
        "resources": list[str],
        "detail": BoardClosed,
    },
)


class ChangeDetail(TypedDict):
    """The detail of a change on the bus, scorecast.change/1. Later versions of it may have further fields."""

    schema: Literal["scorecast.change/1"]
    id: str
    table: str
    operation: Literal["INSERT", "MODIFY", "REMOVE", "READ"]
    keys: dict[str, Any]
    new: NotRequired[dict[str, Any]]
    old: NotRequired[dict[str, Any]]
    changed: list[str]
    sequence: str
    at: str
    userIdentity: NotRequired[UserIdentity]
    types: NotRequired[Types]
    images: NotRequired[Images]


TopEvent = TypedDict(
    "TopEvent",
    {
        "version": str,
        "id": str,
        "detail-type": Literal["LeadChanged", "EnteredTop", "LeftTop"],
        "source": Literal["standings.scorecast"],
        "account": str,
        "time": str,
        "region": str,
        "resources": list[str],
        "detail": TopChange,
    },
)


ChangeEvent = TypedDict(
    "ChangeEvent",
    {
        "version": str,
        "id": str,
        "detail-type": Literal["INSERT", "MODIFY", "REMOVE", "READ"],
        "source": Literal["update.aws.dynamodb", "operations.aws.dynamodb"],
        "account": str,
        "time": str,
        "region": str,
        "resources": list[str],
        "detail": ChangeDetail,
    },
)


ScorecastEvent: TypeAlias = ChangeEvent | TopEvent | BoardClosedEvent
