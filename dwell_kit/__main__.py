"""`python -m dwell_kit` is `dwell`."""

from dwell_kit.cli import main

main()
