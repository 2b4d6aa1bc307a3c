"""Leaderboard to people: LeaderGet."""
