"""`python -m scorecast.cli` is `scorecast`."""

from scorecast.cli import main

main()
