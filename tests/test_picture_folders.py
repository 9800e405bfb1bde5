# SPDX-License-Identifier: Apache-2.0
"""Layouts of picture folders: what is found, under which number and name, on which side of the split."""

import re
import shutil

import numpy as np
import pytest

from adabin.data import build_dataset, settle_classes
from adabin.data.image_folder import in_test
from adabin.export.description import DESCRIPTION_HEADER, describe_network
from adabin.models import build_model
from adabin.training.teacher import load_teacher
from adabin.utils.checkpoint import describe, save_checkpoint
from adabin.utils.config import Config, read_config
from adabin.utils.errors import UserError
from tests.pictures import config_for, draw, fill, save

WNIDS = ("n01440764", "n01443537", "n02105855")


def build(config, split):
    dataset = build_dataset(config, split)
    return dataset, {
        path[len(config.data_path) + 1 :]: int(n) for path, n in zip(dataset.images, dataset.labels, strict=True)
    }


def refusal(config, split="train"):
    with pytest.raises(UserError) as caught:
        build_dataset(config, split)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def wnid_train(tmp_path):
    """A folder `data` with train/<wnid>/."""
    fill(tmp_path / "data" / "train", 2, WNIDS, ".JPEG")
    return tmp_path / "data"


# --- image_folder


def test_folders_with_train_and_val_are_taken_as_they_are(tmp_path):
    fill(tmp_path / "train", 3)
    fill(tmp_path / "val", 2, ("blue", "red"), ".png")
    config = config_for(tmp_path)
    dataset, train = build(config, "train")
    assert dataset.class_names == ("blue", "green", "red") and dataset.num_classes == 3
    assert train == {f"train/{c}/{c}_{n}.jpg": k for k, c in enumerate(dataset.class_names) for n in range(3)}
    dataset, test = build(config, "test")
    assert dataset.class_names == ("blue", "green", "red")
    assert test == {f"val/{c}/{c}_{n}.png": k for k, c in ((0, "blue"), (2, "red")) for n in range(2)}


def test_a_folder_without_val_is_split_completely_and_about_as_asked(tmp_path):
    fill(tmp_path, 60, height=8, width=8)
    config = config_for(tmp_path, check_pictures=False)
    train, test = build(config, "train")[1], build(config, "test")[1]
    assert not set(train) & set(test) and len(train) + len(test) == 180
    assert 18 <= len(test) <= 56
    half = build(config_for(tmp_path, test_share=0.5, check_pictures=False), "test")[1]
    assert set(test) < set(half) and 65 <= len(half) <= 115
    assert build(config_for(tmp_path, split_seed=8, check_pictures=False), "test")[1] != test


def test_runs_of_any_seed_are_tested_on_the_same_pictures(tmp_path):
    fill(tmp_path, 20)
    first, second = (build(config_for(tmp_path, seed=seed), "test")[1] for seed in (1, 2))
    assert first == second


def test_runs_and_exports_from_before_split_seed_keep_being_split_by_their_seed(tmp_path):
    config = config_for(tmp_path / "pictures", seed=8, class_names=["a", "b"])
    for text in (config.text(), describe_network(config).text(DESCRIPTION_HEADER)):
        earlier = re.sub(r"^split_seed: .*\n", "seed: 8\n" if "\nseed: " not in text else "", text, flags=re.MULTILINE)
        (tmp_path / "config.yaml").write_text(earlier, encoding="utf-8")
        assert read_config(tmp_path / "config.yaml").split_seed == 8
        assert read_config(tmp_path / "config.yaml", {"seed": 3}).split_seed == 8
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
        assert read_config(tmp_path / "config.yaml").split_seed == 1
    (tmp_path / "recipe.yaml").write_text("seed: 8\n", encoding="utf-8")
    assert read_config(tmp_path / "recipe.yaml").split_seed == 1


