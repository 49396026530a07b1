"""Said: how an error and a line of ours come to the terminal, and what is said alike everywhere."""

import sys

import click


def say_error(what: str, hint: str) -> None:
    """Print what went wrong, and what to do, to stderr."""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {what}", err=True)
    if hint:
        click.echo("       " + hint.replace("\n", "\n       "), err=True)


def say_line(text: str) -> None:
    """Print a line to stdout at once, in what it can write: a program may be reading the other end."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), color=True)


def exchanges_word(count: int) -> str:
    """Return how many exchanges: "1 exchange", "2 exchanges"."""
    return "1 exchange" if count == 1 else f"{count} exchanges"
