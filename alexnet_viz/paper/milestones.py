"""What AlexNet achieved in 2012, as the paper reports it (section 6)."""

from dataclasses import dataclass

from alexnet_viz.words.i18n import N_


@dataclass(frozen=True)
class Result:
    """The share of ILSVRC-2012's test images whose class is not among an entry's five best guesses."""

    title: str  # marked for translation
    top5_error: float  # percent
    is_alexnet: bool


ILSVRC_2012 = (
    Result(N_("Runner-up, without a deep network"), 26.2, False),
    Result(N_("One AlexNet"), 18.2, True),
    Result(N_("Five AlexNets, averaged"), 16.4, True),
    Result(N_("Seven, two of them pretrained: the entry that won"), 15.3, True),
)
