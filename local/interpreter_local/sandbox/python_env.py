"""The Python environment that sessions find: `.venv-sandbox` and the Python installation it was made from."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class PythonEnv:
    """A virtual environment (`venv`) and the prefix of its base Python, both as paths of this machine."""

    venv: Path
    base: Path

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"


def find(venv: Path | None = None) -> PythonEnv:
    """Reads the environment's own record of its base; OSError or ValueError if it is none."""
    venv = venv or ROOT / ".venv-sandbox"
    for line in (venv / "pyvenv.cfg").read_text().splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home":
            return PythonEnv(venv, Path(value.strip()).parent)
    raise ValueError(f"{venv / 'pyvenv.cfg'} has no line `home = ...`")


@cache
def package_folders(venv: Path) -> tuple[str, ...]:
    """Where packages of an environment are put, as paths in it, each behind its parent."""
    code = "lib/python*/site-packages"
    places = (
        *("bin", "bin/__pycache__", "lib", "lib/python*", code, f"{code}/__pycache__"),
        *("etc/**", "include/**", "share/**"),
    )
    found = {path for place in places for path in venv.glob(place) if path.is_dir()}
    return tuple(sorted(str(path.relative_to(venv)) for path in found))
