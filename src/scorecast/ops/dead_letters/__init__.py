"""The dead-letter queue: read letters of every format, and send them back to where they belong."""
