"""Each question's answer against torch or a plain loop that reads nothing but the question's own numbers."""

import itertools
import math
import re
import string
from functools import cache

import pytest
import torch
from torch import nn
from torch.nn import functional

from alexnet_viz.network.comparison import comparison
from alexnet_viz.quiz.lessons import LESSONS, judge, next_seed, questions, said
from alexnet_viz.quiz.question import NEAR, Mistake, Question
from alexnet_viz.words.i18n import Message, translator

SEEDS = range(200)
ENGLISH = translator("en")


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"-?\d+", text)]


# ---- Oracles: a question's values in, its answer out ----


def _relu_unit(v):
    unit = nn.Linear(3, 1)
    unit.weight.data = torch.tensor([numbers(v["weights"])], dtype=torch.float32)
    unit.bias.data = torch.tensor([float(v["bias"])])
    return functional.relu(unit(torch.tensor(numbers(v["inputs"]), dtype=torch.float32))).item()


def _relu_slope(v):
    x = torch.tensor(float(v["x"]), requires_grad=True)
    return torch.autograd.grad(functional.relu(x), x)[0].item()


def _relu_chain(v):
    x = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    y = x
    for _ in range(v["depth"]):
        y = torch.sigmoid(y) - 0.5  # back to 0, where the next one is steepest
    return 1 / torch.autograd.grad(y, x)[0].item()


def _dropout_trained(v):
    torch.manual_seed(0)
    seen = nn.Dropout(v["rate"])(torch.full((64,), float(v["value"])))
    return seen[seen > 0][0].item()


def _lrn_neighbours(v):
    each = v.get("each", v["channels"])
    return sum(
        abs(other - v["channel"]) <= v["size"] // 2 and other // each == v["channel"] // each
        for other in range(v["channels"])
    )


def _lrn_squares(v):
    """Out of torch's own LRN: alpha = n and beta = 1 leave a / (1 + sum of squares)."""
    maps = torch.tensor(numbers(v["values"]), dtype=torch.float64).reshape(1, 6, 1, 1)
    normalised = functional.local_response_norm(maps, v["size"], alpha=v["size"], beta=1.0, k=1.0)
    return (maps / normalised).flatten()[v["channel"]].item() - 1


def _lrn_divided(v):
    """torch's LRN, which divides alpha by n, on five channels with the sum of squares in question."""
    rest = math.sqrt(v["squares"] - v["value"] ** 2)
    maps = torch.tensor([0, rest, v["value"], 0, 0], dtype=torch.float64).reshape(1, 5, 1, 1)
    return functional.local_response_norm(maps, 5, alpha=5 * v["alpha"], beta=0.75, k=2.0).flatten()[2].item()


