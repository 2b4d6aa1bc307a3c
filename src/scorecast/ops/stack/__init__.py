"""A deployed stack as commands reach it: clients, outputs, errors, waiting."""
