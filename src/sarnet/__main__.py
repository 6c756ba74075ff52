"""``python -m sarnet``: the program, where its folder of scripts is not on the path."""

from sarnet.cli.main import main

main()
