"""`python -m dwell_kit.cli`."""

from dwell_kit.cli import main

main()
