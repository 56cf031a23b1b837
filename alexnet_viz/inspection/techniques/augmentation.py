"""A photo changed by chance, as in training, and what a network says to each of its variants.

    found = variants(model, picture.image, "rotation", 15, pca, seed=0)
    found.kept("cat"), found.span("cat")         # how many of 8 still say cat; lowest and highest probability
    transforms_code("rotation", 15, model.entry.preprocess, pca)     # the same with torchvision

Each kind does what torchvision's transform of its name does with a PIL picture, so the code shown beside it is what
was done. A strength is a number in its kind's own unit, and 0 changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from alexnet_viz.inspection.activations import Floats
from alexnet_viz.inspection.classify import probabilities_of
from alexnet_viz.inspection.progress import Progress
from alexnet_viz.network.weights import Model
from alexnet_viz.network.zoo import IMAGENET_MEAN, IMAGENET_STD
from alexnet_viz.pictures.colour_pca import ColourPCA, colour_pca
from alexnet_viz.pictures.images import Preprocess, decode, encode
from alexnet_viz.words.i18n import N_

Numbers = tuple[float, ...]

COUNT = 8  # variants shown at once
STEPS = 5  # strengths tried of each kind, beside none
SIDE = 64  # pixels of a photo when its colours are counted: every photo counts as much
CLOUD = 400  # pixels drawn as points
SHOWN_SIDE = 192  # pixels that a picture for the page has at least: small ones are enlarged by whole pixels
SWATCH_SIDE = 32  # pixels of one colour of a swatch

PAPER = Preprocess(256, 224, IMAGENET_MEAN, IMAGENET_STD)  # its sizes (section 4.1); it subtracts a mean image instead
PAPER_MARGIN = PAPER.size - PAPER.crop
PAPER_CUT = PAPER_MARGIN  # places along a side that it counts; there is one more
PAPER_FACTOR = 2 * PAPER_CUT**2  # 2048, by which it says that cutting and mirroring multiply the training set
PAPER_SIGMA, VISIBLE_SIGMA = 0.1, 1.0  # of the random factors: the paper's, and one that nobody can miss
SEED_CROP, SEED_PADDING = 227, 4  # of the seed document's RandomCrop
SEED_SMALLEST = SEED_CROP - 2 * SEED_PADDING  # pixels of the shortest side with which its own transform runs


# ---- The kinds ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Photo:
    """A photo on its way into a network."""

    image: Image.Image  # RGB
    preprocess: Preprocess
    pca: ColourPCA  # largest first

    @cached_property
    def seen(self) -> Image.Image:
        """What the network sees of the untouched photo."""
        return self.preprocess.cropped(self.preprocess.resized(self.image))


_Change = Callable[[_Photo, float, np.random.Generator], tuple[Floats, Numbers]]


def _mirror(photo: _Photo, percent: float, random: np.random.Generator) -> tuple[Floats, Numbers]:
    """Numbers: 1 if mirrored, otherwise 0."""
    mirrored = random.random() < percent / 100
    return photo.preprocess.normalised(ImageOps.mirror(photo.seen) if mirrored else photo.seen), (float(mirrored),)


def _crop(photo: _Photo, margin: float, random: np.random.Generator) -> tuple[Floats, Numbers]:
    """Numbers: left and top of the window in the central square."""
    crop = photo.preprocess.crop
    size = crop + int(margin)
    square = replace(photo.preprocess, size=size, crop=size)
    left, top = (random.random(2) * (int(margin) + 1)).astype(int).tolist()  # of any margin the same shares
    window = square.cropped(square.resized(photo.image)).crop((left, top, left + crop, top + crop))
    return photo.preprocess.normalised(window), (left, top)


def _rotation(photo: _Photo, degrees: float, random: np.random.Generator) -> tuple[Floats, Numbers]:
    """Numbers: the angle, counter-clockwise."""
    angle = degrees * random.uniform(-1, 1)
    return photo.preprocess.normalised(photo.seen.rotate(angle)), (angle,)


_ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


def _jitter(photo: _Photo, percent: float, random: np.random.Generator) -> tuple[Floats, Numbers]:
    """Numbers: the factors of brightness, contrast and saturation. Their order is drawn too, as torchvision does."""
    factors = 1 + percent / 100 * random.uniform(-1, 1, 3)
    image = photo.seen
    for i in random.permutation(3):
        image = _ENHANCERS[i](image).enhance(factors[i])
    return photo.preprocess.normalised(image), tuple(factors.tolist())


def _colours(photo: _Photo, sigma: float, random: np.random.Generator) -> tuple[Floats, Numbers]:
    """Numbers: what was added to red, green and blue, in levels of 255."""
    shift = photo.pca.shift(sigma * random.standard_normal(3))
    return _shifted(photo, shift), tuple((255 * shift).tolist())


def _shifted(photo: _Photo, shift: Floats) -> Floats:
    """The input with a colour added, which is not cut to 0..1: the network takes any number."""
    std = np.array(photo.preprocess.std, np.float32)
    return photo.preprocess.normalised(photo.seen) + (shift / std)[:, None, None]


@dataclass(frozen=True)
class Strengths:
    """What a kind's strength may be, in its unit, beside 0."""

    usual: float  # where one sees something and the answer mostly stays
    most: float
    step: float


