#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bash scripts/setup.sh [--dev] [--python-only]
#
# Makes the virtual environment .venv with the pinned requirements and sees to the C++ tools. Safe to run again.
#   --dev          also what the tests and linters need (requirements-dev.txt)
#   --python-only  leave the C++ tools alone: enough for training, evaluation and export
#
# A MindSpore that the active Python already has (an Ascend or GPU build, say) is used as it is and never replaced:
# .venv then sees that Python's packages and gets only what is missing. PYTHON=/path/to/python3 names another Python.
# C++ tools are installed as Debian packages where this user may do that; otherwise the one line to run is printed.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

SUPPORTED="3.10 to 3.12"      # the Pythons that MindSpore 2.10 has packages for
BASE_NOTE="$VENV/base_python" # the Python that .venv was made from; marks .venv as made by this script

# ---- Debian packages ------------------------------------------------------------------------------------------------

install_debian() {  # install_debian PACKAGE...; fails where this user may not install
    command -v apt-get >/dev/null || return 1
    local as_root=()
    if ((EUID != 0)); then
        sudo -n true 2>/dev/null || return 1
        as_root=(sudo -n)
    fi
    say "Installing Debian packages: $*"
    local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@")
    "${install[@]}" >/dev/null 2>&1 || { "${as_root[@]}" apt-get update -qq >&2 && "${install[@]}" >&2; }
}

has_header() {
    [[ -e "/usr/include/$1" ]] || echo "#include <$1>" | "${CXX:-g++}" -E -x c++ - >/dev/null 2>&1
}

