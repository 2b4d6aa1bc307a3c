"""The dead-letter queue: read every format of letter, and send letters back to where they belong."""
