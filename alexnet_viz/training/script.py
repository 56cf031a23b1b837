"""A run as one PyTorch script that repeats it without this app: the seed document's second program, made from settings.

    print(script(run.config()))
    print(run_script(run))         # with the learning rates that were changed by hand

The script needs torch and torchvision. It trains the same network on the same data by the same recipe; chance falls
differently, so its accuracy agrees and its single numbers do not. Mirroring too is left to chance, as torchvision has
it, where we take turns (see `augment`). It does one image at a time what we do in batches, which takes longer and is
easier to read. No torch here.
"""

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from alexnet_viz.network.source import source
from alexnet_viz.network.spec import Spec
from alexnet_viz.pictures.images import Preprocess
from alexnet_viz.training.config import DATASETS, TrainConfig, preprocess_of, spec_of
from alexnet_viz.training.events import LearningRateChanged
from alexnet_viz.training.runs import Run, history

NAMED_SIDE = 32  # pixels, of CIFAR-10 and of the shapes
_SHAPES_FILE = Path(__file__).with_name("shapes.py")


def run_script(run: Run, classes: int = 10, data: str = "") -> str:
    """The script of a run, as it went. `data` is what it says instead of the run's own path."""
    config = run.config()
    return script(replace(config, data=data or config.data), classes, history(run).changes, title=f"the run {run.id}")


def script(
    config: TrainConfig,
    classes: int = 10,
    changes: Sequence[LearningRateChanged] = (),
    title: str = "a training run",
) -> str:
    """A config as a script. `classes` is what the data has; the script itself counts them again."""
    spec = spec_of(config, classes)
    preprocess = preprocess_of(config, spec)
    name = "LeNet5" if config.model == "lenet5" and not config.net else "AlexNet"
    network = _network(spec, name)
    parts = [
        "\n\n".join([_opening(title, config), _imports(config, network), _settings(config, preprocess, changes)]),
        network,
        *_data(config),
        *([_colour_shift(config)] if _shifts_colours(config, preprocess) else []),
        _transforms(config, preprocess),
        *([] if _cuts_only(config, changes) else [_rate(config, bool(changes))]),
        _MEASURE,
        _main(config, preprocess, name, changes),
    ]
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def _cuts_only(config: TrainConfig, changes: Sequence[LearningRateChanged]) -> bool:
    """Whether PyTorch's StepLR does all that is to be done, as in the seed's script."""
    return config.schedule == "step" and not config.warmup and not changes


def _shifts_colours(config: TrainConfig, preprocess: Preprocess) -> bool:
    return config.pca_colour > 0 and len(preprocess.mean) == 3


# ---- The parts, in their order --------------------------------------------------------------------------------------


def _opening(title: str, config: TrainConfig) -> str:
    needs = "torch torchvision" + (" safetensors" if config.start_from else "")
    return f'''"""{title[0].upper()}{title[1:]} of AlexNet Explorer as a script of its own.

    pip install {needs}
    python this_file.py
"""'''


def _imports(config: TrainConfig, network: str) -> str:
    drawn = config.data == "shapes"
    standard = [
        ("import math", drawn or config.schedule == "cosine"),
        ("from collections.abc import Callable, Mapping", drawn),
        ("from pathlib import Path", config.data not in DATASETS),
    ]
    others = [
        ("import numpy as np", drawn),
        ("import torch", True),
        ("import torch.nn as nn", True),
        ("import torch.nn.functional as F", "F." in network),
        ("from numpy.typing import NDArray", drawn),
        ("from PIL import Image", drawn),
        ("from safetensors.torch import load_file", bool(config.start_from)),
        ("from torch.utils.data import DataLoader, Dataset, Subset", True),
        (f"from torchvision import {'datasets, ' if not drawn else ''}models, transforms", config.frozen),
        (f"from torchvision import {'datasets, ' if not drawn else ''}transforms", not config.frozen),
    ]
    groups = [[line for line, needed in group if needed] for group in (standard, others)]
    return "\n\n".join("\n".join(group) for group in groups if group)


