# SPDX-License-Identifier: Apache-2.0
"""Folders in VOC's layout: which pictures belong to a split, and where they and their annotations are looked for."""

import shutil
from pathlib import Path

import pytest

from adabin.data.voc import VOC_CLASSES
from tests.annotated import fill_voc, listed, own_voc, picture, refusal
from tests.pictures import save


@pytest.fixture
def folder(tmp_path):
    """Own classes; four training and two test pictures."""
    return own_voc(tmp_path / "own")


def without_sets(tmp_path, classes=("cat", "dog")):
    """A folder of twenty pictures without image sets; the last class stands in one test picture alone."""
    names = [f"p{number:02}" for number in range(20)]
    fill_voc(tmp_path / "own", {name: [(classes[0], 1, 1, 9, 9)] for name in names}, {})
    tested = Path(listed(tmp_path / "own", "test").paths[0]).stem
    path = tmp_path / "own" / "Annotations" / f"{tested}.xml"
    path.write_text(path.read_text(encoding="utf-8").replace(classes[0], classes[1]), encoding="utf-8")
    return tmp_path / "own"


def test_a_class_that_the_projects_own_split_puts_into_the_tests_alone_is_known(tmp_path):
    folder = without_sets(tmp_path)
    for split in ("train", "test"):
        assert listed(folder, split).class_names == ("cat", "dog")


def test_pictures_without_annotation_are_told_where_there_are_no_image_sets(tmp_path, capsys):
    folder = without_sets(tmp_path)
    listed(folder)
    assert not capsys.readouterr().err
    (folder / "Annotations" / "p03.xml").unlink()
    listed(folder)
    assert capsys.readouterr().err == "1 picture has no annotation, not used: p03.jpg\n"


def test_years_are_joined_and_named_by_image_sets(tmp_path):
    for year, names in (("VOC2007", "ab"), ("VOC2012", "cd")):
        sets = {"trainval": names, "train": names[0], "val": names[1], "dog_trainval": [f"{name}  1" for name in names]}
        sets |= {"test": ["t"]} if year == "VOC2007" else {}
        objects = {name: [("dog", 1, 1, 9, 9)] for name in (*names, "t")}
        fill_voc(tmp_path / year, objects, sets)
    stems = lambda pictures: ["/".join(path.split("/")[-3::2]) for path in pictures.paths]  # noqa: E731
    everything = ["VOC2007/a.jpg", "VOC2007/b.jpg", "VOC2012/c.jpg", "VOC2012/d.jpg"]
    assert stems(listed(tmp_path)) == everything and stems(listed(tmp_path, "test")) == ["VOC2007/t.jpg"]
    assert listed(tmp_path).class_names == VOC_CLASSES and len(VOC_CLASSES) == 20
    assert listed(tmp_path).labels[0].classes.tolist() == [11]
    assert stems(listed(tmp_path, train_sets=["VOC2012/trainval"])) == everything[2:]
    assert stems(listed(tmp_path, train_sets=["VOC2007/train", "VOC2012/val"])) == [everything[0], everything[3]]
    assert stems(listed(tmp_path, train_sets=["trainval", "VOC2007/train"])) == everything, "none twice"
    assert stems(listed(tmp_path, train_sets=["dog_trainval"])) == everything
    assert stems(listed(tmp_path / "VOC2012", train_sets=["VOC2012/val"])) == everything[3:]
    (tmp_path / "above").mkdir()
    shutil.move(tmp_path / "VOC2007", tmp_path / "above" / "VOCdevkit" / "VOC2007")
    assert stems(listed(tmp_path / "above")) == everything[:2]


def test_a_folder_without_image_sets_is_split_by_a_hash(tmp_path):
    fill_voc(tmp_path, {f"p{number}": [("dog", 1, 1, 9, 9)] for number in range(40)}, {})
    train, test = (set(listed(tmp_path, split, test_share=0.25).paths) for split in ("train", "test"))
    assert len(train | test) == 40 and not train & test and 4 <= len(test) <= 16
    other = set(listed(tmp_path, "test", test_share=0.25, split_seed=2).paths)
    assert other != test


def test_pictures_of_other_kinds_and_names_with_suffix_are_found(tmp_path):
    fill_voc(tmp_path, {"a": [("dog", 1, 1, 9, 9)], "my b": [("dog", 1, 1, 9, 9)]}, {"train": ["a.jpg", "my b"]})
    (tmp_path / "JPEGImages" / "a.jpg").unlink()
    save(tmp_path / "JPEGImages" / "a.png", picture(1)).rename(tmp_path / "JPEGImages" / "a.PNG")
    assert [path[-8:] for path in listed(tmp_path).paths] == ["es/a.PNG", "my b.jpg"]


