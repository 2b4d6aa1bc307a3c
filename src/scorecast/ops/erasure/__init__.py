"""Erasure: find everything that a stack holds about one participant, and remove it."""
