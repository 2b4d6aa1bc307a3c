"""Realistic changes at a chosen rate."""
