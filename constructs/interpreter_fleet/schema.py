"""Write fleet.schema.json, which editors check fleet.yaml against: `python -m interpreter_fleet.schema`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from interpreter_fleet.spec import json_schema


def schema_text() -> str:
    """The whole file, as it is written."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit 0 when the file is written, 2 when it cannot be."""
    parser = argparse.ArgumentParser(
        prog="python -m interpreter_fleet.schema",
        description="Write the JSON schema of fleet.yaml. Editors read it through the file's first line:"
        " '# yaml-language-server: $schema=fleet.schema.json'.",
    )
    parser.add_argument(
        "path", nargs="?", type=Path, default=Path("fleet.schema.json"), help="default: %(default)s"
    )
    path: Path = parser.parse_args(argv).path
    try:
        path.write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        print(f"{path}: {error.strerror}", file=sys.stderr)
        return 2
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
