"""How much faster than on AWS failures take their course: a minute between attempts there is a second on the twin."""

TIME_FACTOR = 60


def here(aws_seconds: float) -> float:
    """Return how many seconds of the twin such a wait of AWS takes."""
    return aws_seconds / TIME_FACTOR
