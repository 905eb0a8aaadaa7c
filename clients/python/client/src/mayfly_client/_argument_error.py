"""What is raised for an argument that cannot even be put into a request."""

from __future__ import annotations


class ArgumentError(ValueError):
    """An argument that the client refuses to express; nothing was sent. For callers of the library, a ValueError.

    A class of its own, so that the command can tell what was typed wrongly from a fault of its own.
    """

    def __init__(self, problem: str, *, argument: str = "", wanted: str = "") -> None:
        """Keep the words.

        Args:
            problem: What is wrong, and with which value.
            argument: The parameter that mends it, e.g. `content_type`; the command calls it `--content-type`.
            wanted: What to give there, or instead.
        """
        super().__init__(f"{problem}: pass {argument}={wanted}" if argument else problem)
        self.problem = problem
        self.argument = argument
        self.wanted = wanted

    def for_the_command(self) -> str:
        """The message in the words of the command line."""
        if not self.argument:
            return self.problem
        return f"{self.problem}: pass --{self.argument.replace('_', '-')}{self.wanted}"
