"""One module for each endpoint: what it is asked, how a request is read, and what it answers."""