def _settings(config: TrainConfig, preprocess: Preprocess, changes: Sequence[LearningRateChanged]) -> str:
    lines = [
        f"EPOCHS = {config.epochs}",
        f"BATCH = {config.batch}",
        f"LEARNING_RATE = {config.learning_rate}",
        f"INPUT_SIDE = {preprocess.crop}  # pixels of the network's input",
        f"MEAN, STD = {preprocess.mean}, {preprocess.std}",
        f"VALIDATION = {config.validation}  # share of the training images that is only looked at",
        f"SEED = {config.seed}",
        "WORKERS = 2  # processes that prepare images",
    ]
    if config.data not in DATASETS:
        folder = config.data.removesuffix(".zip")
        unpacked = "; unpack the zip first" if folder != config.data else ""
        lines.append(f"DATA = {folder!r}  # class folders, or train/ and test/ with class folders{unpacked}")
    if config.start_from:
        file = config.start_from.partition("/")[2]
        lines.append(f"START_FROM = {file!r}  # downloaded from the runs page: {config.start_from}")
    if changes:
        table = ", ".join(f"{change.step}: {change.lr}" for change in changes)
        lines.append(f"CHANGED = {{{table}}}  # learning rates set by hand, after so many steps")
    return "\n".join(lines)


def _network(spec: Spec, name: str) -> str:
    """The network's class with its helpers; imports and main block are ours."""
    text = source(spec, name)
    return text[text.index("\n\n\n") : text.index('\n\nif __name__ == "__main__":')]


def _data(config: TrainConfig) -> list[str]:
    if config.data == "cifar10":
        return [_CIFAR10]
    if config.data == "shapes":
        return [_drawing(), _SHAPES]
    return [_FOLDER]


def _drawing() -> str:
    """Our own code that draws the shapes, word for word: what it needs of numpy, and no more."""
    text = _SHAPES_FILE.read_text(encoding="utf-8")
    left_out = ("shapes10", "_split")
    parts, last = [], 0
    for node in ast.parse(text).body:
        start = last
        last = node.end_lineno or 0
        is_docstring = isinstance(node, ast.Expr)
        if is_docstring or isinstance(node, ast.Import | ast.ImportFrom) or getattr(node, "name", "") in left_out:
            continue
        parts.append("\n".join(text.splitlines()[start:last]))
    return "\n".join(parts)


def _colour_shift(config: TrainConfig) -> str:
    return f'''
class ColourShift:
    """The paper's change of colour (section 4.1), along the directions in which the pictures' colours vary."""

    def __init__(self, pictures):
        some = [transforms.functional.to_tensor(pictures[i][0]).flatten(1) for i in range(min(len(pictures), 2000))]
        self.variances, self.directions = torch.linalg.eigh(torch.cov(torch.cat(some, dim=1)))

    def __call__(self, image):
        amounts = torch.randn(3) * {config.pca_colour}
        return image + (self.directions @ (amounts * self.variances)).view(3, 1, 1)
'''


def _transforms(config: TrainConfig, preprocess: Preprocess) -> str:
    gray = len(preprocess.mean) == 1
    own_side = config.data in DATASETS and preprocess.crop == NAMED_SIDE
    sized = [] if own_side else ["transforms.Resize(INPUT_SIDE)", "transforms.CenterCrop(INPUT_SIDE)"]
    jitter = f"{config.colour_jitter}, {config.colour_jitter}, {config.colour_jitter}"
    changed = [
        ("transforms.RandomHorizontalFlip()", config.flip),
        (f'transforms.RandomCrop(INPUT_SIDE, padding={config.shift}, padding_mode="reflect")', config.shift > 0),
        (f"transforms.RandomRotation({config.rotation:g})", config.rotation > 0),
        (f"transforms.ColorJitter({jitter})", config.colour_jitter > 0),
    ]
    pca = ["colours"] if _shifts_colours(config, preprocess) else []
    fixed = [*sized, *(["transforms.Grayscale()"] if gray else [])]
    numbers = ["transforms.ToTensor()"]
    normalise = ["transforms.Normalize(MEAN, STD)"]
    training = [*fixed, *(line for line, needed in changed if needed), *numbers, *pca, *normalise]
    return f"""def training_transform({"colours" if pca else ""}):
    return transforms.Compose(
        [
{_rows(training, 12)}
        ]
    )


PLAIN = transforms.Compose(
    [
{_rows([*fixed, *numbers, *normalise], 8)}
    ]
)


{_TRANSFORMED.strip()}"""


def _rows(lines: Sequence[str], indent: int) -> str:
    return "\n".join(f"{' ' * indent}{line}," for line in lines)


def _rate(config: TrainConfig, changed: bool) -> str:
    """The learning rate's factor at a step: the arithmetic of `config.rate_at`."""
    warmup = min(config.warmup, config.epochs / 2)
    left = f"min(1.0, max(0.0, done - {warmup:g}) / {config.epochs - warmup:g})"
    falling = {
        "step": f"{config.step_factor} ** (int(done) // {config.step_epochs})",
        "cosine": f"(1 + math.cos(math.pi * {left})) / 2",
        "linear": f"1 - {left}",
        "constant": "1.0",
    }[config.schedule]
    rising = f"min(1.0, (step + 1) / ({warmup:g} * steps_per_epoch))" if warmup else "1.0"
    needs_done = config.schedule != "constant"
    lines = [
        "def rate_factor(step, steps_per_epoch):",
        '    """What the learning rate is multiplied by at a step, counted from 0."""',
        *(["    done = step / steps_per_epoch  # epochs"] if needs_done else []),
        f"    return {rising} * {falling}" if warmup else f"    return {falling}",
    ]
    return "\n".join([*lines, *(_CHANGED.splitlines() if changed else [])])


