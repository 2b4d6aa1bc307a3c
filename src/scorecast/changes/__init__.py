"""A change and how it travels: from a stream record to an event, and past the bus's size limit."""
