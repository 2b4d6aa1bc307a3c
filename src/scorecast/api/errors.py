"""The API's one error: a status, a sentence for people, and the parameter it is about."""

from __future__ import annotations

from scorecast.errors import ScorecastError


class ApiError(ScorecastError):
    """An error that only the handler turns into an answer: application/problem+json (RFC 9457)."""

    def __init__(self, status: int, detail: str, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.parameter = parameter
