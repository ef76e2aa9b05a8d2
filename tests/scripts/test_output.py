"""Where reports go: a reader who leaves, a full disk, a file that is not there, a run that cannot be made."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

VALIDATE = Path(__file__).parents[2] / "scripts/validate.py"
# No deployment, no endpoint: nothing here comes so far as to ask for one.
ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@pytest.fixture
def passed(tmp_path, sample):
    """The file of a report of a run that ended well."""
    file = tmp_path / "passed.json"
    file.write_text(json.dumps(sample.made(canaries=sample.CANARIES[:1], strangers=[], exit_code=0)))
    return file


def run(*arguments, stdout=subprocess.PIPE, **environment):
    return subprocess.run(
        [sys.executable, VALIDATE, *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**ENVIRONMENT, **environment},
        timeout=60,
    )


def without_reader():
    reading, writing = os.pipe()
    os.close(reading)
    return writing


FULL = Path("/dev/full")
GONE = pytest.param(without_reader, id="a reader who has gone")
NO_ROOM = pytest.param(
    lambda: os.open(FULL, os.O_WRONLY),
    id="a full disk",
    marks=pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here"),
)


@pytest.mark.parametrize("where", [GONE, NO_ROOM])
@pytest.mark.parametrize("what", ["table", "json", "permissions"])
def test_what_nobody_could_read_is_no_pass_and_no_finding(passed, where, what):
    arguments = ("permissions", "sweep") if what == "permissions" else ("show", passed, "--format", what)
    descriptor = where()

    done = run(*arguments, stdout=descriptor)

    os.close(descriptor)
    assert done.returncode == 3
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("validate.py: cannot write the ")


def test_formats_for_programs_are_utf_8_whatever_the_terminal_is(passed):
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    done = run("show", passed, "--format", "github", **plain)

    assert done.returncode == 0, done.stderr
    assert "✅" in done.stdout.decode()


@pytest.mark.parametrize(
    ("option", "file", "said"),
    [
        ("--json", "not/there.json", "No such file or directory"),
        ("--html", ".", "Is a directory"),
        ("--baseline", "last.json", "No such file or directory"),
        ("--baseline", "binary", "not text"),
        ("--check", "passed.json", "not a report of check.py"),
    ],
)
def test_a_file_that_will_not_do_is_told_before_the_run(passed, option, file, said):
    (passed.parent / "binary").write_bytes(b"\xff\xfe")

    done = run("canary", option, passed.parent / file)

    assert done.returncode == 3
    assert done.stdout == b""
    assert said in done.stderr.decode()


def test_a_run_that_could_not_be_made_says_so_in_every_report(passed, tmp_path, report):
    """Else the file of an earlier run would be read as this one's."""
    junit = tmp_path / "run.xml"

    done = run("canary", "--json", passed, "--junit", junit, "--format", "github", AWS_PROFILE="nobody")

    assert done.returncode == 3
    found = report(passed.read_text())
    assert (found["exit_code"], found["interpreters"]) == (3, [])
    [one] = found["strangers"]
    assert (one["kind"], "could not run: ProfileNotFound" in one["detail"]) == ("unknown", True)
    assert 'failures="0" errors="1"' in junit.read_text()
    assert "nobody" in done.stdout.decode()


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("--endpoint-url", "localhost"), {}, "Invalid endpoint: localhost"),
        ((), {"AWS_MAX_ATTEMPTS": "many"}, "invalid literal"),
        ((), {"AWS_REGION": ""}, "You must specify a region"),
    ],
)
def test_settings_that_are_wrong_are_no_bug(arguments, environment, said):
    done = run("canary", *arguments, **{"AWS_REGION": "us-east-1", **environment})

    assert done.returncode == 3
    assert said in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


@pytest.mark.parametrize("command", ["preflight", "canary", "sweep", "all", "show", "permissions"])
def test_each_commands_help_says_what_it_does_and_shows_how(command):
    text = run(command, "--help").stdout.decode()

    description = text.partition("\n\n")[2].partition("\n\n")[0]
    assert len(description) > 60
    assert f"validate.py {command}" in text.partition("examples:")[2]
