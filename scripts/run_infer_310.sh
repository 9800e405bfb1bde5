#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: bash scripts/run_infer_310.sh MODEL DATASET DATA_PATH [DEVICE] [flags...]
#
# Run an exported network in the C++ program over all test images; the last line is JSON with the accuracy, of a detector
# the average precisions of the boxes that the program found.
#   MODEL      exported network, .mindir or .adabin; what a packed file holds, else <name>.yaml of export.py beside it, else
#              config.yaml of the run, says how images are prepared and normalized
#   DATASET    a data set of config/base.yaml: cifar10, shapes, image_folder, imagenet, tiny_imagenet; voc, coco, scenes
#   DATA_PATH  folder of the data set; - for shapes and scenes
#   DEVICE     CPU (default); Reference, slow and for comparison; Ascend, or the number of an Ascend device, is not
#              implemented yet
#   flags      handed on to preprocess.py, such as --label_file F --skip_corrupt=true --test_sets "[test]"
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ "${1:-}" != -h && "${1:-}" != --help ]] || show_help
(($# >= 3)) || usage_error
model="$1" dataset="$2" data="$3" device=(--device_type CPU)
shift 3
if is_value "$@"; then
    device=(--device_type "${1:-CPU}")
    [[ ! "$1" =~ ^[0-9]+$ ]] || device=(--device_type Ascend --device_id "$1")
    shift
fi
[[ "$data" != - ]] || data=""
[[ -f "$model" ]] || die "$model: no such file; export one with: python export.py --ckpt_path F --file_format MINDIR" 2
work="$ROOT/outputs/infer_$(basename "${model%.*}")_$dataset"

activate_venv
sources="$ROOT/ascend310_infer" infer="$ROOT/ascend310_infer/build/adabin_infer"
[[ -x "$infer" ]] || bash "$sources/build.sh" >&2
newer="$(find "$sources/CMakeLists.txt" "$sources"/{src,inc,tools} -type f -newer "$infer" -print -quit)"
[[ -z "$newer" ]] ||
    say "warning: $infer is older than ${newer#"$ROOT/"}; build it again with: bash ascend310_infer/build.sh"
recipe=() config="${model%.*}.yaml" # as predict.py looks for it
[[ -f "$config" ]] || config="$(dirname "$model")/config.yaml"
mkdir -p "$ROOT/outputs"
if [[ "$model" == *.adabin ]] && "$infer" --model "$model" --print_description >"$work.yaml" 2>/dev/null; then
    recipe=(--config_path "$work.yaml")
    say "preparing images as $model says"
elif [[ -f "$config" ]]; then
    recipe=(--config_path "$config")
    say "preparing images as $config says"
else
    say "no $(basename "${model%.*}").yaml or config.yaml beside $model: preparing images as config/base.yaml says"
fi
# The last flag of a name counts: what this script needs cannot be changed.
prepared="$(python "$ROOT/preprocess.py" "${recipe[@]}" "$@" \
    --dataset "$dataset" --data_path "$data" --output_path "$work")"
say "$prepared"
of() { python -c 'import json, sys; print(json.loads(sys.argv[1].splitlines()[-1]).get(sys.argv[2], ""))' "$@"; }
pictures="$(of "$prepared" pictures)" boxes=()
[[ -z "$pictures" ]] || boxes=(--boxes_only --boxes_sizes "$pictures")
inferred="$("$infer" --model "$model" --input "$work/inputs" --output "$work/outputs" "${boxes[@]}" "${device[@]}")"
printf '%s\n' "$inferred"
# Of larger images each holds several samples, and the program takes any whole number of them.
images="$(of "$prepared" images)" samples="$(of "$inferred" samples)"
((images == samples)) ||
    die "$model: takes smaller images than were prepared; put the .yaml that export.py wrote beside the model" 2
python "$ROOT/postprocess.py" --result_path "$work/outputs" --label_path "$(of "$prepared" labels)"
