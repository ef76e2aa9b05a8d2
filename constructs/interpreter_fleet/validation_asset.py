"""The validation as files for AWS Lambda: its probes and what they need, without its command line.

Nothing of it is imported here. The boto3 of a Lambda runtime can be older than the service and then has no
client for it, so botocore's models of the two APIs go along (some 250 KB).
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

# Of the package that `scripts/validate.py` runs: no reports, no terminal, nothing that is not in a runtime.
_VALIDATION = (
    "__init__",
    "asking",
    "assembly",
    "bucket_policy",
    "clients",
    "declared",
    "discover",
    "egress",
    "metric_line",
    "pace",
    "places",
    "quotas",
    "replies",
    "result",
    "runner",
    "runs",
    "scheduled",
    "session",
    "several",
    "settings",
    "stacks",
    "statements",
    "strangers",
    "verdict",
    "width",
)
_OWN = ("__init__", "manifest", "naming", "role_documents")
_MODELS = ("bedrock-agentcore", "bedrock-agentcore-control")
_IGNORED = shutil.ignore_patterns("__pycache__")


def stage(folder: Path) -> None:
    """Writes the code into `folder`; a ValueError says which package is not installed."""
    validation = _package("interpreter_validation")
    _copy(validation, _VALIDATION, folder / validation.name)
    probes = folder / validation.name / "probes"
    shutil.copytree(validation / "probes", probes, ignore=_IGNORED, dirs_exist_ok=True)
    own = Path(__file__).parent
    _copy(own, _OWN, folder / own.name)
    for name in _MODELS:
        source = _package("botocore") / "data" / name
        shutil.copytree(source, folder / "models" / name, dirs_exist_ok=True)


def _copy(source: Path, modules: tuple[str, ...], target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in modules:
        shutil.copyfile(source / f"{name}.py", target / f"{name}.py")


def _package(name: str) -> Path:
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise ValueError(f"found no package {name!r}; allowed: where it is installed, beside this one")
    return Path(found.submodule_search_locations[0])
