#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bash benchmarks/setup_peers.sh [peers|lce ...]
#
# Makes the virtual environments of the programs that benchmarks/compare_peers.py compares the engine with:
#   peers  .venv-peers: ONNX Runtime and OpenVINO (300 MB)
#   lce    .venv-lce: Larq Compute Engine and the TensorFlow that it needs (1.2 GB); Python 3.9 to 3.11
# Without arguments both. Safe to run again. PYTHON=/path/to/python3 names another Python.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"

python_of() {  # python_of NEWEST_MINOR: the first Python from 3.9 to 3.NEWEST_MINOR
    local py candidates=(python3.11 python3.10 python3.9 python3 python)
    [[ -z "${PYTHON:-}" ]] || candidates=("$PYTHON")
    for py in "${candidates[@]}"; do
        if "$py" -c "import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, $1))" 2>/dev/null; then
            "$py" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

install() {  # install NAME NEWEST_MINOR
    local folder="$ROOT/.venv-$1" list="$ROOT/benchmarks/requirements-$1.txt" py want
    want="$(cksum < "$list")"
    if [[ "$(cat "$folder/installed" 2>/dev/null)" == "$want" ]]; then
        say ".venv-$1: complete"
        return
    fi
    py="$(python_of "$2")" || die "$1 needs a Python from 3.9 to 3.$2; name one: PYTHON=/path/to/python3 bash benchmarks/setup_peers.sh $1"
    say "Installing $(sed -n 's/==.*//p' "$list" | xargs) into .venv-$1 ($("$py" -V))"
    "$py" -m venv "$folder" >&2 || die "$py -m venv $folder failed"
    "$folder/bin/python" -m pip install --disable-pip-version-check -qq -r "$list" >&2 ||
        die "pip could not install the packages of $list; its message stands above"
    echo "$want" > "$folder/installed"
    say ".venv-$1: complete"
}

environments=()
for argument in "$@"; do
    case "$argument" in
        peers | lce) environments+=("$argument") ;;
        -h | --help) show_help ;;
        *) usage_error ;;
    esac
done
((${#environments[@]})) || environments=(peers lce)
for name in "${environments[@]}"; do
    case "$name" in
        peers) install peers 13 ;;
        lce) install lce 11 ;;
    esac
done
