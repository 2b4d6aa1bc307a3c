"""One logger for the functions. Lambda formats its lines as JSON with the request id (LoggingConfig in the template).

Logs counts, codes and ids; never the data of a change.
"""

import logging
import sys

# On Lambda a handler is installed already and this does nothing; elsewhere it makes lines appear.
logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(levelname)s %(message)s")

logger = logging.getLogger("scorecast")
logger.setLevel(logging.INFO)
