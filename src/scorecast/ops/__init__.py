"""The command line's operations on a stack, on the local twin or on AWS."""