install_cpp_tools() {
    local missing=() tool
    for tool in g++:g++ cmake:cmake ninja:ninja-build; do
        command -v "${tool%%:*}" >/dev/null || missing+=("${tool#*:}")
    done
    for tool in protozero/pbf_message.hpp:libprotozero-dev gtest/gtest.h:libgtest-dev CLI/CLI.hpp:libcli11-dev \
        nlohmann/json.hpp:nlohmann-json3-dev xxhash.h:libxxhash-dev; do
        has_header "${tool%%:*}" || missing+=("${tool#*:}")
    done
    if ((${#missing[@]})) && ! install_debian "${missing[@]}"; then
        die "the Python part is ready, but the C++ program needs tools that could not be installed from here. Run this, then start again:
    sudo apt-get install -y ${missing[*]}
(no Debian? install the same tools your system's way. No C++ wanted? bash scripts/setup.sh --python-only)"
    fi
    say "C++ tools: complete"
}

# ---- Python ---------------------------------------------------------------------------------------------------------

fits() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; }

choose_python() {
    local py candidates=(python3 python python3.11 python3.12 python3.10)
    # From inside .venv the active Python is .venv's own; what counts is the one it was made from.
    [[ "${VIRTUAL_ENV:-}" != "$VENV" || ! -f "$BASE_NOTE" ]] || candidates=("$(cat "$BASE_NOTE")" "${candidates[@]}")
    [[ -z "${PYTHON:-}" ]] || candidates=("$PYTHON")
    for py in "${candidates[@]}"; do
        if fits "$py"; then
            "$py" -c 'import sys; print(sys.executable)'
            return
        elif has_mindspore "$py"; then
            die "$("$py" -V) has a MindSpore, but this project needs Python $SUPPORTED; activate another environment or set PYTHON=/path/to/python3"
        fi
    done
    die "found no Python $SUPPORTED, and MindSpore 2.10 has packages for these only. Looked for: ${candidates[*]}
(${candidates[0]} is $("${candidates[0]}" -V 2>/dev/null || echo no working Python)). Install one, or name it: PYTHON=/path/to/python3 bash scripts/setup.sh"
}

make_venv() {  # make_venv PYTHON
    local py="$1" module=venv package
    if ! "$py" -c 'import ensurepip' 2>/dev/null; then
        package="$("$py" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
        if "$py" -c 'import virtualenv' 2>/dev/null; then
            module=virtualenv
        elif ! install_debian "$package"; then
            die "$py lacks the module that makes virtual environments. Run this, then start again:
    sudo apt-get install -y $package        (without root rights: $py -m pip install --user virtualenv)"
        fi
    fi
    say "Making .venv with $("$py" -V) ($py)"
    "$py" -m "$module" "$VENV" >&2 || die "$py -m $module $VENV failed"
    echo "$py" > "$BASE_NOTE"
}

venv_works() { "$VENV/bin/python" -c 'import pip' 2>/dev/null && grep -qF "$VENV" "$VENV/bin/activate"; }

# The file that makes the packages of the user's own environment visible in .venv, after .venv's own.
kept_file() { "$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib") + "/kept_environment.pth")'; }

package_folders() { "$1" -c 'import sys; print(*[p for p in sys.path if p.endswith("-packages")], sep="\n")'; }

mindspore_version() {
    "$1" -c 'from importlib import metadata as m
print(*[m.version(d) for d in m.packages_distributions().get("mindspore", [])[:1]] or ["of unknown version"])'
}

install_python() {
    local py keep=0 files=("$ROOT/requirements.txt") stamp="$VENV/installed_runtime" want
    py="$(choose_python)"
    if ((dev)); then
        files+=("$ROOT/requirements-dev.txt")
        stamp="$VENV/installed_dev"
    fi
    want="$(cat "${files[@]}" | cksum)"

    if [[ -e "$VENV" ]] && ! venv_works; then
        [[ -f "$BASE_NOTE" && -O "$VENV" ]] || die "$VENV does not work here and is not this script's to remake; move it away and start again"
        say ".venv no longer works (the checkout was moved, or its Python is gone): making it again"
        rm -rf "$VENV"
    fi
    if [[ ! -e "$VENV" ]]; then
        make_venv "$py"
        if has_mindspore "$py"; then
            package_folders "$py" > "$(kept_file)"
        fi
    elif has_mindspore "$py" && [[ -f "$BASE_NOTE" && ! -f "$(kept_file)" ]]; then
        say "Note: .venv has a MindSpore of its own; to use that of $py instead, remove .venv and start again"
    fi
    if [[ -f "$(kept_file)" || ! -f "$BASE_NOTE" ]] && has_mindspore "$VENV/bin/python"; then
        keep=1
    elif [[ -f "$(kept_file)" ]]; then
        die "the MindSpore that .venv was built on is gone; remove .venv and start again"
    fi

    if [[ "$(cat "$stamp" 2>/dev/null)" == "$want" ]] && has_mindspore "$VENV/bin/python"; then
        say "Python packages: complete (.venv, $("$VENV/bin/python" -V))"
        return
    fi
    local pinned list="$VENV/requirements.txt" quiet=(-qq)
    pinned="$(sed -n 's/^mindspore==//p' "$ROOT/requirements.txt")"
    cat "${files[@]}" > "$list"
    if ((keep)); then
        sed -i '/^mindspore==/d' "$list"
        say "Keeping the MindSpore $(mindspore_version "$VENV/bin/python") that is there (this project is tested with $pinned)"
    fi
    say "Installing Python packages into .venv$( ((keep)) || echo " (MindSpore takes 2.5 GB and some minutes)")"
    [[ ! -t 2 ]] || quiet=()
    "$VENV/bin/python" -m pip install --disable-pip-version-check --retries 2 "${quiet[@]}" -r "$list" >&2 ||
        die "pip could not install the packages; its message stands above. No network? Then name a mirror with
PIP_INDEX_URL=<address>, or a folder of wheels with PIP_NO_INDEX=1 PIP_FIND_LINKS=<folder>, and start again"
    echo "$want" > "$stamp"
    ((!dev)) || cksum < "$ROOT/requirements.txt" > "$VENV/installed_runtime"
    say "Python packages: complete (.venv, $("$VENV/bin/python" -V))"
}

dev=0 cpp=1
for arg in "$@"; do
    case "$arg" in
        --dev) dev=1 ;;
        --python-only) cpp=0 ;;
        -h | --help) show_help ;;
        *) usage_error ;;
    esac
done
install_python
((!cpp)) || install_cpp_tools
say "Ready. To use it in this shell: source .venv/bin/activate"
