"""The dead-letter queue: reading every format of letter, and sending letters back to where they belong."""
