# SPDX-License-Identifier: Apache-2.0
"""Configs: what is accepted, what is refused and how, from files and from flags."""

import contextlib
import os
import re

import pytest
import yaml

from adabin.binarize import ESTIMATORS, FORMS
from adabin.binary_sets import SETS
from adabin.data.registry import DATASETS
from adabin.layers import NONLINEARITIES
from adabin.utils.base_file import base_text, written
from adabin.utils.config import BASE_PATH, parse_flags, read_config
from adabin.utils.effect import missing_need, refuse_without_effect
from adabin.utils.errors import UserError
from adabin.utils.schema import GROUPS, KEYS, RENAMED


def parse(*argv):
    """(own flags, config overrides) of an entry point with one flag of its own."""
    return parse_flags("what it does", argv, lambda parser: parser.add_argument("--ckpt_path"))


def from_flags(*argv):
    return read_config(None, parse(*argv)[1])


@pytest.fixture
def write(tmp_path):
    def write_file(text):
        path = tmp_path / "recipe.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def refusal(function, *arguments):
    with pytest.raises(UserError) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_recipe_lies_over_the_defaults_and_flags_over_both(write):
    path = write("epochs: 12\nlr: 0.5\n")
    config = read_config(path, parse("--epochs=7", "--data_path", "some where")[1])
    assert (config.epochs, config.lr, config.data_path) == (7, 0.5, "some where")
    assert config.batch_size == read_config(None).batch_size == 128


def test_the_file_of_all_defaults_says_what_the_schema_says():
    assert BASE_PATH.read_text(encoding="utf-8") == base_text(), "run: python scripts/write_base.py"
    values = yaml.safe_load(base_text())
    assert list(values) == list(KEYS) == list(vars(read_config(None)))
    assert vars(read_config(BASE_PATH)) == vars(read_config(None)) == {key: KEYS[key].default for key in KEYS}


def test_every_default_passes_the_check_of_its_own_key():
    for name, key in KEYS.items():
        assert key.checked(key.default, name) == key.default


def test_a_config_that_is_changed_leaves_the_defaults_alone():
    read_config(None).class_names.append("cat")
    assert read_config(None).class_names == []


@pytest.mark.parametrize("recipe", sorted(BASE_PATH.parent.glob("*.yaml")), ids=lambda path: path.name)
def test_every_recipe_of_the_project_is_valid(recipe):
    assert set(vars(read_config(recipe))) == set(KEYS)


def test_a_resolved_config_survives_saving_and_reading(write, tmp_path):
    config = read_config(write("lr: 1e-4\nmean: [0, 0.5, 1]\ndata_path: 'yes'\nestimator_progressive: false\n"))
    config.save(tmp_path / "saved.yaml")
    assert vars(read_config(tmp_path / "saved.yaml")) == vars(config)


@pytest.mark.parametrize("mistyped, meant", [("epoch", "epochs"), ("batchsize", "batch_size"), ("w_bit", "w_bits")])
def test_a_mistyped_key_is_answered_with_the_nearest(write, mistyped, meant):
    path = write(f"{mistyped}: 1\n")
    message = refusal(read_config, path)
    assert str(path) in message and repr(mistyped) in message and f"did you mean {meant}?" in message
    message = refusal(parse, f"--{mistyped}=1")
    assert f"--{mistyped} " in message and f"did you mean --{meant}?" in message


RENAMINGS = {
    "steps": ["w_bits=32"], "mode": "PYNATIVE", "resize": 40, "val_share": 0.5, "progressive": False, "t_min": 0.5,
    "t_max": 3.0,
}  # fmt: skip


@pytest.mark.parametrize("old, value", RENAMINGS.items())
def test_a_key_may_have_its_old_name_in_files_flags_and_overrides(write, capsys, old, value):
    new = RENAMED[old]
    path = write(f"{old}: {value}\n")
    assert vars(read_config(path))[new] == value and not hasattr(read_config(path), old)
    assert vars(read_config(None, {old: value}))[new] == value
    assert capsys.readouterr() == ("", "")
    _, overrides = parse(f"--{old}={value}")
    assert list(overrides) == [new] and vars(read_config(None, overrides))[new] == value
    assert capsys.readouterr().err == f"--{old} is called --{new} now\n"
    assert parse(f"--{new}", str(value))[1] == overrides and capsys.readouterr().err == ""


