# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Helpers that the scripts of this folder share; sourced, never run.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
VENV="$ROOT/.venv"

say() { printf '%s\n' "$*" >&2; }

die() {  # die MESSAGE [STATUS]
    say "$(basename "$0"): $1"
    exit "${2:-1}"
}

show_help() {  # print the comment block at the top of the calling script
    awk 'NR > 2 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
    exit 0
}

usage_error() {  # print the usage line at the top of the calling script
    say "$(sed -n 's/^# \(Usage: .*\)/\1/p' "$0")"
    exit 2
}

is_value() { [[ $# -gt 0 && "$1" != -* ]]; }  # is there an argument, and is it no flag?

# One line and status 128 + number, until `exec` puts a program in place that has more to say.
stop_in_one_line() {
    trap 'say "stopped by SIGHUP; nothing was started yet"; exit 129' HUP
    trap 'say "stopped by SIGINT; nothing was started yet"; exit 130' INT
    trap 'say "stopped by SIGTERM; nothing was started yet"; exit 143' TERM
}

has_mindspore() {  # has_mindspore PYTHON
    "$1" -c 'import sys, importlib.util as u; sys.exit(getattr(u.find_spec("mindspore"), "origin", None) is None)' 2>/dev/null
}

# Put a `python` with the requirements on PATH: that of .venv, else the active one if it has MindSpore.
activate_venv() {
    if [[ -f "$VENV/bin/activate" ]]; then
        # shellcheck disable=SC1091
        source "$VENV/bin/activate"
        # Programs of packages that .venv shares with the Python it was made from (msrun of a kept MindSpore, say).
        [[ ! -f "$VENV/base_python" ]] || PATH="$PATH:$(dirname "$(<"$VENV/base_python")")"
    elif ! has_mindspore python; then
        die "no .venv here and no MindSpore in the active Python; run first: bash scripts/setup.sh"
    fi
}