def test_a_teacher_that_has_seen_test_pictures_of_the_students_is_named(tmp_path, capsys):
    config = config_for("pictures", network="resnet8", num_classes=3, teacher=str(tmp_path / "best.ckpt"))
    save_checkpoint(config.teacher, build_model(config), describe(config))
    for seed, said in ((1, 0), (7, 1)):
        # As a run of before: no split_seed, its seed split.
        text = Config(**vars(config) | {"seed": seed, "teacher": ""}).text().replace("split_seed: 1\n", "")
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
        load_teacher(config)
        line = f"warning: --teacher {config.teacher}: was trained with split_seed=7, this training has 1; "
        assert capsys.readouterr().err.count(line) == said


def test_pictures_that_are_added_never_move_others(tmp_path):
    fill(tmp_path, 20)
    before = build(config_for(tmp_path), "test")[1]
    fill(tmp_path, 30)
    fill(tmp_path, 30, ("anew",))
    after = build(config_for(tmp_path), "test")[1]
    assert {path for path in after if int(path.split("_")[1][:-4]) < 20 and not path.startswith("anew")} == set(before)


def test_the_split_does_not_depend_on_where_the_folder_lies(tmp_path):
    fill(tmp_path / "here", 10)
    shutil.copytree(tmp_path / "here", tmp_path / "there" / "deep")
    assert build(config_for(tmp_path / "here"), "test")[1] == build(config_for(tmp_path / "there" / "deep"), "test")[1]


def test_the_share_of_a_split_is_fair():
    share = np.mean([in_test(f"cat/{n}.jpg", 3, 0.2) for n in range(20_000)])
    assert abs(share - 0.2) < 0.01


def test_a_train_folder_alone_is_split_and_a_class_may_be_called_train(tmp_path):
    fill(tmp_path / "a" / "train", 10)
    assert build(config_for(tmp_path / "a"), "train")[0].class_names == ("blue", "green", "red")
    fill(tmp_path / "b", 10, ("bus", "train", "plane"))
    assert build(config_for(tmp_path / "b"), "train")[0].class_names == ("bus", "plane", "train")
    for name in ("train", "test", "leftover"):
        fill(tmp_path / "c" / name, 2)
    assert build(config_for(tmp_path / "c"), "test")[0].class_names == ("blue", "green", "red")


def test_pictures_are_found_in_depth_under_any_name_and_nothing_else(tmp_path):
    picture = draw((200, 10, 10), 0)
    wanted = ("a/x.JPG", "a/deep/er/y.png", "ä b/猫 1.jpeg", "ä b/z.webp", "ä b/8.bmp")
    for name in wanted:
        save(tmp_path / name, picture)
    for name in ("a/.hidden.jpg", ".git/c/x.jpg", "__MACOSX/a/x.jpg"):
        save(tmp_path / name, picture)
    (tmp_path / "a" / "notes.txt").write_text("not a picture")
    (tmp_path / "readme.md").write_text("not a class")
    config = config_for(tmp_path, batch_size=1, test_share=0.5)
    found = [name for split in ("train", "test") for name in build(config, split)[1]]
    assert sorted(found) == sorted(wanted)


def test_the_number_and_names_of_classes_come_from_the_data_and_are_kept(tmp_path):
    fill(tmp_path, 8)
    config = config_for(tmp_path)
    config = settle_classes(config, build_dataset(config, "train"))
    assert (config.num_classes, config.class_names) == (3, ["blue", "green", "red"])
    fill(tmp_path, 8, ("gray",))
    assert "class gray is not among the 3 that the network was trained on" in refusal(config)
    shutil.rmtree(tmp_path / "gray")
    shutil.rmtree(tmp_path / "blue")  # to evaluate on some classes only keeps their numbers
    dataset, found = build(config, "test")
    assert dataset.class_names == ("blue", "green", "red") and set(found.values()) <= {1, 2}


