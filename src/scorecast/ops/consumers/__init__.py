"""Consumers of the bus: rules that users add, with all that they need."""