@dataclass(frozen=True)
class Kind:
    """One way to change a photo."""

    title: str  # marked for translation
    strength: str  # what its strength is, marked for translation
    unit: str  # how a strength is written, printf's way
    source: str  # who used it, with the number; marked for translation
    strengths: Callable[[int], Strengths]  # for a network that sees so many pixels a side
    change: _Change

    def said(self, strength: float) -> str:
        """A strength with its unit."""
        return self.unit % strength


KINDS: Mapping[str, Kind] = {
    "mirror": Kind(
        *(N_("Mirror"), N_("Probability of being mirrored"), "%d %%"),
        N_("The paper mirrors half of the pictures: 50 %."),
        *(lambda side: Strengths(50, 100, 10), _mirror),
    ),
    "crop": Kind(
        *(N_("Random crop"), N_("Margin to move the window in"), "%d px"),
        N_("The paper resizes to 256 pixels and cuts out 224: a margin of 32 pixels."),
        *(lambda side: Strengths(side // 7, side, 1), _crop),
    ),
    "rotation": Kind(
        *(N_("Rotation"), N_("Largest angle, to either side"), "%d°"),
        N_("The paper does not rotate. The seed document does, by up to 10 degrees on CIFAR-10."),
        *(lambda side: Strengths(20, 90, 5), _rotation),
    ),
    "jitter": Kind(
        *(N_("Colour jitter"), N_("Brightness, contrast and saturation change by up to"), "%d %%"),
        N_("Not in the paper. The seed document changes brightness and contrast by up to 20 %."),
        *(lambda side: Strengths(40, 100, 10), _jitter),
    ),
    "pca": Kind(
        *(N_("PCA colour"), N_("Standard deviation of the random factors"), "%.1f"),
        N_("The paper's is 0.1, which one hardly sees; here it starts at 0.5."),
        *(lambda side: Strengths(0.5, 2.0, 0.1), _colours),
    ),
}


# ---- Variants and their answers -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variants:
    """Some variants of one photo and the answers to them."""

    classes: tuple[str, ...]
    encoded: tuple[bytes, ...]  # JPEG: what the network saw each time, colours cut to what a screen can show
    drawn: tuple[Numbers, ...]  # what chance decided; see the kinds
    probabilities: NDArray[np.float64]  # (variants, classes)

    def best(self, number: int) -> tuple[str, float]:
        """A variant's most probable class."""
        index = int(self.probabilities[number].argmax())
        return self.classes[index], float(self.probabilities[number, index])

    def kept(self, class_id: str) -> int:
        """How many answers are this class."""
        return int((self.probabilities.argmax(1) == self.classes.index(class_id)).sum())

    def of(self, class_id: str) -> NDArray[np.float64]:  # (variants,)
        """The probabilities of one class."""
        return self.probabilities[:, self.classes.index(class_id)]

    def span(self, class_id: str) -> tuple[float, float]:
        """Its lowest and highest probability."""
        return float(self.of(class_id).min()), float(self.of(class_id).max())


def variants(
    model: Model,
    image: Image.Image,
    kind: str,
    strength: float,
    pca: ColourPCA,
    seed: int = 0,
    count: int = COUNT,
) -> Variants:
    """Change an RGB picture `count` times and run a network that sees colours on all of it in one batch.

    The same seed draws the same numbers at every strength, so that a stronger change is the same change, stronger.
    `pca` is only used by "pca" and has the largest direction first.
    """
    photo = _Photo(image, model.entry.preprocess, pca)
    changed = [KINDS[kind].change(photo, strength, np.random.default_rng((seed, i))) for i in range(count)]
    batch = np.stack([array for array, _ in changed])  # (B, C, H, W)
    return Variants(
        model.classes,
        tuple(encode(_shown(photo, array), "JPEG") for array in batch),  # PNG would take as long as the network
        tuple(numbers for _, numbers in changed),
        probabilities_of(model, batch),
    )


def _shown(photo: _Photo, array: Floats) -> Image.Image:
    """What the network saw as a picture for the page."""
    picture = photo.preprocess.from_array(array)
    scale = max(1, SHOWN_SIDE // picture.width)
    return picture.resize((scale * picture.width, scale * picture.height), Image.Resampling.NEAREST)


# ---- How stable the answer is ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stability:
    """The probability of one class under every kind, from no change to the strongest."""

    class_id: str
    kinds: tuple[str, ...]
    strengths: NDArray[np.float64]  # (kinds, STEPS + 1), in each kind's own unit; the first is 0
    mean: NDArray[np.float64]  # (kinds, STEPS + 1), over the variants
    lowest: NDArray[np.float64]  # (kinds, STEPS + 1)
    kept: NDArray[np.int64]  # (kinds, STEPS + 1), variants out of COUNT whose answer is the class


def stability(model: Model, image: Image.Image, pca: ColourPCA, seed: int = 0) -> Iterator[Progress | Stability]:
    """Every kind at STEPS strengths, COUNT variants each; the class is the untouched photo's answer. Ends in the
    Stability."""
    before = probabilities_of(model, model.entry.preprocess.to_array(image)[None])[0]
    class_id = model.classes[int(before.argmax())]
    shape = (len(KINDS), STEPS + 1)
    mean, lowest = np.full(shape, before.max()), np.full(shape, before.max())
    kept = np.full(shape, COUNT, np.int64)
    side = model.entry.preprocess.crop
    strengths = np.array([np.linspace(0, kind.strengths(side).most, STEPS + 1) for kind in KINDS.values()])
    tries = [(row, kind, step) for row, kind in enumerate(KINDS) for step in range(1, STEPS + 1)]
    for done, (row, kind, step) in enumerate(tries, start=1):
        found = variants(model, image, kind, strengths[row, step], pca, seed)
        mean[row, step], lowest[row, step] = found.of(class_id).mean(), found.of(class_id).min()
        kept[row, step] = found.kept(class_id)
        yield Progress(done, len(tries))
    yield Stability(class_id, tuple(KINDS), strengths, mean, lowest, kept)


# ---- Colours along the eigenvectors ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Colours:
    """What was found in the pixels of some pictures."""

    pca: ColourPCA  # largest first
    mean: Floats  # (3,), red, green, blue, 0..1
    some: Floats  # (CLOUD or fewer, 3), pixels taken evenly
    pictures: int
    side: int  # pixels: each picture became a square of this side

    @property
    def shares(self) -> Floats:  # (3,)
        """Of the whole variance, along each direction."""
        shares: Floats = self.pca.values / self.pca.values.sum()
        return shares

    @property
    def deviations(self) -> Floats:  # (3,)
        """Standard deviations along the directions, 0..1."""
        deviations: Floats = np.sqrt(self.pca.values)
        return deviations

    def swatch(self, number: int, steps: int = 9) -> bytes:
        """A row of colours along a direction, from one standard deviation below mid grey to one above, as PNG."""
        along = np.linspace(-1, 1, steps)[:, None] * self.deviations[number] * self.pca.vectors[:, number]
        row = np.rint(255 * (0.5 + along)).clip(0, 255).astype(np.uint8)[None]  # (1, steps, 3)
        return encode(Image.fromarray(row.repeat(SWATCH_SIDE, axis=0).repeat(SWATCH_SIDE, axis=1)))

    def axis(self, number: int) -> Floats:  # (2, 3)
        """The colours one standard deviation to either side of the mean, unclipped."""
        along = self.deviations[number] * self.pca.vectors[:, number]
        ends: Floats = np.stack([self.mean - along, self.mean + along])
        return ends


def colours(pictures: Sequence[bytes], side: int = SIDE) -> Iterator[Progress | Colours]:
    """The PCA of the pixels of encoded pictures, each reduced to its central square; ends in the Colours."""
    square = Preprocess(size=side, crop=side, mean=(0.0,) * 3, std=(1.0,) * 3)
    taken: list[NDArray[np.uint8]] = []
    for data in pictures:
        taken.append(np.asarray(square.cropped(square.resized(decode(data).image))).transpose(2, 0, 1))
        if len(taken) % 50 == 0:
            yield Progress(len(taken), len(pictures))
    images = np.stack(taken)  # (N, 3, H, W)
    pixels = np.moveaxis(images, 1, -1).reshape(-1, 3)
    some = (pixels[:: -(-len(pixels) // CLOUD)] / 255).astype(np.float32)
    mean = (pixels.mean(0) / 255).astype(np.float32)
    yield Colours(colour_pca(images).largest_first(), mean, some, len(images), side)


@dataclass(frozen=True)
class Recoloured:
    """A photo whose colours were shifted."""

    levels: Floats  # (3,), added to red, green and blue, in levels of 255
    before: bytes  # PNG, what the network saw
    after: bytes  # PNG, colours cut to what a screen can show
    probabilities: NDArray[np.float64]  # (2, classes), before and after

    def shown(self, count: int) -> list[int]:
        """Numbers of the classes that are best before, and of the best one after."""
        before, after = self.probabilities
        best = np.argsort(-before, kind="stable")[:count].tolist()
        return list(dict.fromkeys([*best, int(after.argmax())]))


def recoloured(
    model: Model, image: Image.Image, pca: ColourPCA, deviations: Sequence[float], sigma: float = PAPER_SIGMA
) -> Recoloured:
    """Add the paper's [p1 p2 p3] [a1 l1, a2 l2, a3 l3]^T to every pixel, and ask again: a_i = deviations_i * sigma."""
    photo = _Photo(image, model.entry.preprocess, pca)
    alphas = sigma * np.asarray(deviations, np.float32)
    shift = pca.shift(alphas)
    batch = np.stack([photo.preprocess.normalised(photo.seen), _shifted(photo, shift)])
    before, after = (encode(_shown(photo, array)) for array in batch)
    return Recoloured(255 * shift, before, after, probabilities_of(model, batch))


# ---- The same with torchvision --------------------------------------------------------------------------------------


def factor(margin: int) -> int:
    """How many pictures cutting and mirroring make of one: a window has margin + 1 places along either side."""
    return 2 * (margin + 1) ** 2


_COLOUR_SHIFT = '''
class ColourShift:
    """The paper's section 4.1, for pictures with values from 0 to 1."""

    values = torch.tensor({values})  # eigenvalues, largest first
    vectors = torch.tensor(  # one eigenvector a column
        [
{vectors}
        ]
    )

    def __init__(self, sigma):
        self.sigma = sigma

    def __call__(self, image):  # (3, H, W)
        alphas = self.sigma * torch.randn(3)  # once a picture and use
        return image + (self.vectors @ (alphas * self.values)).view(3, 1, 1)
'''


def transforms_code(kind: str, strength: float, preprocess: Preprocess, pca: ColourPCA) -> str:
    """Source text whose `transform` does one kind of change and then makes the network's input, (3, H, W)."""
    share = f"{strength / 100:g}"
    plain = _squared(preprocess.size, preprocess.crop)
    steps = {
        "mirror": [*plain, f"transforms.RandomHorizontalFlip(p={share})"],
        "crop": [*_squared(preprocess.crop + int(strength)), f"transforms.RandomCrop({preprocess.crop})"],
        "rotation": [*plain, f"transforms.RandomRotation({strength:g})"],
        "jitter": [*plain, f"transforms.ColorJitter(brightness={share}, contrast={share}, saturation={share})"],
        "pca": plain,
    }
    return _code(steps[kind], preprocess, _colour_shift(pca) if kind == "pca" else "", sigma=strength)


def paper_code(pca: ColourPCA) -> str:
    """The paper's training transform, normalised by channel where the paper subtracts the mean image."""
    steps = [*_squared(PAPER.size), f"transforms.RandomCrop({PAPER.crop})", "transforms.RandomHorizontalFlip()"]
    return _code(steps, PAPER, _colour_shift(pca), sigma=PAPER_SIGMA)


def seed_code() -> str:
    """The seed document's training transform, with the step that it lacks put first."""
    steps = [
        f"transforms.Resize({SEED_CROP})",
        "transforms.RandomHorizontalFlip()",
        f"transforms.RandomCrop({SEED_CROP}, padding={SEED_PADDING})",
        "transforms.ColorJitter(brightness=0.2, contrast=0.2)",
    ]
    return _code(steps, PAPER)


def _squared(size: int, crop: int | None = None) -> list[str]:
    return [f"transforms.Resize({size})", f"transforms.CenterCrop({crop or size})"]


def _code(steps: Sequence[str], preprocess: Preprocess, colour_shift: str = "", sigma: float = 0.0) -> str:
    mean, std = preprocess.mean, preprocess.std
    every = [*steps, "transforms.ToTensor()", *([f"ColourShift({sigma:g})"] if colour_shift else [])]
    listed = "\n".join(f"        {step}," for step in [*every, f"transforms.Normalize({mean}, {std})"])
    imports = "from PIL import Image\nfrom torchvision import transforms\n"
    if colour_shift:
        imports = f"import torch\n{imports}\n\n{colour_shift}\n"
    return f"{imports}\ntransform = transforms.Compose(\n    [\n{listed}\n    ]\n)\n{_USE}"


_USE = """
# Another variant at every call:
# image = transform(Image.open("photo.jpg").convert("RGB"))  # (3, H, W)
"""


def _colour_shift(pca: ColourPCA) -> str:
    def row(numbers: Iterable[float]) -> str:
        return "[" + ", ".join(f"{number:.6f}" for number in numbers) + "]"

    vectors = "\n".join(f"            {row(numbers)}," for numbers in pca.vectors)
    return _COLOUR_SHIFT.format(values=row(pca.values), vectors=vectors).strip("\n") + "\n"