def test_bad_folders_are_refused_with_what_to_do(tmp_path):
    folder = tmp_path / "pictures"
    assert "--data_path is empty" in refusal(config_for(""))
    assert f"--data_path {folder}: no such folder" in refusal(config_for(folder))
    folder.mkdir()
    assert f"{folder}: has no class" in refusal(config_for(folder))
    save(folder / "a.jpg", draw((1, 2, 3), 0))
    assert "lie in the folder itself; put them into one sub-folder per class" in refusal(config_for(folder))
    fill(folder, 8, ("blue",))
    assert "has one class, blue" in refusal(config_for(folder))
    fill(folder, 8, ("red",))
    assert "num_classes=5 contradicts image_folder, which has 2 classes; set num_classes: 2" in refusal(
        config_for(folder, num_classes=5)
    )
    assert "train_size=5: has no effect on image_folder" in refusal(config_for(folder, train_size=5), "test")
    (folder / "void").mkdir()
    (folder / "void" / "clip.mp4").touch()
    assert f"{folder / 'void'}: holds no picture (1 files of other kinds)" in refusal(config_for(folder))
    shutil.rmtree(folder / "void")
    message = refusal(config_for(folder, test_share=1e-9), "test")
    assert "holds no picture for the test split" in message and "--test_share" in message
    fill(folder / "split" / "train", 4)
    fill(folder / "split" / "val", 4, ("blue", "grue"))
    assert "class grue is not in" in refusal(config_for(folder / "split"), "test")


# --- imagenet


def test_imagenet_with_val_sorted_into_folders(wnid_train):
    fill(wnid_train / "val", 3, WNIDS, ".JPEG")
    config = config_for(wnid_train, "imagenet")
    dataset, train = build(config, "train")
    assert dataset.class_names == WNIDS and len(train) == 6
    assert train["train/n02105855/n02105855_1.JPEG"] == 2
    assert build(config, "test")[1]["val/n01443537/n01443537_0.JPEG"] == 1


LABELS = {
    "val_labels.txt": "b.JPEG n01440764\na.JPEG n02105855\n",
    "val.txt": "a.JPEG 2\nb.JPEG 0\n",
    "LOC_val_solution.csv": "ImageId,PredictionString\nb,n01440764 1 2 3 4 \na,n02105855 8 1 9 2 n02105855 1 1 2 2\n",
    "imagenet_2012_validation_synset_labels.txt": "n02105855\nn01440764\n",
    "my_labels.txt": "b,n01440764\na,n02105855\nz,n01440764\n",
}


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("beside", [True, False])
def test_imagenet_with_a_flat_val_and_a_label_file(wnid_train, name, beside):
    for stem in "ab":
        save(wnid_train / "val" / f"{stem}.JPEG", draw((9, 99, 199), 1))
    path = (wnid_train if beside else wnid_train / "val") / name
    path.write_text(LABELS[name], encoding="utf-8")
    flag = {"label_file": str(path)} if name.startswith("my") else {}
    dataset, test = build(config_for(wnid_train, "imagenet", **flag), "test")
    assert test == {"val/a.JPEG": 2, "val/b.JPEG": 0} and dataset.class_names == WNIDS


def test_imagenet_for_evaluation_needs_no_train_folder(tmp_path):
    fill(tmp_path / "val", 2, WNIDS[1:], ".JPEG")
    assert build(config_for(tmp_path, "imagenet"), "test")[0].class_names == WNIDS[1:]
    known = {"num_classes": 3, "class_names": [f"fish ({wnid})" for wnid in WNIDS]}
    _, test = build(config_for(tmp_path, "imagenet", **known), "test")
    assert set(test.values()) == {1, 2}


@pytest.mark.parametrize(
    "name, line",
    [
        ("class_index.csv", '{i},{wnid},"tench {i}, Tinca tinca"'),
        ("synset_words.txt", "{wnid} tench {i}, Tinca tinca"),
        ("words.txt", "{wnid}\ttench {i}"),
    ],
)
def test_names_to_read_come_from_a_list_beside_imagenet(wnid_train, name, line):
    (wnid_train / name).write_text("\n".join(line.format(i=i, wnid=wnid) for i, wnid in enumerate(WNIDS[:2])))
    config = config_for(wnid_train, "imagenet", class_names=list(WNIDS), num_classes=3)
    names = build(config, "train")[0].class_names
    assert names == ("tench 0 (n01440764)", "tench 1 (n01443537)", "n02105855")


