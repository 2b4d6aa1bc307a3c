"""Boards as files: export and import."""
