"""fleet.schema.json is generated, current, and agrees with the example fleet."""

import json
from pathlib import Path

import yaml

from interpreter_fleet.schema import main, schema_text

ROOT = Path(__file__).parents[2]


def test_the_schema_in_the_repository_is_current():
    """After a change of the spec: `make docs`."""
    assert (ROOT / "fleet.schema.json").read_text() == schema_text()


def test_every_key_of_the_schema_is_explained():
    schema = json.loads(schema_text())
    models = [schema, *(d for d in schema["$defs"].values() if "properties" in d)]

    assert [key for m in models for key, value in m["properties"].items() if "description" not in value] == []
    assert all(m["additionalProperties"] is False for m in models)


def test_the_example_fleet_points_editors_to_the_schema():
    text = (ROOT / "fleet.yaml").read_text()

    assert text.splitlines()[0] == "# yaml-language-server: $schema=fleet.schema.json"
    assert set(yaml.safe_load(text)) <= set(json.loads(schema_text())["properties"])


def test_the_schema_is_written_where_asked(tmp_path, capsys):
    assert main([str(tmp_path / "s.json")]) == 0
    assert (tmp_path / "s.json").read_text() == schema_text()
    assert main([str(tmp_path / "none" / "s.json")]) == 2
    assert capsys.readouterr().err.endswith("s.json: No such file or directory\n")
