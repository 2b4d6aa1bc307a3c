"""Every error that Scorecast raises on purpose.

ScorecastError              one sentence: what is wrong, the value, the next step
  SettingError              a function's environment lacks a value or has a wrong one
  CannotRead                a record, event or request is malformed; a retry fails too
  CannotApply               a change can never become an entry; a retry fails too
  NotAcknowledged           work is not done; the trigger must deliver it again
    NotStored               S3 refused a document (changes/claim_store.py)
  UserError                 of the command line: tells the user what to do; has an exit code
"""


class ScorecastError(Exception):
    """The base class; its `str()` is a sentence for people."""


class SettingError(ScorecastError):
    """A function's environment lacks a value or has a wrong one."""


class CannotRead(ScorecastError):
    """A record, event or request is malformed; a retry fails too."""


class CannotApply(ScorecastError):
    """A change can never become an entry; a retry fails too."""


class NotAcknowledged(ScorecastError):
    """Work is not done; raising this makes the trigger deliver it again."""


class UserError(ScorecastError):
    """A mistake or a state that the user can fix; `exit_code` is the exit code of the command."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
