#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the C++ libraries and programs into build/ (build-sanitize/ with --sanitize, build-tsan/ with --tsan, build-aarch64/ with
# --aarch64). Safe to run again.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: bash build.sh [--test] [--sanitize | --tsan] [--werror] [--aarch64]
  --test      also build the tests and run them
  --sanitize  build with AddressSanitizer and UndefinedBehaviorSanitizer, in build-sanitize/
  --tsan      build with ThreadSanitizer, in build-tsan/; --test builds and runs the tests that use
              threads, and no others
  --werror    treat compiler warnings as errors
  --aarch64   cross-compile the libraries and static programs for 64-bit ARM, in build-aarch64/; tests
              run under qemu-user. Needs g++-aarch64-linux-gnu and, for --test, a Debian host and
              qemu-user
TEXT
}

cd "$(dirname "${BASH_SOURCE[0]}")"
folder=build
test=OFF
sanitize=OFF
tsan=OFF
werror=OFF
aarch64=OFF
flags=()
targets=()
only=()
for argument in "$@"; do
  case "$argument" in
    --test) test=ON ;;
    --sanitize) folder=build-sanitize; sanitize=ON ;;
    --tsan) folder=build-tsan; tsan=ON ;;
    --werror) werror=ON ;;
    --aarch64) aarch64=ON ;;
    -h | --help) usage; exit 0 ;;
    *) echo "build.sh: $argument: unknown flag; see build.sh --help" >&2; exit 2 ;;
  esac
done

if [[ $sanitize == ON && $tsan == ON ]]; then
  echo "build.sh: --sanitize and --tsan cannot be in one build; run it twice" >&2
  exit 2
fi

missing=()
has_header() { echo "#include <$1>" | "${CXX:-g++}" -std=c++20 -E -x c++ - >/dev/null 2>&1; }
command -v cmake >/dev/null || missing+=(cmake)
if command -v "${CXX:-g++}" >/dev/null; then
  has_header protozero/pbf_message.hpp || missing+=(libprotozero-dev)
  has_header xxhash.h || missing+=(libxxhash-dev)
  has_header CLI/CLI.hpp || missing+=(libcli11-dev)
  has_header nlohmann/json.hpp || missing+=(nlohmann-json3-dev)
  if [[ $test == ON ]]; then
    has_header gtest/gtest.h || missing+=(libgtest-dev)
  fi
else
  missing+=(g++)
fi
if [[ $aarch64 == ON ]]; then
  command -v aarch64-linux-gnu-g++ >/dev/null || missing+=(g++-aarch64-linux-gnu)
  [[ $test == OFF ]] || command -v qemu-aarch64 >/dev/null || missing+=(qemu-user)
fi
if ((${#missing[@]})); then
  echo "build.sh: missing; install with: apt-get install -y ${missing[*]}" >&2
  exit 2
fi

if [[ $aarch64 == ON ]]; then
  if [[ $sanitize == ON ]]; then
    echo "build.sh: --sanitize: not together with --aarch64, whose programs are static" >&2
    exit 2
  fi
  folder=build-aarch64
  bash cmake/aarch64_sysroot.sh "$folder/sysroot"
  flags+=(-DCMAKE_TOOLCHAIN_FILE=cmake/aarch64.cmake "-DADABIN_SYSROOT=$PWD/$folder/sysroot")
fi

# The generator of an existing build folder stays, for CMake refuses to change it.
if [[ ! -f $folder/CMakeCache.txt ]] && command -v ninja >/dev/null; then
  flags+=(-G Ninja)
fi
# Every option is given, on or off: CMake would remember the last build's.
cmake -S . -B "$folder" -DCMAKE_BUILD_TYPE=Release -DADABIN_TESTS="$test" \
  -DADABIN_SANITIZE="$sanitize" -DADABIN_TSAN="$tsan" -DADABIN_WERROR="$werror" "${flags[@]}" >/dev/null
if [[ $tsan == ON && $test == ON ]]; then
  targets=(--target thread_pool_test schedule_test float_path_test packed_file_test capi_threads_test capi_detector_test)
  only=(-R 'ThreadPool|Schedule|RandomNetworks|FloatPath.Exact|PackedFile.Outputs|CApi')
fi
cmake --build "$folder" --parallel "$(nproc)" "${targets[@]}"
if [[ $test == ON ]]; then
  ctest --test-dir "$folder" --output-on-failure --no-tests=error --parallel "$(nproc)" "${only[@]}"
fi
