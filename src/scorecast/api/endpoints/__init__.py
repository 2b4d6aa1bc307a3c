"""One module for each endpoint: its query, how it reads a request, and what it answers."""
