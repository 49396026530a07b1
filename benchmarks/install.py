"""Install: peers that no package of the system brings, put once into `benchmarks/.cache`. Nothing outside it is changed."""

import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).parent / ".cache"
LONGEST = 600.0  # seconds for one installation


class NotInstalled(Exception):
    """A peer cannot be had. Says how it could be."""


def node_package(name: str) -> Path:
    """Return the folder in which Node finds a package, installed by npm if need be.

    Raises:
      NotInstalled: There is no npm, or it failed.
    """
    folder = CACHE / "node"
    if not (folder / "node_modules" / name / "package.json").exists():
        if shutil.which("npm") is None:
            raise NotInstalled("apt-get install nodejs npm")
        folder.mkdir(parents=True, exist_ok=True)
        _run(
            ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder), name],
            f"npm install {name}",
        )
    return folder


def python_program(package: str, program: str) -> Path:
    """Return a Python package's console script, installed into an environment of its own if need be.

    Raises:
      NotInstalled: pip failed.
    """
    folder = CACHE / package
    script = folder / "bin" / program
    if not script.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", str(folder)], f"python -m venv {folder}")
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, package], f"pip install {package}")
    return script


def _run(command: list[str], cure: str) -> None:
    print(f"installing once: {cure}", file=sys.stderr, flush=True)
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=LONGEST, text=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise NotInstalled(f"{cure} (it said: {said[-1] if said else error})") from error
