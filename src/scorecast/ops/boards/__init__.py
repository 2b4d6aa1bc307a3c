"""Boards as commands use them: policies, scores, the API."""
