"""From logits to answers, and from answers to files."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet_viz.inspection.classify import Answer, answer_record, answers_csv, classify, softmax, softmax_terms
from alexnet_viz.network.build import random_state
from alexnet_viz.network.sources import RANDOM
from alexnet_viz.network.weights import load_model, open_model, with_names
from alexnet_viz.network.zoo import MODELS
from tests.inspection.networks import condition


def answer(*logits, classes="abcdefgh", seconds=0.25):
    return Answer(tuple(classes[: len(logits)]), np.array(logits, dtype=np.float32), seconds)


def log(*probabilities):
    return answer(*np.log(probabilities))


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0, 2.0, 20.0])
def test_softmax_is_torch_softmax_of_the_divided_logits(temperature):
    logits = np.random.default_rng(0).normal(0, 8, 1000).astype(np.float32)
    expected = torch.softmax(torch.from_numpy(logits).double() / temperature, 0).numpy()
    np.testing.assert_allclose(softmax(logits, temperature), expected, rtol=1e-12)


@pytest.mark.parametrize("logits", [[1000.0, 0.0, -1000.0], [1e38, -1e38, 0.0], [-500.0, -500.0, -501.0]])
def test_softmax_of_extreme_logits_adds_up_to_one(logits):
    given = np.array(logits, dtype=np.float32)
    probabilities = softmax(given, 3.0)
    assert np.isfinite(probabilities).all()
    assert probabilities.sum() == pytest.approx(1)
    assert np.array_equal(given, np.array(logits, dtype=np.float32)), "the logits are left alone"


@pytest.mark.parametrize("logit", [-1000.0, -2.5, 0.0, 2.5, 1000.0])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_one_output_is_a_sigmoid(logit, temperature):
    expected = torch.sigmoid(torch.tensor(logit / temperature, dtype=torch.float64)).item()
    assert softmax(np.array([[logit]], dtype=np.float32), temperature)[0, 0] == pytest.approx(expected, rel=1e-12)
    said = answer(logit)
    ((term,), total) = softmax_terms(said, temperature, 6)
    assert term.probability == pytest.approx(expected, rel=1e-12)
    assert term.exponential / total == pytest.approx(expected, rel=1e-12)
    assert not said.unsure, "a small probability is a sure no"


def test_a_network_with_one_output_is_never_sure_of_its_only_class():
    spec = MODELS["lenet5"].spec
    spec = replace(spec, layers=(*spec.layers[:-1], replace(spec.layers[-1], outputs=1)))
    data = io.BytesIO()
    torch.save(random_state(spec, seed=2), data)
    model = open_model(data.getvalue(), "binary.pth")
    said = classify(model, Image.new("RGB", (40, 40), (200, 30, 90)))
    with torch.inference_mode():
        array = model.entry.preprocess.to_array(Image.new("RGB", (40, 40), (200, 30, 90)))
        expected = model.network(torch.from_numpy(array)[None]).sigmoid().item()
    assert said.top(5) == [("class 1", pytest.approx(expected))]
    assert 0.3 < expected < 0.7, "random weights are sure of nothing"
    assert "sigmoid" in str(model.remarks[-1])
    named = with_names(model, ["cat", "dog"])
    assert named.classes == ("dog",), "the output is the probability of a 1"


def test_top_is_best_first():
    top = log(0.1, 0.6, 0.3).top(3)
    assert [name for name, _ in top] == ["b", "c", "a"]
    assert [p for _, p in top] == pytest.approx([0.6, 0.3, 0.1])
    assert all(type(p) is float for _, p in top)


def test_ties_are_in_class_order():
    assert [name for name, _ in answer(1, 5, 1, 5, 1, 5).top(6)] == list("bdface")
    logits = np.arange(1000, dtype=np.float32) % 5
    many = Answer(tuple(range(1000)), logits, 0.1)  # enough for a sort that is not stable to show it
    assert [name for name, _ in many.top(1000)] == sorted(range(1000), key=lambda i: (-logits[i], i))


def test_top_gives_as_many_as_there_are():
    assert [len(answer(3, 2, 1).top(count)) for count in (0, 1, 2, 3, 50)] == [0, 1, 2, 3, 3]


@pytest.mark.parametrize(("best", "unsure"), [(0.49, True), (0.51, False), (0.9, False)])
def test_unsure_below_one_half(best, unsure):
    assert log(best, *[(1 - best) / 3] * 3).unsure is unsure


def test_classify_is_preprocessing_and_one_forward_pass():
    model = load_model("lenet5", RANDOM)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8))
    said = classify(model, image)
    expected = model.network(torch.from_numpy(model.entry.preprocess.to_array(image))[None])[0]
    np.testing.assert_array_equal(said.logits, expected.numpy())
    assert (said.logits.shape, said.logits.dtype) == ((10,), np.float32)
    assert said.classes == model.classes
    assert 0 < said.seconds < 60


@pytest.mark.parametrize("fails", [False, True])
def test_classify_leaves_the_model_as_it_was(fails):
    model = load_model("lenet5", RANDOM)

    before = condition(model.network)
    if fails:
        with pytest.raises(AttributeError):
            classify(model, None)
    else:
        classify(model, Image.new("RGB", (9, 9)))
    assert condition(model.network) == before
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def rows(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def test_csv_has_a_line_for_each_picture_and_class():
    text = answers_csv([("one.jpg", log(0.25, 0.75)), ("two.jpg", log(0.9, 0.06, 0.04))], top=2)
    assert text.replace("\r\n", "\n") == (
        "file,rank,class,probability\n"
        "one.jpg,1,b,0.750000\n"
        "one.jpg,2,a,0.250000\n"
        "two.jpg,1,a,0.900000\n"
        "two.jpg,2,b,0.060000\n"
    )


def test_csv_of_nothing_is_its_header_and_has_five_classes_unless_told_otherwise():
    assert answers_csv([]) == "file,rank,class,probability\r\n"
    assert len(rows(answers_csv([("a", answer(*range(8)))]))) == 1 + 5


@pytest.mark.parametrize(
    "name", ["a,b.jpg", 'a"b.jpg', "a\nb.jpg", "a\r\nb.jpg", "a\rb.jpg", "고양이.jpg", " a.jpg", "a;b", "", "x=1.jpg"]
)
def test_csv_names_are_read_back_as_they_were(name):
    _, line = rows(answers_csv([(name, answer(100))], top=1))
    assert line == [name, "1", "a", "1.000000"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "=a,b"])
def test_csv_names_and_classes_that_start_like_a_formula_are_made_text(name):
    said = Answer((name,), np.full(1, 100, dtype=np.float32), 0.1)
    _, line = rows(answers_csv([(name, said)], top=1))
    assert line == [f"'{name}", "1", f"'{name}", "1.000000"]


def test_a_json_record_has_six_digits_of_each_probability():
    record = answer_record("cat.jpg", "lenet5", Answer(("a", "b"), np.zeros(2, dtype=np.float32), 0.123456), 1)
    assert record == {
        "file": "cat.jpg",
        "model": "lenet5",
        "seconds": 0.1235,
        "top": [{"class": "a", "probability": 0.5}],
        "notes": [],
    }
    assert json.loads(json.dumps(record)) == record
    record = answer_record("cat.jpg", "lenet5", log(1 / 3, 2 / 3), 5)
    assert [item["probability"] for item in record["top"]] == [0.666667, 0.333333]
