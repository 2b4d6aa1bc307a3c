"""The operations of the command line on a stack, on the local twin or on AWS."""