def test_every_renaming_is_of_a_key_and_tried(capsys):
    assert RENAMINGS.keys() == RENAMED.keys() and set(RENAMED.values()) <= KEYS.keys()
    assert not RENAMED.keys() & KEYS.keys()
    with pytest.raises(SystemExit):
        parse("-h")
    shown = capsys.readouterr().out.split()
    assert not {f"--{old}" for old in RENAMED} & set(shown)


def test_a_key_by_its_old_and_its_new_name_is_refused(write):
    path = write("t_max: 3\nestimator_t_max: 3\n")
    assert refusal(read_config, path) == (
        f"{path}: estimator_t_max: stands there twice, also by its old name; leave one of them out"
    )


def test_a_wrong_value_is_refused_by_the_name_that_the_file_has(write):
    assert ": val_share: 1.0 is too large" in refusal(read_config, write("val_share: 1.0\n"))


def test_a_programs_own_flag_hides_the_old_name_of_a_key(capsys):
    flags, overrides = parse_flags(
        "", ["--steps=3", "--stages=['lr=1']"], lambda parser: parser.add_argument("--steps", type=int)
    )
    assert flags.steps == 3 and overrides == {"stages": ["lr=1"]} and capsys.readouterr().err == ""


def test_a_key_that_resembles_none_gets_no_suggestion(write):
    assert "did you mean" not in refusal(read_config, write("qqqqqq: 1\n"))
    assert "did you mean" not in refusal(parse, "--qqqqqq", "1")
    assert "stray" in refusal(parse, "stray")


def test_flags_are_not_guessed_from_their_beginnings():
    assert "did you mean --ckpt_path?" in refusal(parse, "--ckpt", "x")


@pytest.mark.parametrize(
    "key, value, part",
    [
        ("epochs", "many", "not of type int"),
        ("epochs", "2.5", "not of type int"),
        ("epochs", "true", "not of type int"),
        ("epochs", "", "not of type int"),
        ("epochs", "[1]", "not of type int"),
        ("augment", "1", "not of type bool"),
        ("lr", "fast", "not of type float"),
        ("lr", "true", "not of type float"),
        ("lr", ".inf", "not a finite number"),
        ("lr", "nan", "not a finite number"),
        ("lr", "-0.1", "above 0"),
        ("lr", "0", "above 0"),
        ("momentum", "-0.1", "0 or more"),
        ("momentum", "1", "less than 1"),
        ("estimator_t_min", "11", "above estimator_t_max=10.0"),
        ("estimator_t_max", "1e-4", "estimator_t_min: 0.001 is above estimator_t_max=0.0001"),
        ("epochs", "0", "1 or more"),
        ("batch_size", "-3", "1 or more"),
        ("image_size", "0", "4 or more"),
        ("seed", "-1", "0 or more"),
        ("seed", "4294967296", "4294967295 or less"),
        ("seed", "2026-99-99", ""),
        ("estimator_t_min", "0", "above 0"),
        ("estimator_t_max", "-1", "above 0"),
        ("w_bits", "2", "1, 32"),
        ("execution_mode", "GRAPHS", "GRAPH, PYNATIVE"),
        ("device_target", "TPU", "CPU, GPU, Ascend"),
        ("mean", "[0.1, 0.2]", "3 numbers"),
        ("mean", "[0.1, 0.2, x]", "3 numbers"),
        ("std", "[0.1, 0.2, .nan]", "3 numbers"),
        ("std", "0.2", "not of type list"),
        ("std", "[0.1, 0, 0.2]", "not above 0"),
        ("std", "[0.1, -0.1, 0.2]", "not above 0"),
        ("mean", "[0.1, 0.2", ""),
        ("test_share", "0", "above 0"),
        ("test_share", "1.0", "0.9 or less"),
        ("crop_scale", "1.5", "1.0 or less"),
        ("class_names", "[cat, 2]", "list of texts"),
        ("class_names", "cat", "not of type list; give one, such as '[cat, dog]'"),
        ("decay_exclude", "foo", "not of type list; give one, such as '[batch_norm]'"),
        ("stages", "w_bits=32", "not of type list; give one, such as '['w_bits=32"),
    ],
)
def test_a_value_of_a_wrong_type_or_range_is_refused_by_key(write, key, value, part):
    message = refusal(from_flags, f"--{key}={value}")
    assert key in message and part in message
    path = write(f"seed: 1\n{key}: {value}\n" if key != "seed" else f"{key}: {value}\n")
    message = refusal(read_config, path)
    assert str(path) in message and part in message


