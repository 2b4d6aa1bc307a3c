"""Boards as the commands see them: policies, scores, the API."""
