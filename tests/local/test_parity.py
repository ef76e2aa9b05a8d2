"""docs/parity.md says what the tests say."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARITY = ROOT / "tests/parity.py"


def test_the_page_is_current():
    done = subprocess.run([sys.executable, PARITY, "--check"], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("mark", "complaint"),
    [
        ('parity("It does", seen="recorded")', "found by=None, expected one of agentcore_demo"),
        ('parity("It does", seen="recorded", by="hearsay")', "found by='hearsay'"),
        ('parity("It does", seen="surely")', "found 'surely', expected seen= one of recorded"),
        ('parity("It does", seen="unrecorded", by="cwe")', "by='cwe' with seen='unrecorded'"),
        ('parity(seen="model")', "expected parity(behaviour, seen=…, by=…)"),
    ],
)
def test_a_mark_that_is_not_whole_is_refused(tmp_path, mark, complaint):
    """Given to the reader as a test file of a known area."""
    file = tmp_path / "service/test_sessions.py"
    file.parent.mkdir()
    file.write_text(f"import pytest\n\n\n@pytest.mark.{mark}\ndef test_it():\n    pass\n")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\nimport parity, pathlib\n"
        "try: parity.behaviours(pathlib.Path(sys.argv[2]))\nexcept ValueError as error: print(error)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, PARITY.parent, tmp_path], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("test_sessions.py: test_it: ")
    assert complaint in done.stdout
