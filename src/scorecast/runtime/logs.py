"""One logger for the functions. Lambda formats its lines as JSON with the request id (LoggingConfig in the template).

Never logs a change's data: what is logged are counts, codes and ids.
"""

import logging
import sys

# Lambda has installed its handler by now and this does nothing; elsewhere it makes lines appear.
logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(levelname)s %(message)s")

logger = logging.getLogger("scorecast")
logger.setLevel(logging.INFO)
