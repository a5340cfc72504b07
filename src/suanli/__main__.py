"""`python -m suanli` is `suanli`."""

from suanli.cli.main import main

main()