def test_names_of_classes_survive_saving_whatever_they_look_like(tmp_path):
    names = ["cat", "no", "1", "null", "a: b", "猫", "Äpfel & Birnen", "a\udce4b"]
    read_config(None, {"class_names": names}).save(tmp_path / "saved.yaml")
    assert read_config(tmp_path / "saved.yaml").class_names == names


def test_numbers_in_any_notation_are_numbers(write):
    config = read_config(write("weight_decay: 1e-4\nlr: 1\nmean: [1e-3, 0, 0.5]\n"), parse("--estimator_t_min=1e-5")[1])
    assert (config.weight_decay, config.lr, config.estimator_t_min, config.mean) == (1e-4, 1.0, 1e-5, [1e-3, 0.0, 0.5])
    assert type(config.lr) is float and all(type(value) is float for value in config.mean)


def test_a_text_stays_a_text():
    config = from_flags("--data_path=123", "--output_path", "no")
    assert (config.data_path, config.output_path) == ("123", "no")


def test_invalid_yaml_is_refused_naming_file_and_line(write):
    path = write("epochs: 3\nlr: [0.1\nseed: 4\n")
    message = refusal(read_config, path)
    assert message.startswith(f"{path}, line 3: ")


def test_a_key_that_stands_twice_is_refused_with_its_line(write):
    path = write("lr: 0.1\nepochs: 3\nlr: 0.2\n")
    assert refusal(read_config, path) == f"{path}, line 3: lr: stands there twice; leave one of them out"


def test_each_of_two_flags_may_pass_the_others_default():
    config = from_flags("--estimator_t_min=20", "--estimator_t_max=30")
    assert (config.estimator_t_min, config.estimator_t_max) == (20.0, 30.0)
    assert from_flags("--estimator_t_min=10").estimator_t_min == from_flags("--momentum=0").estimator_t_max == 10.0


