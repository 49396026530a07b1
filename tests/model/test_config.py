"""Config: what the command line, the config file and the docs are made from is there for every field."""

import dataclasses

import pytest

from tunnel.model.config import Config, Keep, Limits

FIELDS = [(kind, field) for kind in (Limits, Keep) for field in dataclasses.fields(kind)]


@pytest.mark.parametrize(("kind", "field"), FIELDS, ids=lambda value: getattr(value, "name", None))
def test_every_setting_has_help_a_known_unit_and_a_default_of_its_type(kind: type, field: dataclasses.Field) -> None:
    assert field.metadata["help"]
    assert not field.metadata["help"].endswith(".")
    assert field.metadata["unit"] in ("seconds", "bytes", "")
    assert isinstance(field.default, float if field.metadata["unit"] == "seconds" else int)
    assert (field.type in ("float", float)) == (field.metadata["unit"] == "seconds")


def test_a_config_says_where_to_and_has_a_safe_default_for_all_else() -> None:
    config = Config(target=None, folder="/tmp/x")

    assert config.listen.hosts == ("127.0.0.1", "::1")
    assert (config.allow_host, config.host_header, config.limits, config.keep) == ((), "", Limits(), Keep())
