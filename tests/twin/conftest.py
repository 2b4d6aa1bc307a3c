"""The deployed stack, under the name by which tests of the twin import it."""

from tests.deployed import Stack, Steps, deployed, free_port, processes_of, running

__all__ = ["Stack", "Steps", "deployed", "free_port", "processes_of", "running"]
