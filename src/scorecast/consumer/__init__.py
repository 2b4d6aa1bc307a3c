"""The library for consumers of the bus, in Python: the events, typed."""
