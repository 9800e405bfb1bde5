#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bash scripts/quickstart.sh [detection] [train.py flags...]
#
# The whole product on pictures that the project draws itself: set-up, training of a binary ResNet-20, evaluation,
# export to MindIR, build of the C++ program, inference with it, and a table of the results. Needs no data set. With
# `detection` the same of a detector, which comes with the project: see quickstart.sh detection -h.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[[ "${1:-}" != detection ]] || exec bash "$(dirname "${BASH_SOURCE[0]}")/quickstart_detection.sh" "${@:2}"
[[ "${1:-}" != -h && "${1:-}" != --help ]] || show_help

step() { say "" "==> $*"; }
value() { python -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$@"; }

bash "$ROOT/scripts/setup.sh"
activate_venv
cd "$ROOT"
began=$SECONDS
work=outputs/quickstart
mkdir -p "$work"
infer=ascend310_infer/build/adabin_infer

step "Train ResNet-20, weights and activations 1 bit, on drawn shapes"
python train.py --config_path config/resnet20_shapes.yaml "$@" | tail -n 1 >"$work/train.json"
run="$(value "$work/train.json" run)"

step "Evaluate"
python eval.py --ckpt_path "$run/best.ckpt" | tail -n 1 >"$work/eval.json"

step "Export to MindIR and compare with the trained network"
python export.py --ckpt_path "$run/best.ckpt" --file_name "$run/resnet20.mindir" --force | tail -n 1 >"$work/export.json"

step "Build the C++ program"
bash ascend310_infer/build.sh >&2

step "Pack and run over all test images in C++"
ascend310_infer/build/adabin_pack --model "$run/resnet20.mindir" --output "$run/resnet20.adabin" --force >"$work/pack.json"
python preprocess.py --config_path "$run/config.yaml" --output_path "$work/images" >/dev/null
"$infer" --model "$run/resnet20.adabin" --input "$work/images/inputs" --output "$work/images/outputs" >"$work/infer.json"
python postprocess.py --result_path "$work/images/outputs" --label_path "$work/images/labels.npy" >"$work/cpp.json"

step "Latency of one image, one thread: binary layers packed, and the same network in float"
head -c $((3 * 32 * 32 * 4)) "$(find "$work/images/inputs" -name '*.bin' | sort | head -n 1)" >"$work/one.bin"
for kernel in auto float; do
    "$infer" --model "$run/resnet20.mindir" --input "$work/one.bin" --output "$work/one" --threads 1 --warmup 5 \
        --repeat 50 --kernel "$kernel" >"$work/latency_$kernel.json"
done

python scripts/quickstart_table.py "$work" "$run" $((SECONDS - began))
