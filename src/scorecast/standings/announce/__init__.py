"""Leaderboard to bus: standing events about the top of each board."""
