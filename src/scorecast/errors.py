"""Every error that Scorecast raises on purpose.

ScorecastError              one sentence: what is wrong, the value, the next step
  SettingError              a function's environment lacks a value or has a wrong one
  CannotRead                a record, event or request is not what it should be; never worth a retry
  CannotApply               a change that can never become an entry; never worth a retry
  NotAcknowledged           work was left undone; the trigger must deliver it again
  UserError                 the command line's: what the user can do about it; has an exit code
"""


class ScorecastError(Exception):
    """The base; `str()` of it is a sentence for people."""


class SettingError(ScorecastError):
    """A function's environment lacks a value or has a wrong one."""


class CannotRead(ScorecastError):
    """A record, event or request is not what it should be; a retry would fail alike."""


class CannotApply(ScorecastError):
    """A change that can never become an entry; a retry would fail alike."""


class NotAcknowledged(ScorecastError):
    """Work was left undone; raising this makes the trigger deliver it again."""


class UserError(ScorecastError):
    """A mistake or a state that the user can mend; `exit_code` is what the command ends with."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
