#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bash scripts/run_distribute_train.sh [N_WORKERS] [CONFIG] [DATA_PATH] [flags...]
#
# Train on several devices with MindSpore's launcher msrun: one process (worker) per device, on one machine or several.
# Without arguments: two workers on this machine's CPU train ResNet-20 on the pictures that the project draws itself.
#   N_WORKERS  number of workers on all machines  (default: 2 on CPU, the machine's devices on Ascend and GPU)
#   CONFIG     a file of config/                  (default: config/resnet20_shapes.yaml)
#   DATA_PATH  folder of the data set             (default: what the config says)
#   flags      --nodes N          number of machines, with N_WORKERS / N workers each; start this script on each of them
#              --node_rank R      number of this machine, from 0; the one with 0 coordinates the job
#              --master_addr A    address of machine 0, the same on all machines
#              --master_port P    a free port there            (default: 8118; on one machine: any that is free)
#              --log_path DIR     folder of the workers' logs  (default: outputs/distribute_<time>)
#              all others go on to train.py, such as --device_target Ascend --epochs=10 --resume RUN_DIR;
#              python train.py -h lists them
# batch_size is that of all workers together and must be a multiple of their number. docs/distributed.md has the rest.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
stop_in_one_line

for word in "$@"; do
    [[ "$word" != -h && "$word" != --help ]] || show_help
done
workers=() config="$ROOT/config/resnet20_shapes.yaml" data=()
if [[ "${1:-}" =~ ^[0-9]+$ ]]; then workers=(--workers "$1") && shift; fi
if is_value "$@"; then config="$1" && shift; fi
if is_value "$@"; then data=(--data_path "$1") && shift; fi

recipe=(--config_path "$config")
[[ " $* " != *" --resume"* ]] || recipe=()  # a run to resume has its own

activate_venv
exec python "$ROOT/scripts/distributed_job.py" "${workers[@]}" "${recipe[@]}" "${data[@]}" "$@"
