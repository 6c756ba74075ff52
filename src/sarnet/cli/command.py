"""What every command of the program does before its own work."""

from typing import Any

from typer.core import TyperCommand, TyperOption

from sarnet.errors import InputError


class Command(TyperCommand):
    """A command that refuses an option given twice, of which only the last would count.

    Those used to ANTs join transforms so, and would get another image than they meant.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # click's, or typer's own copy of it
        """Parse what was typed.

        Raises:
            InputError: If an option that is taken once was given again.
        """
        _, _, given = self.make_parser(ctx).parse_args(list(args))
        for option in given:
            is_read_once = isinstance(option, TyperOption) and not option.multiple and not option.is_flag
            if is_read_once and given.count(option) > 1:
                names = "/".join(option.opts)
                raise InputError(f"{names} was given {given.count(option)} times, but is read once: give one")
        return super().parse_args(ctx, args)
