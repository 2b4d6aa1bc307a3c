"""A deployed stack as the commands reach it: clients, outputs, errors, waiting."""
