"""Every section and every code block of the document works somewhere in the app, in its language.

One table says where. The pages are opened as a Korean visitor, and each must show what the section speaks of.
"""

import re
from functools import cache

import pytest
from google.protobuf.message import Message
from google.protobuf.text_format import MessageToString

from tests.pages.seen import open_well
from tools.catalogue import ROOT

SEED = (ROOT / "docs" / "seed.md").read_text(encoding="utf-8")


def at(page: str, **query: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return page, tuple(query.items())


def technique(name: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return at("techniques", tab=name)


HOME = at("home")
PAPER = at("architecture", preset="alexnet_2012", tab="table")
SINGLE = at("architecture", preset="alexnet_single", tab="table")
FLOW = at("architecture", preset="alexnet_single", tab="flow")
CODE = at("architecture", preset="alexnet_single", tab="code")
SCRIPT = at("runs", tab="script")
COMPARE = at("compare")
STORY = at("compare", tab="story")
LIMITS = at("compare", tab="limits")

# By heading or code block, in the document's order: the page with its address, and what stands there.
WHERE = {
    "AlexNet - 딥러닝 혁명을 일으킨 CNN": (HOME, ["AlexNet"]),
    "개요": (HOME, ["26.2 %", "15.3 %", "18.2 %"]),
    "AlexNet의 혁신적 특징": (SINGLE, ["62,378,344"]),
    "AlexNet vs LeNet 비교": (COMPARE, ["LeNet", "60,965,224"]),
    "AlexNet 구조": (PAPER, ["60,965,224"]),
    "전체 네트워크 구조 다이어그램": (SINGLE, ["svg", "conv1"]),
    "mermaid 1": (SINGLE, ["svg", "fc8"]),
    "레이어별 상세 구조": (FLOW, ["svg"]),
    "mermaid 2": (FLOW, ["svg"]),
    "각 레이어 상세 설명": (SINGLE, ["conv1", "relu1", "pool1"]),
    "1. 입력 레이어 (Input Layer)": (SINGLE, ["(227 - 11) / 4 + 1 = 55"]),
    "2. 첫 번째 합성곱 레이어 (Conv1)": (SINGLE, ["96 x 55 x 55", "34,944"]),
    "3. 첫 번째 풀링 레이어 (Pool1)": (SINGLE, ["96 x 27 x 27"]),
    "4. 두 번째 합성곱 레이어 (Conv2)": (SINGLE, ["256 x 27 x 27", "614,656"]),
    "5. 두 번째 풀링 레이어 (Pool2)": (SINGLE, ["256 x 13 x 13"]),
    "6. 세 번째 합성곱 레이어 (Conv3)": (SINGLE, ["384 x 13 x 13", "885,120"]),
    "7. 네 번째 합성곱 레이어 (Conv4)": (SINGLE, ["1,327,488"]),
    "8. 다섯 번째 합성곱 레이어 (Conv5)": (SINGLE, ["884,992"]),
    "9. 세 번째 풀링 레이어 (Pool3)": (SINGLE, ["256 x 6 x 6", "Pool3"]),
    "10. 완전 연결 레이어들 (Fully Connected)": (SINGLE, ["37,752,832", "16,781,312", "4,097,000"]),
    "PyTorch 구현 예제": (CODE, ["class AlexNet(nn.Module)"]),
    "python 1": (CODE, ["nn.Conv2d(3, 96, kernel_size=11, stride=4", "nn.AdaptiveAvgPool2d"]),
    "간단한 학습 예제 (CIFAR-10)": (at("train"), ["CIFAR-10", "seed"]),
    "python 2": (SCRIPT, ["nn.Conv2d(3, 64", "optimizer.step()"]),
    "AlexNet의 혁신적 기술들": (technique("relu"), ["ReLU"]),
    "1. ReLU 활성화 함수": (technique("relu"), ["시그모이드"]),
    "python 3": (technique("relu"), ["torch.clamp(x, min=0)"]),
    "2. Dropout 정규화": (technique("dropout"), ["규제"]),
    "python 4": (technique("dropout"), ["dropout("]),
    "3. Local Response Normalization (LRN)": (technique("lrn"), ["alpha"]),
    "python 5": (technique("lrn"), ["LocalResponseNorm("]),
    "4. Data Augmentation": (technique("augmentation"), ["RandomCrop"]),
    "python 6": (technique("augmentation"), ["RandomCrop"]),
    "AlexNet의 의의와 영향": (HOME, ["2012"]),
    "혁신적 기여": (technique("gpus"), ["GPU"]),
    "한계점": (LIMITS, ["11x11"]),
    "현대 CNN과의 비교": (STORY, ["ResNet", "Transformer"]),
    "결론": (HOME, ["AlexNet"]),
}

# What the app corrects: where it is said, in both languages.
CORRECTED = {
    "ReLU was not the first of its kind": (technique("relu"), "Nair", "Nair|나이르"),
    "ReLU eases vanishing gradients": (technique("relu"), "ease", "완화|줄"),
    "torch.max(0, x) raises": (technique("relu"), "TypeError", "TypeError"),
    "15.3 % are seven networks": (HOME, "seven networks", "일곱 개"),
    "the seed's class has one stream": (technique("paper"), "62,378,344", "62,378,344"),
    "dropout before fc6 and fc7": (technique("dropout"), "before", "앞"),
    "the std of CIFAR-10": (technique("augmentation"), "0.2470", "0.2470"),
    "LeNet's 7 layers": (STORY, "pooling", "풀링"),
    "normalisation and regularisation": (technique("dropout"), "Regularisation", "규제"),
    "RandomCrop on small photos": (technique("augmentation"), "219", "219"),
    "a Transformer is not a CNN": (STORY, "Transformer", "Transformer"),
    "LRN divides alpha by n": (technique("lrn"), "divide", "나누|나눕"),
}


def parts() -> list[str]:
    """Headings and code blocks in order; a block is named by its language and number."""
    found, counts, inside = [], {"mermaid": 0, "python": 0}, False
    for line in SEED.split("\n"):
        if block := re.fullmatch(r"```(\w+)?", line):
            inside = not inside
            if inside and block[1]:
                counts[block[1]] += 1
                found.append(f"{block[1]} {counts[block[1]]}")
        elif not inside and (heading := re.match(r"#+ (.+)", line)):
            found.append(heading[1].strip())
    return found


@cache
def shown(where: tuple[str, tuple[tuple[str, str], ...]], locale: str) -> str:
    """All that a page says, its pictures' alternatives, its tables and its code."""
    page, query = where
    app = open_well(page, locale=locale, **dict(query))
    return "\n".join(words(element) for element in app.main)


def words(element) -> str:
    if element.type == "dataframe":
        return element.value.to_csv()
    is_message = isinstance(element.proto, Message)
    return MessageToString(element.proto, as_utf8=True) if is_message else ""


def test_every_part_of_the_document_has_its_place():
    assert parts() == list(WHERE)


@pytest.mark.parametrize("part", WHERE)
def test_a_part_of_the_document_works(part):
    where, expected = WHERE[part]
    said = shown(where, "ko")
    assert [words for words in expected if words not in said] == []


@pytest.mark.parametrize("locale", ["en-US", "ko"])
@pytest.mark.parametrize("claim", CORRECTED)
def test_a_wrong_claim_is_corrected(claim, locale):
    where, english, korean = CORRECTED[claim]
    assert re.search(english if locale == "en-US" else korean, shown(where, locale))