def _lrn_alpha(v):
    """The alpha that makes torch agree with the printed formula, out of torch's denominator at beta = 1 and k = 0."""
    maps = torch.ones(1, v["size"], 1, 1, dtype=torch.float64)
    per_alpha = 1 / functional.local_response_norm(maps, v["size"], alpha=1.0, beta=1.0, k=0.0)[0, v["size"] // 2]
    return v["alpha"] * v["size"] / per_alpha.item()


def _augmentation_crops(v):
    places = [(top, left) for top in range(v["side"] - v["crop"] + 1) for left in range(v["side"] - v["crop"] + 1)]
    return len([(place, mirrored) for place in places for mirrored in (False, True)])


def _augmentation_colour(v):
    components = torch.zeros(3, 3, dtype=torch.float64)
    components[0, 0] = v["red"]  # red, first component
    scales = torch.tensor([v["drawn"] * v["spread"], 0, 0], dtype=torch.float64)
    return 100 * (components @ scales)[0].item()


def _pooling_winner(v, grid):
    maps = torch.tensor(grid, dtype=torch.float32)[None, None]
    _, winners = functional.max_pool2d(maps, 3, 2, return_indices=True)
    row, column = divmod(int(winners[0, 0, v["row"], v["column"]]), 5)
    return Message("row {row}, column {column}", row=row, column=column)


def _pooling_windows(v):
    """How many windows of an average pool pass a gradient back to the pixel."""
    maps = torch.zeros(1, 1, v["side"], v["side"], requires_grad=True)
    (grad,) = torch.autograd.grad(9 * functional.avg_pool2d(maps, 3, 2).sum(), maps)
    return round(grad[0, 0, v["row"], v["column"]].item())


def _conv(v, **settings):
    return nn.Conv2d(v["inputs"], v["filters"], v.get("kernel", 3), **settings)


def _count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def _macs(v, groups):
    """Products of one output value times output values."""
    per_value = sum(1 for _ in itertools.product(range(v["inputs"] // groups), range(3), range(3)))
    return per_value * _conv(v, padding=1, groups=groups)(torch.zeros(1, v["inputs"], v["side"], v["side"])).numel()


def _gpus_one_filter(v):
    """The input channels from which a gradient comes back."""
    conv = nn.Conv2d(v["inputs"], v["filters"], 1, groups=2)
    maps = torch.zeros(1, v["inputs"], 1, 1, requires_grad=True)
    (grad,) = torch.autograd.grad(conv(maps)[0, v["number"]].sum(), maps)
    seen = grad.flatten().nonzero().flatten().tolist()
    assert seen == list(range(seen[0], seen[-1] + 1))
    return Message("channels {first} to {last}", first=seen[0], last=seen[-1])


def _gpus_macs(v):
    assert v["single"] == _macs(v, 1)
    return _macs(v, v["groups"])


def _gpus_memory(v):
    kept = [torch.empty(10**6, dtype=torch.float32, device="meta") for _ in ("weights", "gradients", "momentum")]
    return v["millions"] * sum(tensor.numel() * tensor.element_size() for tensor in kept) / 10**6


def _paper_side(v):
    """Windows start every `stride` pixels until one reaches the edge."""
    count, start = 1, 0
    while start + v["kernel"] < v["side"]:
        count, start = count + 1, start + v["stride"]
    return count


def _paper_momentum(v):
    """torch's optimiser: its buffer is -v / learning rate."""
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimiser = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    weight.grad = torch.zeros_like(weight)
    optimiser.step()
    optimiser.state[weight]["momentum_buffer"].fill_(-v["speed"] / 0.1)
    weight.grad = torch.full_like(weight, v["gradient"])
    before = weight.item()
    optimiser.step()
    return weight.item() - before


def _paper_softmax(v):
    powers = numbers(v["logits"])
    logits = torch.tensor(powers, dtype=torch.float64).log()
    return 100 * logits.softmax(0)[powers.index(v["power"])].item()


def _paper_top5(v):
    right = []
    for rank in numbers(v["ranks"]):
        logits = torch.arange(20, 0, -1)
        right.append(rank - 1 in logits.topk(5).indices)
    return 100 * right.count(False) / len(right)


def _architecture_side(v):
    conv = nn.Conv2d(1, 1, v["kernel"], v["stride"], v["padding"])
    return conv(torch.zeros(1, 1, v["side"], v["side"])).shape[-1]


def _architecture_field(v):
    """How wide the gradient of one output is, with average pooling and no negative weights."""
    layers = nn.Sequential(
        nn.Conv2d(1, 1, v["first"], v["stride"]), nn.AvgPool2d(v["pool"], 2), nn.Conv2d(1, 1, v["second"])
    ).double()
    for layer in (layers[0], layers[2]):
        nn.init.ones_(layer.weight)
    maps = torch.zeros(1, 1, 99, 99, dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(layers(maps)[0, 0, 2, 2], maps)
    return int((grad[0, 0].sum(0) > 0).sum())


def _compare_linear(v):
    inputs = nn.Flatten()(torch.zeros(1, v["channels"], v["side"], v["side"])).shape[1]
    return _count(nn.Linear(inputs, v["outputs"]))


def _compare_reuse(v):
    """With all inputs 1, a weight's gradient counts how often it was used; padding is left out here."""
    conv = nn.Conv2d(1, v["filters"], 3)
    out = conv(torch.ones(1, 1, v["side"] + 2, v["side"] + 2))
    assert out.shape[-1] == v["side"]
    return round(torch.autograd.grad(out.sum(), conv.weight)[0][0, 0, 0, 0].item())


ORACLES = {name[1:]: oracle for name, oracle in list(globals().items()) if name[1:].split("_")[0] in LESSONS} | {
    "relu_mean": lambda v: functional.relu(torch.tensor(numbers(v["values"]), dtype=torch.float32)).mean().item(),
    "dropout_kept": lambda v: v["units"] * (1 - v["rate"]),
    # The mean over training, which testing has to match: dropped or not, without scaling.
    "dropout_tested": lambda v: (1 - v["rate"]) * v["value"] + v["rate"] * 0,
    "dropout_networks": lambda v: len(set(itertools.product((0, 1), repeat=v["units"]))),
    "augmentation_mirror": lambda v: torch.arange(v["width"]).flip(0).tolist().index(v["column"]),
    "augmentation_average": lambda v: torch.tensor(numbers(v["values"]), dtype=torch.float64).mean().item(),
    "pooling_side": lambda v: functional.max_pool2d(
        torch.zeros(1, 1, v["side"], v["side"]), v["kernel"], v["stride"]
    ).shape[-1],
    "pooling_average": lambda v, grid: functional.avg_pool2d(torch.tensor(grid, dtype=torch.float32)[None], 2)[
        0, v["row"], v["column"]
    ].item(),
    "gpus_params": lambda v: _count(_conv(v, groups=2)),
    "architecture_params": lambda v: _count(_conv(v)),
    "architecture_macs": lambda v: _macs(v, 1),
    "compare_shortcut": lambda v: functional.relu(torch.tensor(v["made"]) + torch.tensor(v["arrives"])).item(),
}
GENERATORS = {
    f"{lesson}_{make.__name__}": (lesson, place)
    for lesson, makes in LESSONS.items()
    for place, make in enumerate(makes)
}
WITH_GRID = {"pooling_winner", "pooling_average"}
BY_TABLE = {"compare_most"}


@cache
def rounds(lesson: str) -> list[list[Question]]:
    return [questions(lesson, seed) for seed in SEEDS]


def drawn(name: str) -> list[Question]:
    lesson, place = GENERATORS[name]
    return [questions_[place] for questions_ in rounds(lesson)]


def test_every_question_has_an_oracle_and_a_lesson_three_or_four_questions():
    assert set(GENERATORS) == set(ORACLES) | BY_TABLE
    assert {len(makes) for makes in LESSONS.values()} <= {3, 4}


@pytest.mark.parametrize("name", ORACLES)
def test_the_answer_is_the_oracles(name):
    for question in drawn(name):
        values = question.text.values
        expected = ORACLES[name](values, question.grid) if name in WITH_GRID else ORACLES[name](values)
        if isinstance(expected, Message):
            assert question.answer == expected
        else:
            assert question.answer == pytest.approx(expected, rel=1e-5, abs=1e-6), str(question.text)
        assert judge(question, question.answer).right


def test_the_network_with_the_most_is_the_comparisons():
    totals = {"parameters?": "params", "picture?": "macs", "convolutions?": "conv_params"}
    for question in drawn("compare_most"):
        what = totals[str(question.text).split()[-1]]
        counts = {row.title: getattr(row, what) for row in comparison()}
        asked = {str(choice): counts[str(choice)] for choice in question.choices}
        assert str(question.answer) == max(asked, key=asked.get)
        assert len(set(asked.values())) == 3
        assert all(f"{count:,}" in str(question.explain) for count in asked.values())


@pytest.mark.parametrize("name", GENERATORS)
def test_exactly_one_answer_is_right_and_each_mistake_is_told_apart(name):
    for question in drawn(name):
        assert len(question.mistakes) >= 2
        assert len({str(mistake.why) for mistake in question.mistakes}) == len(question.mistakes), "each explained"
        wrong = [mistake.value for mistake in question.mistakes]
        if question.kind == "choice":
            assert len(question.choices) == len(set(question.choices)) == len(wrong) + 1
            assert [judge(question, choice).right for choice in question.choices].count(True) == 1
            assert {*question.choices} == {question.answer, *wrong}
        else:
            assert not isinstance(question.answer, Message)
            gaps = [abs(a - b) for a, b in itertools.combinations([question.answer, *wrong], 2)]
            assert min(gaps) > 2 * NEAR, "one typed number could be either"
        for mistake in question.mistakes:
            verdict = judge(question, mistake.value)
            assert not verdict.right
            assert verdict.mistake == mistake.why


@pytest.mark.parametrize("name", GENERATORS)
def test_new_numbers_are_new_and_a_seed_repeats_them(name):
    lesson, place = GENERATORS[name]
    texts = {(str(question.text), question.grid, question.choices) for question in drawn(name)}
    assert len(texts) >= 5
    assert questions(lesson, 5)[place] == questions(lesson, 5)[place]


@pytest.mark.parametrize("name", ["relu_chain", "dropout_networks", "pooling_winner"])
def test_new_numbers_differ_from_the_ones_before(name):
    lesson, place = GENERATORS[name]
    for seed in range(20):
        after = next_seed(lesson, place, seed)
        assert after > seed
        assert questions(lesson, after)[place].text != questions(lesson, seed)[place].text


@pytest.mark.parametrize("name", GENERATORS)
def test_answers_are_worked_out_on_paper(name):
    for question in drawn(name):
        if not isinstance(question.answer, Message):
            assert abs(question.answer) < 100_000
            assert len(said(question.answer, ENGLISH).partition(".")[2]) <= 4
            assert said(question.answer, ENGLISH) in ENGLISH(question.explain) or name == "relu_slope"


def test_the_papers_numbers():
    """Facts that a lesson states come out of the same functions."""
    assert any(question.answer == 2178 for question in drawn("augmentation_crops"))
    assert any(question.text.values["millions"] == 61 and question.answer == 732 for question in drawn("gpus_memory"))


def test_decimals_are_taken_as_rounded_and_whole_numbers_are_not():
    softmax = Question(Message(""), 30, Message(""), (Mistake(100 / 3, Message("equal")),))
    assert judge(softmax, 33.33).mistake == Message("equal")
    assert not softmax.whole
    whole = Question(Message(""), 30, Message(""), (Mistake(31, Message("one more")),))
    assert judge(whole, 30).right
    assert not judge(whole, 29).right
    assert judge(whole, 29).mistake is None, "nobody knows what led there"


@pytest.mark.parametrize(("value", "text"), [(1024, "1,024"), (0.0005, "0.0005"), (-3.2, "-3.2"), (2.5, "2.5")])
def test_values_read_well(value, text):
    assert said(value, ENGLISH) == text


def test_every_sentence_gets_all_of_its_values():
    for name in GENERATORS:
        for question in drawn(name):
            for message in (question.text, question.explain, *(mistake.why for mistake in question.mistakes)):
                names = {field for _, field, _, _ in string.Formatter().parse(message.text) if field}
                assert names <= set(message.values), message.text