def test_bad_imagenet_folders_are_refused_with_what_to_do(wnid_train):
    config = config_for(wnid_train, "imagenet")
    assert f"{wnid_train / 'val'}: no such folder" in refusal(config, "test")
    save(wnid_train / "val" / "a.JPEG", draw((9, 99, 199), 1))
    assert "no file with the labels" in refusal(config, "test") and "--label_file" in refusal(config, "test")
    assert "--label_file nowhere.txt: no such file" in refusal(
        config_for(wnid_train, "imagenet", label_file="nowhere.txt"), "test"
    )
    labels = wnid_train / "val.txt"
    labels.write_text("b.JPEG 1\n")
    assert f"{labels}: has no label for 1 of 1 pictures (a.JPEG)" in refusal(config, "test")
    labels.write_text("a.JPEG 3\n")
    assert "1 labels are none of the 3 classes (a.JPEG: 3)" in refusal(config, "test")
    labels.write_text("490\n")
    assert "ILSVRC's own numbers are in another order" in refusal(config, "test")
    assert "set num_classes: 3" in refusal(config_for(wnid_train, "imagenet", num_classes=1000))


# --- tiny_imagenet


@pytest.fixture
def tiny(tmp_path):
    fill(tmp_path / "train", 2, WNIDS, ".JPEG", "images")
    for number in range(3):
        save(tmp_path / "val" / "images" / f"val_{number}.JPEG", draw((9, 99, 199), number))
    rows = [f"val_{n}.JPEG\t{wnid}\t0\t0\t62\t57" for n, wnid in enumerate(reversed(WNIDS))]
    (tmp_path / "val" / "val_annotations.txt").write_text("\n".join(rows) + "\n")
    (tmp_path / "wnids.txt").write_text("\n".join(reversed(WNIDS)) + "\n")
    (tmp_path / "words.txt").write_text("n01440764\ttench, Tinca tinca\n")
    return tmp_path


def test_tiny_imagenet(tiny):
    config = config_for(tiny, "tiny_imagenet")
    dataset, train = build(config, "train")
    assert dataset.class_names == ("tench (n01440764)", *WNIDS[1:])
    assert train["train/n01443537/images/n01443537_0.JPEG"] == 1 and len(train) == 6
    assert build(config, "test")[1] == {f"val/images/val_{n}.JPEG": 2 - n for n in range(3)}


def test_bad_tiny_imagenet_folders_are_refused_with_what_to_do(tiny):
    config = config_for(tiny, "tiny_imagenet")
    (tiny / "val" / "val_annotations.txt").unlink()
    assert "no file with the labels" in refusal(config, "test")
    shutil.rmtree(tiny / "train" / WNIDS[1])
    assert f"{tiny / 'train' / WNIDS[1]}: no such folder" in refusal(config)
    (tiny / "wnids.txt").unlink()
    assert "wnids.txt: no such file" in refusal(config)


# --- the real thing


def test_real_imagenet_samples_with_their_names(test_data, tmp_path):
    samples = test_data / "imagenet_samples"
    for split in ("train", "val"):
        (tmp_path / split).symlink_to(samples)
    (tmp_path / "class_index.csv").symlink_to(samples / "class_index.csv")
    config = config_for(tmp_path, "imagenet", image_size=224, eval_batch_size=50)
    dataset = build_dataset(config, "test")
    assert dataset.num_classes == 100 and dataset.class_names[0] == "tench (n01440764)"
    np.testing.assert_array_equal(dataset.labels, np.arange(100))
    batches = list(dataset.batches(0))
    assert [tuple(images.shape) for images, _ in batches] == [(50, 3, 224, 224)] * 2
    means = np.concatenate([images.asnumpy() for images, _ in batches]).mean((0, 2, 3))
    assert np.abs(means).max() < 0.4  # normalized photographs
