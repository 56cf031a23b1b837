"""Names of classes: the lists are those the networks were trained with, in their order."""

import json
import re

import pytest
import torchvision

from alexnet_viz.errors import UserError
from alexnet_viz.network.zoo import MODELS
from alexnet_viz.training.shapes import SHAPES
from alexnet_viz.words.i18n import LANGUAGES
from alexnet_viz.words.labels import (
    LABELS_DIR,
    class_ids,
    class_name,
    class_of_wnid,
    class_record,
    parse_names,
    read_names,
)

LISTS = sorted(path.stem for path in LABELS_DIR.glob("*.json"))
HANGUL = re.compile("[가-힣]")


def entries(labels):
    return json.loads((LABELS_DIR / f"{labels}.json").read_text(encoding="utf-8"))


def test_every_list_that_a_model_names_is_there():
    assert {entry.labels for entry in MODELS.values()} <= set(LISTS)


def test_imagenet_is_torchvisions_list_in_its_order():
    theirs = torchvision.models.AlexNet_Weights.IMAGENET1K_V1.meta["categories"]
    assert class_ids("imagenet") == tuple(theirs)
    assert len(class_ids("imagenet")) == 1000


def test_small_lists_are_in_the_order_of_their_data():
    # batches.meta of the data set; torchvision's CIFAR10 sorts nothing.
    assert " ".join(class_ids("cifar10")) == "airplane automobile bird cat deer dog frog horse ship truck"
    assert class_ids("digits") == tuple("0123456789")
    assert class_ids("shapes") == tuple(SHAPES)
    assert all(HANGUL.search(class_name(id, "ko")) for id in class_ids("cifar10")), "each has a Korean name"


def test_the_200_are_classes_of_imagenet_in_its_order_each_with_a_korean_name():
    some, whole = class_ids("tiny_imagenet"), class_ids("imagenet")
    assert len(some) == 200
    assert [class_id for class_id in whole if class_id in set(some)] == list(some)
    assert all(HANGUL.search(class_name(class_id, "ko")) for class_id in some)


def test_imagenets_classes_have_their_wordnet_ids():
    records = [class_record(class_id) for class_id in class_ids("imagenet")]
    wnids = [record["wnid"] for record in records]
    assert wnids == sorted(set(wnids)), "torchvision's order is that of the folders, which are named so"
    assert all(re.fullmatch("n[0-9]{8}", wnid) for wnid in wnids)
    assert class_record("lemon") == {"id": "lemon", "wnid": "n07749582", "en": "lemon", "ko": "레몬"}
    assert class_record("truck") == {"id": "truck", "wnid": None, "en": "truck", "ko": "트럭"}
    assert class_of_wnid("n07749582") == "lemon"
    assert class_of_wnid("cat") == "cat"


def test_what_the_page_says_the_200_lack_is_not_there():
    """Classify names some things that people will try (pages/ui/classify/answer.py)."""
    words = {word for class_id in class_ids("tiny_imagenet") for word in class_id.split()}
    tried = "person|man|woman|horse|flower|rose|daisy|guitar|cup|ship|airplane"
    assert not [word for word in words if re.fullmatch(tried, word)]


@pytest.mark.parametrize("labels", LISTS)
def test_ids_are_unique_and_entries_hold_nothing_but_words(labels):
    ids = class_ids(labels)
    assert len(set(ids)) == len(ids)
    for entry in entries(labels):
        assert entry.keys() <= {"id", "wnid", *LANGUAGES}
        assert all(isinstance(word, str) and word.strip() == word != "" for word in entry.values())


@pytest.mark.parametrize("labels", LISTS)
def test_korean_words_are_korean_and_tell_the_classes_apart(labels):
    words = [entry["ko"] for entry in entries(labels) if "ko" in entry]
    assert all(HANGUL.search(word) for word in words)
    assert len(set(words)) == len(words)


def test_an_id_in_two_lists_has_one_word():
    words = {}
    for labels in LISTS:
        for entry in entries(labels):
            if "ko" in entry:
                assert words.setdefault(entry["id"], entry["ko"]) == entry["ko"]


@pytest.mark.parametrize(
    ("id", "language", "name"),
    [
        ("cat", "ko", "고양이"),
        ("cat", "en", "cat"),
        ("cat", "tlh", "cat"),
        ("7", "ko", "7"),
        ("class 3", "ko", "클래스 3"),
        ("class 3", "en", "class 3"),
        ("my own class", "ko", "my own class"),
    ],
)
def test_class_name(id, language, name):
    assert class_name(id, language) == name


def test_an_unknown_list_is_a_bug():
    with pytest.raises(FileNotFoundError):
        class_ids("no such list")


# ---- names that people give -----------------------------------------------------------------------------------------

NAMES = ("cat", "dog", "고양이")


@pytest.mark.parametrize(
    "text",
    [
        "cat\ndog\n고양이\n",
        "cat\r\n dog \r\n\r\n고양이",
        '["cat", "dog", "고양이"]',
        '{"cat": 0, "고양이": 2, "dog": 1}',
        '{"class_to_idx": {"cat": 0, "고양이": 2, "dog": 1}}',
        '{"0": "cat", "2": "고양이", "1": "dog"}',
        '{"0": ["n01", "cat"], "1": ["n02", "dog"], "2": ["n03", "고양이"]}',
    ],
)
def test_names_are_read_as_people_write_them(text):
    assert parse_names(text) == NAMES
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp949"):
        assert read_names(text.encode(encoding)) == NAMES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no class names"),
        (" \n\n", "no class names"),
        ("cat\ndog\ncat", "cat stands there twice"),
        ('["cat", ', "no class names in JSON"),
        ('["cat", 5]', "no class names in JSON"),
        ('{"cat": 0, "dog": 2}', "no class names in JSON"),
        ('{"cat": 1, "dog": 1}', "no class names in JSON"),
        ("[" * 100_000, "no class names in JSON"),
    ],
)
def test_what_is_no_list_of_names_is_refused(text, words):
    with pytest.raises(UserError, match=words):
        parse_names(text)


def test_a_file_that_is_no_text_is_refused():
    with pytest.raises(UserError, match="no text"):
        read_names(b"\xff\xd8\xff\xe0\x00\x10")
