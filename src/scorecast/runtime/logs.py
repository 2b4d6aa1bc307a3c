"""One logger for the functions. Lambda formats its lines as JSON with the request id (LoggingConfig in the template).

Logs counts, codes and ids; never the data of a change. A line about one change has the change's id, which is the same
in every function, so searching the logs for the id finds all of its lines.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

# The ids that DynamoDB gives stream records, and those of READ changes. Any other text in place of an id may be data.
_CHANGE_ID = re.compile(r"(?:read-)?[0-9a-f-]{32,36}\Z")

# On Lambda a handler is already installed, so this does nothing; elsewhere it makes log lines appear.
logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(levelname)s %(message)s")

logger = logging.getLogger("scorecast")
logger.setLevel(logging.INFO)


def loggable_id(change_id: Any) -> str:
    """Return a change's id for a log line, or `unknown` if no stream makes such an id.

    >>> loggable_id("c4ca4238a0b923820dcc509a6f75849b"), loggable_id("a name")
    ('c4ca4238a0b923820dcc509a6f75849b', 'unknown')
    """
    return change_id if isinstance(change_id, str) and _CHANGE_ID.match(change_id) else "unknown"