def _main(config: TrainConfig, preprocess: Preprocess, name: str, changes: Sequence[LearningRateChanged]) -> str:
    cuts_only = _cuts_only(config, changes)
    device = {
        "auto": 'torch.device("cuda" if torch.cuda.is_available() else "cpu")',
        "cpu": 'torch.device("cpu")',
        "cuda": 'torch.device("cuda")',
    }[config.device]
    bf16 = {
        "auto": "device.type == 'cuda' and torch.cuda.is_bf16_supported()  # on a processor, True where it has bf16",
        "bf16": "True",
        "fp32": "",
    }[config.precision].replace("'", '"')
    optimizer = {
        "sgd": f"torch.optim.SGD(trained, lr=LEARNING_RATE, momentum={config.momentum}, "
        f"weight_decay={config.weight_decay}{', nesterov=True' if config.nesterov and config.momentum else ''})",
        "adamw": f"torch.optim.AdamW(trained, lr=LEARNING_RATE, betas=({config.momentum}, 0.999), "
        f"weight_decay={config.weight_decay})",
    }[config.optimizer]
    smoothing = f"label_smoothing={config.label_smoothing}" if config.label_smoothing else ""
    factor = "changed_factor" if changes else "rate_factor"
    scheduler = (
        f"torch.optim.lr_scheduler.StepLR(optimizer, step_size={config.step_epochs}, gamma={config.step_factor})"
        if cuts_only
        else f"torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: {factor}(step, len(train_loader)))"
    )
    colours = "ColourShift(training)" if _shifts_colours(config, preprocess) else ""
    answer = ["output = model(data)", "loss = criterion(output, target)"]
    if bf16:
        answer = [
            "with torch.autocast(device.type, torch.bfloat16, enabled=bf16):",
            "    output = model(data)",
            "loss = criterion(output.float(), target)",
        ]
    mode = ["model.train()"]
    if config.frozen:
        mode.append("model.features.eval()")
    lines = [
        "def main():",
        "    torch.manual_seed(SEED)",
        f"    device = {device}",
        *([f"    bf16 = {bf16}"] if bf16 else []),
        "",
        "    training, test = load()",
        "    order = torch.randperm(len(training)).tolist()",
        "    kept = round(VALIDATION * len(training))",
        f"    augmented = Transformed(training, training_transform({colours}))",
        "    train_loader = loader(Subset(augmented, order[kept:]), shuffle=True)",
        "    val_loader = loader(Subset(Transformed(training, PLAIN), order[:kept]))",
        "    test_loader = loader(Transformed(test, PLAIN))",
        "",
        f"    model = {name}(num_classes=len(training.classes))",
        *_first_weights(config),
        "    model = model.to(device)",
        "    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]",
        f"    criterion = nn.CrossEntropyLoss({smoothing})",
        *_wrapped(f"    optimizer = {optimizer}"),
        *_wrapped(f"    scheduler = {scheduler}"),
        "",
        "    for epoch in range(1, EPOCHS + 1):",
        *(f"        {line}" for line in mode),
        "        running_loss = correct = total = 0",
        "        for data, target in train_loader:",
        "            data, target = data.to(device), target.to(device)",
        "            optimizer.zero_grad()",
        *(f"            {line}" for line in answer),
        "            loss.backward()",
        "            optimizer.step()",
        *([] if cuts_only else ["            scheduler.step()"]),
        "            running_loss += loss.item() * len(target)",
        "            correct += (output.argmax(1) == target).sum().item()",
        "            total += len(target)",
        *(["        scheduler.step()"] if cuts_only else []),
        '        line = f"Epoch {epoch}: loss {running_loss / total:.4f}, accuracy {correct / total:.2%}"',
        "        if kept:",
        "            val_loss, val_accuracy = measure(model, val_loader, criterion, device)",
        '            line += f"; validation: loss {val_loss:.4f}, accuracy {val_accuracy:.2%}"',
        "        print(line, flush=True)",
        '        torch.save(model.state_dict(), "last.pth")',
        "",
        "    # The test images are looked at once, now that nothing can be chosen by them any more.",
        "    test_loss, test_accuracy = measure(model, test_loader, criterion, device)",
        '    print(f"Test: loss {test_loss:.4f}, accuracy {test_accuracy:.2%}")',
        "",
        "",
        'if __name__ == "__main__":',
        "    main()",
    ]
    return "\n".join(lines)