@pytest.mark.parametrize("text", ["", "- 1\n- 2\n", "just words\n"])
def test_a_file_without_keys_is_refused(write, text):
    path = write(text)
    assert f"{path}: holds no keys" in refusal(read_config, path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    assert "absent.yaml: cannot be read (No such file" in refusal(read_config, tmp_path / "absent.yaml")
    assert f"{tmp_path}: cannot be read (Is a directory" in refusal(read_config, tmp_path)
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    assert "binary.yaml: cannot be read (not a text file" in refusal(read_config, tmp_path / "binary.yaml")


def test_a_file_that_does_not_end_is_refused_before_it_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in ("/dev/zero", tmp_path / "pipe.yaml"):
        assert f"{path}: is no regular file" in refusal(read_config, path)
    with open(tmp_path / "large.yaml", "w") as file:
        file.truncate(1 << 40)
    assert "large.yaml: has 1099511627776 bytes, more than any config" in refusal(read_config, tmp_path / "large.yaml")


def test_help_shows_every_key_below_its_heading_with_values_default_and_an_explanation(capsys):
    with pytest.raises(SystemExit) as end:
        parse("-h")
    assert end.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for heading, keys in GROUPS.items():
        before, shown = shown.split(f" {heading}: ", 1)
        for key, entry in keys.items():
            values = "|".join(map(str, entry.choices)) or ("true|false" if type(entry.default) is bool else "V")
            after = shown.split(f"--{key} {values} ", 1)
            assert len(after) == 2, f"{key} below {heading}"
            explanation = after[1].split(" --", 1)[0]
            assert len(explanation.split(" [")[0].split()) >= 2, f"{key}: {explanation}"
            assert f"[{written(entry.default)}]" in explanation, key


def test_help_names_nothing_that_a_name_may_not_be():
    """What is in a table need not be there: a table's new line is all that it takes."""
    tables = {
        "dataset": DATASETS, "nonlinearity": NONLINEARITIES, "binary_form": FORMS,
        "weight_set": SETS, "activation_set": SETS, "weight_estimator": ESTIMATORS, "activation_estimator": ESTIMATORS,
    }  # fmt: skip
    known = {name for names in tables.values() for name in names}
    for key, names in tables.items():
        said = known & set(re.findall(r"\w+", KEYS[key].help))
        assert KEYS[key].default in said and said <= set(names), key


def test_a_programs_own_flag_hides_the_key_of_its_name():
    flags, overrides = parse_flags(
        "", ["--batch_size", "3"], lambda parser: parser.add_argument("--batch_size", type=int)
    )
    assert flags.batch_size == 3 and overrides == {}


def accepted(uses):
    """Config keys that a program with these uses accepts."""
    keys = set()
    for key in KEYS:
        with contextlib.suppress(UserError):
            keys |= parse_flags("", [f"--{key}=1"], lambda parser: None, uses=uses)[1].keys()
    return keys


def test_a_program_accepts_the_keys_that_have_an_effect_on_what_it_does():
    assert accepted(None) == set(KEYS)
    assert accepted(("device",)) == {"device_target", "device_id", "execution_mode"}
    assert accepted(("pictures",)) == {
        "task", "num_classes", "class_names", "image_size", "dataset", "resize_shorter_side", "mean", "std",
        "skip_corrupt", "min_score", "nms_iou", "max_detections", "shown_score",
    }  # fmt: skip
    reads_tests = accepted(("test",))
    assert {"dataset", "data_path", "test_size", "test_share", "eval_batch_size"} <= reads_tests
    assert not reads_tests & {"train_size", "crop_scale", "augment", "teacher", "lr", "seed", "w_bits", "log_steps"}


def test_a_key_that_a_program_does_not_use_is_refused_as_one_of_training(monkeypatch):
    monkeypatch.setattr("sys.argv", ["eval.py"])
    for flag in ("--teacher=x", "--steps=[]"):
        message = refusal(lambda flag: parse_flags("", [flag], lambda parser: None, uses=("test",)), flag)
        assert message == (f"eval.py: {flag.split('=')[0]}: is a key of train.py and has no effect here; leave it out")
    assert "unknown argument --teacher" in refusal(
        lambda: parse_flags("", ["--teacher=x"], lambda parser: None, with_config_keys=False)
    )


def test_headings_without_a_key_are_left_out(capsys):
    with pytest.raises(SystemExit):
        parse_flags("", ["-h"], lambda parser: None, uses=("device",))
    shown = capsys.readouterr().out
    assert "\nrun:\n  config keys, " in shown and "--epochs" not in shown
    assert not any(f"\n{heading}:" in shown for heading in ("network", "data", "training"))


WITHOUT_EFFECT = [  # flag, other flags, what the line says
    ("momentum=0.5", {"optimizer": "adam"}, "with optimizer=adam (it takes sgd)"),
    ("label_smoothing=0.1", {"teacher": "F.ckpt"}, "with teacher=F.ckpt (it takes none)"),
    ("decay_exclude=[alpha]", {"weight_decay": 0.0}, "with weight_decay=0.0"),
    ("weight_set=fixed", {"w_bits": 32}, "with w_bits=32 (it takes 1)"),
    ("weight_estimator=ste", {"w_bits": 32}, "with w_bits=32"),
    ("activation_set=fixed", {"a_bits": 32}, "with a_bits=32"),
    ("activation_estimator=ste", {"a_bits": 32}, "with a_bits=32"),
    ("binary_form=released", {"a_bits": 32}, "with a_bits=32"),
    ("estimator_t_min=0.5", {"estimator_progressive": False}, "with estimator_progressive=false (it takes true)"),
    ("estimator_t_max=5", {"weight_estimator": "ste"}, "with weight_estimator=ste (it takes tanh"),
    ("estimator_progressive=true", {"weight_estimator": "ste"}, "with weight_estimator=ste (it takes tanh"),
    ("data_path=DIR", {}, "with dataset=shapes (it takes any but shapes and scenes)"),
    ("download=true", {"dataset": "imagenet"}, "with dataset=imagenet (it takes cifar10)"),
    ("train_size=9", {"dataset": "image_folder"}, "with dataset=image_folder (it takes shapes, scenes or cifar10)"),
    ("test_size=9", {"dataset": "image_folder"}, "with dataset=image_folder (it takes shapes, scenes or cifar10)"),
    ("test_share=0.5", {"dataset": "imagenet"}, "with dataset=imagenet (it takes image_folder or voc)"),
    ("split_seed=3", {"dataset": "cifar10"}, "with dataset=cifar10 (it takes image_folder or voc)"),
    ("label_file=F", {"dataset": "image_folder"}, "with dataset=image_folder (it takes imagenet)"),
    ("check_pictures=true", {}, "with dataset=shapes (it takes image_folder, imagenet, tiny_imagenet, voc, coco)"),
    ("skip_corrupt=true", {"dataset": "cifar10"}, "with dataset=cifar10"),
    ("resize_shorter_side=40", {"dataset": "cifar10"}, "with dataset=cifar10"),
    ("resize_shorter_side=40", {"dataset": "voc"}, "with dataset=voc (it takes image_folder, imagenet, tiny_imagenet)"),
    ("crop_scale=0.5", {"dataset": "cifar10"}, "with dataset=cifar10"),
    ("crop_scale=0.5", {"dataset": "scenes"}, "with dataset=scenes"),
    ("data_path=DIR", {"dataset": "scenes"}, "with dataset=scenes (it takes any but shapes and scenes)"),
    ("download=true", {"dataset": "coco"}, "with dataset=coco (it takes cifar10)"),
    ("train_size=9", {"dataset": "voc"}, "with dataset=voc (it takes shapes, scenes or cifar10)"),
    ("test_share=0.5", {"dataset": "coco"}, "with dataset=coco (it takes image_folder or voc)"),
    ("train_sets=[a]", {"dataset": "imagenet"}, "with dataset=imagenet (it takes voc or coco)"),
    ("test_sets=[a]", {}, "with dataset=shapes (it takes voc or coco)"),
    ("crop_scale=0.5", {"dataset": "imagenet", "augment": False}, "with augment=false (it takes true)"),
    ("label_smoothing=0.1", {"task": "detection"}, "with task=detection (it takes classification)"),
    ("match_iou=0.4", {}, "with task=classification (it takes detection)"),
    ("neg_pos_ratio=2.0", {}, "with task=classification"),
    ("min_score=0.1", {}, "with task=classification"),
    ("nms_iou=0.6", {}, "with task=classification"),
    ("max_detections=10", {}, "with task=classification"),
    ("shown_score=0.5", {}, "with task=classification"),
    ("device_id=1", {}, "with device_target=CPU (it takes GPU or Ascend)"),
]


@pytest.mark.parametrize("flag, others, part", WITHOUT_EFFECT, ids=[case[0] for case in WITHOUT_EFFECT])
def test_a_flag_without_effect_is_refused_and_one_that_asks_for_nothing_is_not(flag, others, part):
    overrides = parse(f"--{flag}")[1]
    config = read_config(None, others | overrides)
    (key,) = overrides
    message = refusal(refuse_without_effect, overrides, config)
    assert message.startswith(f"--{key}: has no effect {part}") and message.endswith("; leave it out")
    refuse_without_effect(others, config)  # the other way round it is no contradiction
    refuse_without_effect(overrides, config, besides=(key,))
    nothing = {str: "", bool: False, int: 0, float: 0.0, list: []}[type(overrides[key])]
    refuse_without_effect({key: nothing}, config)


def test_a_data_set_of_ones_own_may_read_any_key():
    for key in GROUPS["data"]:
        config = read_config(None, {"dataset": "stripes"})
        assert missing_need(key, [config]) is None, key


def test_every_need_is_tried():
    tried = {flag.split("=")[0] for flag, _, _ in WITHOUT_EFFECT}
    assert tried == {name for name, key in KEYS.items() if key.needs}


def test_a_flag_that_has_an_effect_in_one_stage_is_none_without():
    stages = [read_config(None, {"optimizer": name}) for name in ("adam", "sgd")]
    refuse_without_effect({"momentum": 0.5}, *stages)


def test_sizes_are_for_pictures_in_memory():
    for dataset in ("shapes", "cifar10"):
        sizes = {"train_size": 5, "test_size": 5}
        refuse_without_effect(sizes, read_config(None, sizes | {"dataset": dataset}))


def test_a_config_is_frozen_and_a_changed_one_is_another():
    config = read_config(None)
    with pytest.raises(AttributeError, match=r"a config is frozen: config\.changed\(epochs=\.\.\.\) gives another"):
        config.epochs = 3
    assert config.changed(epochs=3).epochs == 3 and config.epochs == 400
