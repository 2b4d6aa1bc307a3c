"""Scorecast: every change of a DynamoDB table on a bus, and exact leaderboards kept from it."""

__version__ = "0.1.0"