def _first_weights(config: TrainConfig) -> list[str]:
    lines = []
    if config.init == "he":
        lines += [
            "    for module in model.modules():",
            "        if isinstance(module, (nn.Conv2d, nn.Linear)):",
            '            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")',
            "            nn.init.zeros_(module.bias)",
            "    nn.init.zeros_(module.weight)  # of the last layer: all classes are as probable at first",
        ]
    if config.frozen:
        lines += [
            '    pretrained = models.alexnet(weights="IMAGENET1K_V1")  # downloads 233 MB',
            "    model.features.load_state_dict(pretrained.features.state_dict())",
            "    model.features.requires_grad_(False)",
        ]
    if config.start_from:
        lines.append("    model.load_state_dict({key: value.float() for key, value in load_file(START_FROM).items()})")
    return lines


def _wrapped(line: str) -> list[str]:
    """A call on one line, or its arguments on a line of their own."""
    if len(line) <= 110:
        return [line]
    before, _, inside = line.partition("(")
    return [f"{before}(", f"        {inside.removesuffix(')')}", "    )"]


# ---- Texts that do not change ---------------------------------------------------------------------------------------

_CIFAR10 = """
def load():
    training = datasets.CIFAR10("./data", train=True, download=True)
    test = datasets.CIFAR10("./data", train=False, download=True)
    return training, test
"""

_FOLDER = '''
def load():
    """Parts by their names (train, Training, val, test, ...), also in folders around them; pictures for validation
    take the place of missing test pictures. Without parts, a fifth is kept for testing."""
    root = Path(DATA)
    folders = [root]
    while len(folders) == 1:
        root = folders[0]
        folders = sorted(folder for folder in root.iterdir() if folder.is_dir() and folder.name[0] not in "._")
    parts = {word: folder for word in ("train", "val", "test") for folder in folders if word in folder.name.lower()}
    if "train" in parts and len(parts) > 1:
        training, test = (datasets.ImageFolder(parts[part]) for part in ("train", "test" if "test" in parts else "val"))
        labels = [training.class_to_idx[name] for name in test.classes]  # a class may have no test pictures
        test.samples = [(path, labels[label]) for path, label in test.samples]
        return training, test
    every = datasets.ImageFolder(root)
    order = torch.randperm(len(every)).tolist()
    fifth = len(every) // 5
    training, test = Subset(every, order[fifth:]), Subset(every, order[:fifth])
    training.classes = every.classes
    return training, test
'''

_SHAPES = '''
class Shapes(Dataset):
    """Drawn pictures, the same ones for the same seed."""

    classes = list(SHAPES)

    def __init__(self, count, seed):
        random = np.random.default_rng(seed)
        self.labels = np.sort(np.arange(count) % len(SHAPES))
        drawn = [draw(formula, int((self.labels == i).sum()), random) for i, formula in enumerate(SHAPES.values())]
        self.images = np.concatenate(drawn).transpose(0, 2, 3, 1)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return Image.fromarray(self.images[index]), int(self.labels[index])


def load():
    return Shapes(1_800, (0, 0)), Shapes(1_000, (0, 1))
'''

_TRANSFORMED = '''
class Transformed(Dataset):
    """Pictures as the network's inputs."""

    def __init__(self, pictures, transform):
        self.pictures, self.transform = pictures, transform

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, index):
        picture, label = self.pictures[index]
        return self.transform(picture), label


def loader(images, shuffle=False):
    return DataLoader(images, batch_size=BATCH, shuffle=shuffle, num_workers=WORKERS)
'''

_MEASURE = '''
@torch.no_grad()
def measure(model, images, criterion, device):
    """Mean loss and accuracy."""
    model.eval()
    loss = correct = total = 0
    for data, target in images:
        data, target = data.to(device), target.to(device)
        output = model(data)
        loss += criterion(output, target).item() * len(target)
        correct += (output.argmax(1) == target).sum().item()
        total += len(target)
    return loss / total, correct / total
'''

_CHANGED = '''

def changed_factor(step, steps_per_epoch):
    """The same with the changes by hand: each scales what was left of the schedule."""
    scale = 1.0
    for changed_at, rate in CHANGED.items():
        if step >= changed_at:
            scale = rate / (LEARNING_RATE * rate_factor(changed_at, steps_per_epoch))
    return scale * rate_factor(step, steps_per_epoch)
'''
