"""How much faster than on AWS retries are: a minute between attempts there is a second on the twin."""

TIME_FACTOR = 60


def here(aws_seconds: float) -> float:
    """Return how many seconds such a wait on AWS takes on the twin."""
    return aws_seconds / TIME_FACTOR
