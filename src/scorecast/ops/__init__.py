"""What the command line does on any stack, on the local twin or on AWS: read boards, write scores, manage consumers."""
