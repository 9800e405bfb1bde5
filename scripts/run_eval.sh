#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bash scripts/run_eval.sh CKPT [DATA_PATH] [flags...]
#
# Evaluate a checkpoint on all test images of its data set; the last line is JSON with the accuracy.
#   CKPT       checkpoint file; the config beside it is used
#   DATA_PATH  folder of the data set         (default: what the config says)
#   flags      handed on to eval.py, such as --device_target Ascend
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
stop_in_one_line

[[ "${1:-}" != -h && "${1:-}" != --help ]] || show_help
is_value "$@" || usage_error
ckpt="$1" data=()
shift
if is_value "$@"; then data=(--data_path "$1") && shift; fi

activate_venv
exec python "$ROOT/eval.py" --ckpt_path "$ckpt" "${data[@]}" "$@"
