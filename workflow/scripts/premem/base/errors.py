"""Errors that the user can correct."""


class UserError(Exception):
    """A bad input. The message names the file, the key or row, and a fix; it is shown without a traceback."""
