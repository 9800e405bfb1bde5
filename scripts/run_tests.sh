#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bash scripts/run_tests.sh [--slow] [pytest arguments...]
#
# Set-up, linters, C++ tests, Python tests, C++ tests once more under the sanitizers, those of threads under
# ThreadSanitizer. Every stage runs even if one before it failed; a summary comes last, and the exit status is 1 if any
# stage failed.
#   --slow  after the Python tests also those that take minutes each, one after the other
# Tests that need real data read it from the folder ADABIN_TEST_DATA and are skipped where that is not set.
set -uo pipefail  # no -e: a failed stage must not end the run
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

slow=0
case "${1:-}" in
    --slow) slow=1 && shift ;;
    -h | --help) show_help ;;
esac
# One more than processors, up to 4: some of the tests wait. A file's tests share what they have trained: --dist
# loadfile leaves them to one process.
processes=$(($(nproc) < 4 ? $(nproc) + 1 : 4))
# Of what the arguments choose, one of two stages may have nothing: pytest's status 5.
chosen=0
# shellcheck disable=SC2317  # called through stage
python_tests() {
    local status=0
    python -m pytest --timeout 1200 -m "not slow" -n "$processes" --dist loadfile --no-loadscope-reorder "$@" || status=$?
    ((status == 5)) || chosen=1
    ((status == 0 || (status == 5 && slow && $# > 0)))
}
# shellcheck disable=SC2317  # some start as many processes as there are processors
slow_tests() {
    local status=0
    python -m pytest --timeout 7200 -m slow "$@" || status=$?
    ((status == 0 || (status == 5 && chosen && $# > 0)))
}

# shellcheck disable=SC2317  # called through stage
lint() { ruff check . && ruff format --check .; }

# shellcheck disable=SC2317
lint_cpp() {
    find ascend310_infer src/adabin/cpu tests/cpu_kernels -name 'build*' -type d -prune -o \( -name '*.c' -o -name '*.cc' -o -name '*.h' \) -print0 |
        xargs -0 clang-format --dry-run -Werror
}

summary=() failed=0
stage() {  # stage NAME COMMAND...
    local name="$1" start=$SECONDS result=passed
    shift
    printf '\n==== %s: %s\n' "$name" "$*"
    "$@" || { result=FAILED && failed=1; }
    summary+=("$(printf '%-18s %-7s %4d s' "$name" "$result" $((SECONDS - start)))")
}

cd "$ROOT" || exit 1
bash scripts/setup.sh --dev || exit 1
activate_venv
stage "Python lint" lint
stage "C++ lint" lint_cpp
stage "C++ tests" bash ascend310_infer/build.sh --werror --test  # first: some Python tests run the C++ program
stage "Python tests" python_tests "$@"
((!slow)) || stage "Slow Python tests" slow_tests "$@"
stage "C++ sanitizers" bash ascend310_infer/build.sh --sanitize --test
stage "C++ threads" bash ascend310_infer/build.sh --tsan --test

printf '\n==== Summary\n'
printf '%s\n' "${summary[@]}"
printf '%-18s %-7s %4d s\n' total "$( ((failed)) && echo FAILED || echo passed)" "$SECONDS"
exit "$failed"
