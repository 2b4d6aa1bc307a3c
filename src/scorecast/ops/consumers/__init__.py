"""Consumers of the bus: rules that users add, with targets and permissions."""
