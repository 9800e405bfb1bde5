#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bash scripts/run_standalone_train.sh [CONFIG] [DATA_PATH] [flags...]
#
# Train on one device. Without arguments: ResNet-20 on the pictures that the project draws itself.
#   CONFIG     a file of config/              (default: config/resnet20_shapes.yaml)
#   DATA_PATH  folder of the data set         (default: what the config says)
#   flags      handed on to train.py, such as --device_target Ascend --epochs=10
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
stop_in_one_line

[[ "${1:-}" != -h && "${1:-}" != --help ]] || show_help
config="$ROOT/config/resnet20_shapes.yaml" data=()
if is_value "$@"; then config="$1" && shift; fi
if is_value "$@"; then data=(--data_path "$1") && shift; fi

recipe=(--config_path "$config")
[[ " $* " != *" --resume"* ]] || recipe=()  # a run to resume has its own

activate_venv
exec python "$ROOT/train.py" "${recipe[@]}" "${data[@]}" "$@"
