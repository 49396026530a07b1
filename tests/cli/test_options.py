"""Options: every field of the config is a flag with help and a check."""

import dataclasses

import click
import pytest
from click.testing import CliRunner, Result

from tunnel.cli.main import tunnel
from tunnel.cli.options import Settings, chosen, settings
from tunnel.model.config import KIB, Keep, Limits

BASE = Limits(wait=9), Keep(age=9)


@click.command(cls=Settings)
@click.option("--listen", help="Where to.")
@settings
@click.pass_context
def command(context: click.Context, **given: object) -> None:
    """Do it."""
    context.obj.append(chosen(given, *BASE))


def run(*words: str) -> tuple[Result, list]:
    got: list = []
    return CliRunner().invoke(command, words, obj=got), got


def test_without_flags_the_base_holds() -> None:
    assert run()[1] == [BASE]


@pytest.mark.parametrize(
    ("flags", "limits", "keep"),
    [
        (["--wait", "300ms"], {"wait": 0.3}, {}),
        (["--first-byte", "10m", "--head-size", "128KiB"], {"first_byte": 600.0, "head_size": 128 * KIB}, {}),
        (["--keep-age", "1d", "--keep-body-size", "0"], {}, {"age": 86400.0, "body_size": 0}),
        (["--pool-size", "5", "--wait", "0"], {"pool_size": 5, "wait": 0.0}, {}),
        (["--keep-secrets"], {}, {"secrets": True}),
    ],
)
def test_what_is_given_is_laid_over_the_base(flags: list[str], limits: dict, keep: dict) -> None:
    _, got = run(*flags)

    assert got == [(dataclasses.replace(BASE[0], **limits), dataclasses.replace(BASE[1], **keep))]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--wait", "soon"], "'soon' is not a duration; write it like 300ms, 2s, 5m or 1h"),
        (["--wait", "-1"], "is not a duration"),
        (["--head-size", "5 apples"], "'5 apples' is not a size; write it like 64KiB, 10mb or 1g"),
        (["--head-size", "9" * 400], "is not a size"),
        (["--pool-size", "0"], "0 is not in the range x>=1"),
        (["--pool-size", "two"], "'two' is not a valid integer"),
        (["--frist-byte", "1"], "there is no option --frist-byte; did you mean --first-byte?"),
        (["--listne=1"], "there is no option --listne; did you mean --listen?"),
        (["--qqqqqqqqqq"], "there is no option --qqqqqqqqqq"),
    ],
)
def test_what_is_wrong_is_refused_with_the_cure(flags: list[str], said: str) -> None:
    result, got = run(*flags)

    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert not got


def test_help_shows_every_setting_with_its_default_under_its_heading() -> None:
    result, _ = run("--help")
    text = " ".join(result.output.split())

    assert text.index("Options:") < text.index("Limits:") < text.index("Recording:")
    assert text.index("--listen") < text.index("Limits:")
    for kind, prefix in ((Limits, "--"), (Keep, "--keep-")):
        for field in dataclasses.fields(kind):
            assert prefix + field.name.replace("_", "-") in text
            help_text = field.metadata["help"]
            assert help_text[:1].upper() + help_text[1:] in text
    assert "[64 KiB]" in text
    assert "[5 min]" in text


def test_help_has_no_row_that_says_nothing():
    """An argument has one for click, and its words stand in the text above."""
    said = CliRunner().invoke(tunnel, ["share", "--help"]).output

    assert "TARGET as in" in said
    assert not [line for line in said.splitlines() if line.strip() in ("[TARGET]", "TARGET")]
