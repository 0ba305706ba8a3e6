# Sourced by the scripts beside it: the virtual environment and the web assets, made once and kept.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Prints the first Python that is new enough.
find_python() {
    local candidate
    for candidate in "${TOCSIN_PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "Tocsin needs Python 3.11 or newer. Install it, or name it: TOCSIN_PYTHON=/path/to/python3."
}

# Debian keeps the module that makes virtual environments in a package of its own.
make_venv() {
    local python=$1
    "$python" -m venv .venv >/dev/null 2>&1 && return
    if command -v apt-get >/dev/null && as_root true; then
        say "Installing Debian's python3-venv ..."
        as_root apt-get install -y -qq python3-venv >/dev/null 2>&1 || true
    fi
    rm -rf .venv
    "$python" -m venv .venv || die "Python cannot make a virtual environment (Debian: apt-get install python3-venv)."
}

# Runs a command as root where that needs no password.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo -n "$@" 2>/dev/null; else return 1; fi
}

# ensure_venv LOCK: .venv holds exactly what the lock file says; nothing is done while the lock is unchanged.
ensure_venv() {
    local lock=$1 python held="" stamp=".venv/.installed-$1"
    # Read by bash alone, so that a start with nothing to do costs nothing.
    [ ! -f "$stamp" ] || held=$(<"$stamp")
    if [ -x .venv/bin/python ] && [ "$held" = "$(venv_home)$(<"$lock")" ]; then
        return
    fi
    # Moved to another place, or its Python was replaced by another version: it is of no use any more.
    if [ -n "$held" ] && [ "${held#"$(venv_home)"}" = "$held" ]; then
        rm -rf .venv
    fi
    if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c '' 2>/dev/null; then
        python=$(find_python)
        say "Making .venv with $("$python" --version) ..."
        rm -rf .venv
        make_venv "$python"
    fi
    say "Installing what $lock lists ..."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$lock"
    link_package
    printf '%s' "$(venv_home)$(<"$lock")" >"$stamp"
}

# Where .venv stands and whose Python it is: it knows both by heart.
venv_home() { printf '%s (%s)\n#' "$PWD" "$(readlink -f .venv/bin/python || true)"; }

# The checkout itself: on Python's path, and as the command .venv/bin/tocsin.
link_package() {
    .venv/bin/python - "$PWD" <<'PYTHON'
import pathlib, sys, sysconfig
pathlib.Path(sysconfig.get_path("purelib"), "tocsin.pth").write_text(sys.argv[1] + "\n")
command = pathlib.Path(sys.prefix, "bin", "tocsin")
command.write_text(f"#!{sys.executable}\nfrom tocsin.config.main import main\nmain()\n")
command.chmod(0o755)
PYTHON
}

ensure_assets() {
    local stamp=tocsin/entrypoints/web/static/vendor/.stamp
    if [ -f "$stamp" ] && [ "$(<"$stamp")" = "$(<package-lock.json)$(<packaging/tocsin_build.py)" ]; then
        return
    fi
    if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
        if ! .venv/bin/python packaging/tocsin_build.py --check; then
            say "Installing Node.js into .venv, for the web assets ..."
            .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
                -r requirements-assets.lock
        fi
    fi
    .venv/bin/python packaging/tocsin_build.py >&2
}