def test_test_pictures_that_are_trained_on_are_told(folder, capsys):
    listed(folder, "test")
    assert capsys.readouterr().err == ""
    listed(folder, "test", test_sets=["train"])
    assert "4 of 4 test pictures are in the training sets, too" in capsys.readouterr().err


def test_missing_folders_and_image_sets_are_named(folder, tmp_path):
    assert "--data_path is empty" in refusal("")
    assert "no such folder" in refusal(tmp_path / "nowhere")
    assert "no folder Annotations" in refusal(folder / "JPEGImages")
    assert "train_sets: no image set trainval in ImageSets/Main; there are own/train; own/val" in refusal(
        folder, train_sets=["trainval"]
    )
    assert "no folder VOC2007 with annotations; there are own" in refusal(folder, train_sets=["VOC2007/train"])
    (folder / "ImageSets" / "Main" / "train.txt").write_text("\n\n")
    assert "train.txt: the image set is empty" in refusal(folder)
    (folder / "ImageSets" / "Main" / "train.txt").write_bytes(b"\xff\xfe\xfa")
    assert "train.txt: cannot be read as text" in refusal(folder)


def test_a_list_of_classes_may_lie_beside_the_voc_devkit_or_in_it(tmp_path):
    own_voc(tmp_path / "VOCdevkit" / "mine")
    for place, names in (("VOCdevkit", ("dog", "cat", "bird", "in it")), (".", ("dog", "cat", "bird", "beside"))):
        (tmp_path / place / "classes.txt").write_text("\n".join(names), encoding="utf-8")
        assert listed(tmp_path).class_names == listed(tmp_path, "test").class_names == names


# --- lines of an image set, and names of files


def rename(folder, old, new):
    for path in (folder / "JPEGImages" / f"{old}.jpg", folder / "Annotations" / f"{old}.xml"):
        (path.parent / new).parent.mkdir(exist_ok=True)
        path.rename(path.parent / f"{new}{path.suffix}")


def write_set(folder, *lines, name="train"):
    path = folder / "ImageSets" / "Main" / f"{name}.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def file_names(pictures, folder):
    return [str(Path(path).relative_to(folder / "JPEGImages")) for path in pictures.paths]


def test_a_name_that_ends_like_a_flag_is_a_name_where_such_a_picture_or_annotation_is_there(folder):
    for old, new in (("a", "img"), ("b", "img 1"), ("c", "img 0"), ("d", "my own"), ("e", "x/pic"), ("f", "x/pic 1")):
        rename(folder, old, new)
    names = ["img", "img 1", "img 0", "my own", "x/pic", "x/pic 1"]
    write_set(folder, *names)
    assert file_names(listed(folder), folder) == [f"{name}.jpg" for name in names]
    write_set(folder, *(f"{name}  {flag}" for name, flag in zip(names, (1, 1, -1, 0, 1, -1), strict=True)))
    assert file_names(listed(folder), folder) == [f"{name}.jpg" for name in names], "a set of one class"
    (folder / "JPEGImages" / "img 1.jpg").unlink()
    write_set(folder, "img", "img 1")
    assert "img 1.jpg: no such picture" in refusal(folder), "its annotation is there"
    (folder / "Annotations" / "img 0.xml").unlink()
    write_set(folder, "img", "img 0")
    assert "img 0.xml: cannot be read" in refusal(folder), "its picture is there"


def test_a_line_with_a_character_that_no_name_has_is_refused(folder):
    path = write_set(folder, "a", "x\0y", "b")
    assert refusal(folder).startswith(f"{path}: line 2 has a NUL character; give a picture's name per line")
    assert refusal(folder, skip_corrupt=True) == refusal(folder)


def test_a_name_that_is_too_long_for_a_file_is_no_picture(folder, capsys):
    long = "n" * 300
    path = write_set(folder, "a", "b", f"{long} 1", f"{long}/c 1")
    message = refusal(folder)
    assert "2 of 4 train pictures cannot be used" in message and "--data_path" not in message
    assert f"{folder}/JPEGImages/{long}.jpg: no such picture (it is in {path})" in message
    assert len(listed(folder, skip_corrupt=True).paths) == 2
    assert "2 of 4 train pictures cannot be used and are left out" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["XML", "Xml"])
def test_the_suffix_of_an_annotation_may_be_in_capital_letters(folder, suffix):
    for path in (folder / "Annotations").iterdir():
        path.rename(path.with_suffix(f".{suffix}"))
    assert len(listed(folder).paths) == 4 and sum(map(len, listed(folder).labels)) == 4
    shutil.rmtree(folder / "ImageSets")
    parts = [listed(folder, split, test_share=0.5, class_names=["bird", "cat", "dog"]) for split in ("train", "test")]
    assert sum(len(part.paths) for part in parts) == 6
