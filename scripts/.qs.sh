#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bash scripts/quickstart.sh detection [train.py flags...]
#
# Detection on scenes that the project draws itself: set-up, build of the C++ program, the detector of models/ evaluated
# in MindSpore and in C++, its latency packed and in float, pictures with the boxes that C++ found; then a short training
# that goes on from it, exported, packed and used in the same way, and a table of the results. Needs no data set.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[[ "${1:-}" != -h && "${1:-}" != --help ]] || show_help

step() { say "" "==> $*"; }
value() { python -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$@"; }

activate_venv
cd "$ROOT"
began=$SECONDS
model=models/ssd300_scenes/ssd_vgg16
[[ -f "$model.ckpt" ]] || die "$model.ckpt: no such file; git checkout models brings it back"
work=outputs/quickstart_detection/$(date +%Y%m%d-%H%M%S)
mkdir -p "$work/json"
infer=ascend310_infer/build/adabin_infer

step "Build the C++ program"
bash ascend310_infer/build.sh >&2

step "Evaluate the detector of models/ in MindSpore, on 300 scenes"
python eval.py --ckpt_path "$model.ckpt" | tail -n 1 >"$work/json/eval.json"

step "Evaluate it packed, in C++"
python eval.py --model "$model.adabin" --draw 8 --draw_path "$work/tests" | tail -n 1 >"$work/json/cpp.json"

step "Pictures that it has never seen, with the boxes that C++ finds"
python predict.py --model "$model.adabin" --image models/ssd300_scenes/pictures --output_path "$work/found" >/dev/null

step "Latency of one picture, one thread: binary layers packed, and the same network in float"
python preprocess.py --config_path "$model.yaml" --test_size 1 --output_path "$work/one" >/dev/null
for kernel in auto float; do
    "$infer" --model "$model.adabin" --input "$work/one/inputs" --output "$work/one/outputs" --threads 1 --warmup 3 \
        --repeat 30 --kernel "$kernel" --boxes_only >"$work/json/latency_$kernel.json"
done

step "Train it for 500 scenes more"
seed="$(sed -n 's/^seed: //p' models/ssd300_scenes/config.yaml)" # the same scenes to test on
python train.py --config_path config/ssd300_vgg16_scenes.yaml --pretrained "$model.ckpt" --seed "$seed" \
    --train_size 500 --epochs 1 --lr 1e-4 "$@" | tail -n 1 >"$work/json/train.json"
run="$(value "$work/json/train.json" run)"

step "Export what was trained to MindIR, compare with the trained network, and pack it"
python export.py --ckpt_path "$run/best.ckpt" --file_name "$run/detector.mindir" --check_images 4 |
    tail -n 1 >"$work/json/export.json"
ascend310_infer/build/adabin_pack --model "$run/detector.mindir" --output "$run/detector.adabin" >"$work/json/pack.json"

step "Evaluate that in C++"
python eval.py --model "$run/detector.adabin" | tail -n 1 >"$work/json/trained.json"

python scripts/quickstart_detection_table.py "$work" "$model" "$run" $((SECONDS - began))
