"""Given a package that pip can find, the session has it, and nobody else."""

import base64
import io
import zipfile
from dataclasses import replace

import pytest

from interpreter_local.sandbox import open_sandbox
from interpreter_local.sandbox.capabilities import PACKAGES

PIP = "pip install --disable-pip-version-check --no-index"


@pytest.fixture(autouse=True)
def _own_packages(capabilities):
    if PACKAGES not in capabilities.enforced:
        pytest.skip("sessions have no packages of their own here")


@pytest.fixture
def wheel(invoke):
    """`wheel(name, version)` → the name of a file in the workspace: a module and a command of that name."""

    def write(name, version):
        about = f"{name}-{version}.dist-info"
        files = {
            f"{name}.py": f"__version__ = '{version}'\ndef main(): print('{name} {version}')\n",
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
            f"{about}/RECORD": "",
        }
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
        path = f"{name}-{version}-py3-none-any.whl"
        blob = base64.b64encode(packed.getvalue()).decode()
        assert not invoke("writeFiles", content=[{"path": path, "blob": blob}])["isError"]
        return path

    return write


def python(invoke, code):
    return invoke("executeCode", code=code)["structuredContent"]


def shell(invoke, command):
    done = invoke("executeCommand", command=command)["structuredContent"]
    return done["exitCode"], (done["stdout"] + done["stderr"]).replace("\r\n", "\n")


@pytest.mark.parity(
    "pip install of a package that can be had: exit 0, `Successfully installed …`",
    seen="recorded",
    by="agentcore_demo",
)
def test_a_package_that_is_installed_can_be_used_at_once(invoke, wheel):
    assert "ModuleNotFoundError" in python(invoke, "import fresh")["stderr"]

    code, said = shell(invoke, f"{PIP} ./{wheel('fresh', '1.0')}")

    assert (code, said.splitlines()[-1]) == (0, "Successfully installed fresh-1.0")
    assert python(invoke, "import fresh; print(fresh.__version__)")["stdout"] == "1.0"
    assert shell(invoke, "fresh") == (0, "fresh 1.0\n")
    assert shell(invoke, "python -c 'import fresh'") == (0, "")
    # Still there when the kernel is another one.
    assert python(invoke, "import os; os._exit(1)")["exitCode"] == 1
    assert python(invoke, "import fresh; print(fresh.__version__)")["stdout"] == "1.0"
    assert shell(invoke, "pip uninstall -y fresh && fresh")[0] == 127


@pytest.mark.parametrize("name", ["six", "jmespath", pytest.param("numpy", marks=pytest.mark.slow)])
def test_a_package_that_is_there_can_be_replaced(invoke, wheel, name):
    """A module, one with a command, one with libraries of its own; each in a new session."""
    assert shell(invoke, f"python -c 'import {name}; print({name}.__version__)'")[1] != "99.0\n"

    code, said = shell(invoke, f"{PIP} --upgrade ./{wheel(name, '99.0')}")

    assert code == 0, said
    assert f"Successfully installed {name}-99.0" in said
    assert shell(invoke, f"python -c 'import {name}; print({name}.__version__)'") == (0, "99.0\n")


def test_a_package_goes_where_pip_is_told(invoke, wheel):
    assert shell(invoke, f"{PIP} --quiet --target there ./{wheel('told', '1.0')} && ls there/told.py") == (
        0,
        "there/told.py\n",
    )
    assert "ModuleNotFoundError" in python(invoke, "import told")["stderr"]


def test_without_overlayfs_the_environment_is_read_only(runner, checked, home, capabilities):
    """As `status` says then; all else works."""
    left = tuple(label for label in capabilities.enforced if label != PACKAGES)
    opening = open_sandbox(
        "without", home=home, network_mode="SANDBOX", capabilities=replace(capabilities, enforced=left)
    )
    sandbox = runner.run(opening)
    try:
        invoke = checked(sandbox)
        assert python(invoke, "import numpy; print(numpy.add(1, 1))")["stdout"] == "2"
        assert "Read-only file system" in shell(invoke, "touch $VIRTUAL_ENV/bin/mine")[1]
    finally:
        runner.run(sandbox.close())
