"""Training a network: an iterator of events. It prints nothing, draws nothing, and knows of no web page.

    for event in train(config):                        # in memory only
        print(event)
    for event in train(config, run.path, resume=True, control=Control(run).asked):
        ...                                            # with checkpoints, from the last one on

    torchrun --nproc_per_node 2 -m alexnet_viz train ...    several processes: each takes its share of every batch

The images lie in memory as uint8, on the device that computes, and are changed by chance a batch at a time; there are
no loader processes. All that chance decides follows from the config's seed and the number of the step, so a run that
was interrupted goes on exactly as if it had not been (on a processor, in fp32).
"""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from alexnet_viz.errors import UserError
from alexnet_viz.network.notation import write_spec
from alexnet_viz.pictures.colour_pca import colour_pca
from alexnet_viz.training import checkpoints, measure
from alexnet_viz.training.augment import Augment, Normalise
from alexnet_viz.training.checkpoints import Checkpoint, Position
from alexnet_viz.training.config import TrainConfig, preprocess_of, rate_at, spec_of
from alexnet_viz.training.data import first, open_data, prepare
from alexnet_viz.training.datasets import Dataset, Split
from alexnet_viz.training.devices import autocast_of, check_memory, describe, device_of, memory_in_use, seeded
from alexnet_viz.training.distributed import Group, joined
from alexnet_viz.training.events import (
    EpochDone,
    Event,
    Finished,
    LearningRateChanged,
    Resumed,
    Saved,
    Started,
    StepDone,
)
from alexnet_viz.training.forward import Trained
from alexnet_viz.training.initial import first_network, optimizer_of
from alexnet_viz.training.left_out import MOST_NAMED
from alexnet_viz.training.runs import Asked
from alexnet_viz.training.snapshots import TEST, Snapshot, snapshot_bytes, snapshot_file
from alexnet_viz.training.verdict import judge

SAVE_SECONDS = 60  # a kill costs no more work than that
CARD_STEPS = 10  # steps between two looks at a graphics card's numbers, since each look makes it wait
SHOWN = 20  # images whose predictions are kept every epoch
MISTAKES = 30  # test images kept at the end, the worst mistakes

ORDER, CHANGES, DROPOUT, MIRROR = range(4)  # what chance decides, each with numbers of its own

Control = Callable[[], Asked]


def train(
    config: TrainConfig,
    run_dir: Path | None = None,
    resume: bool = False,
    control: Control = Asked,
    dataset: Dataset | None = None,
) -> Iterator[Event]:
    """Train as the config says and tell about it; the last event is `Finished`.

    With a folder, checkpoints go into its `checkpoints`, and what the test images showed into its `test.npz`. The test
    images are looked at once, at the end, with the weights of the last epoch, in fp32. `control` is asked before every
    step and between the batches of what is measured. Without a `dataset`, `config.data` says which.

    Under torchrun the first process tells; the others' iterators are empty, but have to be run through.
    """
    with joined(device_of(config)) as group:
        for event in _events(config, run_dir, resume, control, dataset, group):
            if group.leads:
                yield event


def _events(
    config: TrainConfig, run_dir: Path | None, resume: bool, control: Control, dataset: Dataset | None, group: Group
) -> Iterator[Event]:
    training = _Training(config, run_dir, control, dataset, group)
    run = run_dir.name if run_dir else ""
    yield training.started(run)
    if resume:
        training.go_on()
        yield Resumed(step=training.at.step, epoch=training.epochs_done)
    end = yield from training.learn()
    if end:
        yield from training.save()
        yield training.judged(Finished(state=end, seconds=training.seconds))
    else:
        yield training.judged(training.test())


class _EndAskedError(Exception):
    """Somebody asked for an end while images were being measured."""


class _Training:
    """One run in one process: what it learns from, what it changes, and how far it is."""

    def __init__(
        self, config: TrainConfig, run_dir: Path | None, control: Control, dataset: Dataset | None, group: Group
    ) -> None:
        self.config, self.run_dir, self.control, self.group = config, run_dir, control, group
        self.began = time.perf_counter()
        self.at = Position()
        self.last_loss: float | None = None  # of training, in the last epoch that ended
        self.confusion: NDArray[np.int64] | None = None  # of the images that are measured at the end
        self._shuffled: tuple[int, Tensor] | None = None  # an epoch and its order
        # Which images: their side is the network's, and its last layer gets one output for each of their classes.
        spec = spec_of(config, classes=1)
        preprocess = preprocess_of(config, spec)
        self.dataset = dataset = dataset or open_data(config.data, spec.input[1])
        spec = spec_of(config, len(dataset.classes))
        check_memory(config, spec, group.device)
        channels = len(preprocess.mean)
        self.data = prepare(dataset, config, channels, group.device)
        # Steps in an epoch: N / batch, rounded up. So the last batch is never nearly empty: all share its lack.
        self.per_epoch = -(-len(self.data.train) // config.batch)
        self.steps = config.epochs * self.per_epoch
        if len(self.data.train) // self.per_epoch < group.world:
            raise UserError(
                "A batch of {batch} images is too small for {processes} processes. Raise the batch.",
                batch=config.batch,
                processes=group.world,
            )
        # The paper's section 4.1: principal components of the training images' colours.
        pca = colour_pca(self.data.train.images.cpu().numpy()) if config.pca_colour and channels == 3 else None
        # Training images are changed by chance; those that are only measured become (x / 255 - mean) / std.
        self.augment = Augment(config, preprocess.mean, preprocess.std, pca)
        chance = torch.Generator().manual_seed(self._number(MIRROR))
        self.mirrored_first = torch.rand(len(self.data.train), generator=chance) < 0.5  # in epochs 0, 2, 4, ...
        self.normalise = Normalise(preprocess.mean, preprocess.std)
        # The same network twice: `network` has the weights that are kept, `trained` runs them quicker (see forward).
        self.network = first_network(config, spec).to(group.device).to(memory_format=torch.channels_last)
        self.trained = Trained(self.network).train()
        self.forward = group.wrap(self.trained)
        self.optimizer = optimizer_of(config, self.network.parameters())
        self.metadata = checkpoints.metadata_of(config.model, dataset.classes, net=write_spec(spec))
        self.shown = first(self.data.validation if len(self.data.validation) else self.data.train, SHOWN)

    @property
    def epochs_done(self) -> int:
        return self.at.step // self.per_epoch

    @property
    def seconds(self) -> float:
        """Of the whole run, without the time in which no process worked on it."""
        return self.at.seconds + time.perf_counter() - self.began

    def started(self, run: str) -> Event:
        """What is known before the first step."""
        data, dataset = self.data, self.dataset
        return Started(
            run=run,
            config=self.config.to_dict(),
            device=describe(self.config, self.group.device),
            steps=self.steps,
            pictures={"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
            left_out=[one.record() for one in dataset.left_out],
            outside=list(dataset.outside[: MOST_NAMED + 1]),
            untested=list(dataset.untested),
        )

    def go_on(self) -> None:
        """From the last checkpoint, if there is one."""
        found = checkpoints.read_checkpoint(self.run_dir, self.group.device) if self.run_dir else None
        if found:
            self.network.load_state_dict(found.weights)
            self.optimizer.load_state_dict(found.optimizer)
            self.at = found.position

    # ---- The loop ---------------------------------------------------------------------------------------------------

    def learn(self) -> Generator[Event, None, str]:
        """All steps and epochs that are left. Returns "", or the state that somebody asked to end in before that."""
        saved = time.perf_counter()
        while True:
            asked = self._asked()
            # Asked for first, so that no step is taken with the old rate, or after a stop.
            if asked.changes > self.at.rate_changes and asked.learning_rate is not None:
                yield self._change_rate(asked.learning_rate, asked.changes)
            if asked.end:
                return asked.end
            # An epoch ends before the next step is taken: a run that was stopped here ends it when it goes on.
            if self.at.images and self.at.step % self.per_epoch == 0:
                yield from self._end_epoch()
                saved = time.perf_counter()
            elif self.at.step == self.steps:
                return ""
            else:
                yield from self._some_steps()
                if self.run_dir and time.perf_counter() - saved > SAVE_SECONDS:
                    yield from self.save()
                    saved = time.perf_counter()

    def _asked(self) -> Asked:
        """What is asked of all processes; the first one looks."""
        ends = ("", "stopped", "paused", "interrupted")
        asked = self.control() if self.group.leads else Asked()
        end, changes, rate = self.group.broadcast([ends.index(asked.end), asked.changes, asked.learning_rate or 0.0])
        return Asked(end=ends[int(end)], learning_rate=rate or None, changes=int(changes))  # type: ignore[arg-type]

    def _change_rate(self, rate: float, changes: int) -> Event:
        """From here on the schedule goes on from this rate."""
        # rate(step) = rate_factor * schedule(step)
        self.at.rate_factor = rate / rate_at(self.config, self.at.step, self.per_epoch)
        self.at.rate_changes = changes
        return LearningRateChanged(step=self.at.step, lr=rate)

    def _some_steps(self) -> Iterator[Event]:
        """The steps up to the next look at their numbers: one on a processor."""
        look_every = CARD_STEPS if self.group.device.type == "cuda" else 1
        left = self.per_epoch - self.at.step % self.per_epoch
        began = time.perf_counter()
        # (steps, 2): summed loss and hits of each step, over the images of all processes
        numbers = [self._step(self.at.step + i) for i in range(min(look_every, left))]
        sums = self.group.summed(torch.stack(numbers)).tolist()
        seconds = time.perf_counter() - began
        sizes = [self._batch(self.at.step + i).stop - self._batch(self.at.step + i).start for i in range(len(sums))]
        speed = sum(sizes) / seconds
        for (loss, hits), size in zip(sums, sizes, strict=True):
            rate = self._rate(self.at.step)
            self.at.step += 1
            self.at.loss, self.at.hits, self.at.images = self.at.loss + loss, self.at.hits + hits, self.at.images + size
            # Steps that are too long make the weights, and with them the loss, grow beyond all numbers.
            if not np.isfinite(loss):
                raise UserError(
                    "The loss is no number any more after step {step}: the steps were too long. "
                    "Start again with a learning rate below {rate}.",
                    step=self.at.step,
                    rate=self.config.learning_rate,
                )
            self.at.epoch_seconds += seconds / len(sums)
            yield StepDone(
                step=self.at.step,
                epoch=(self.at.step - 1) // self.per_epoch + 1,
                loss=loss / size,
                accuracy=hits / size,
                lr=rate,
                images_per_second=speed,
                seconds=self.seconds,
                memory=memory_in_use(self.group.device),
            )

    def _step(self, step: int) -> Tensor:
        """One step of the optimizer. Returns this process's summed loss, without label smoothing, and its hits."""
        batch = self._batch(step)
        epoch = step // self.per_epoch
        # Of n processes, process r takes the images r, r + n, r + 2n, ... of the batch: b of them.
        mine = self._order(epoch)[batch][self.group.rank :: self.group.world]
        there = mine.to(self.group.device, non_blocking=True)
        # Another stream of random numbers for each step and process, so a resumed run draws what it would have drawn.
        chance = torch.Generator().manual_seed(self._number(CHANGES, step, self.group.rank))
        # (b, C, H, W), uint8 -> float, changed by chance and normalised
        images = self.augment(self.data.train.images[there], chance, self.mirrored_first[mine] ^ (epoch % 2 == 1))
        labels = self.data.train.labels[there]  # (b,)
        dropout = self._number(DROPOUT, step, self.group.rank)
        with seeded(dropout, self.group.device), autocast_of(self.config, self.group.device):
            logits = self.forward(images)  # (b, classes)
        # Cross entropy of logits z with label y: -log(exp(z_y) / sum_k exp(z_k)). With label smoothing s the target is
        # 1 - s + s / K for y and s / K for each other of the K classes.
        logits = logits.float()
        losses = F.cross_entropy(logits, labels, reduction="sum", label_smoothing=self.config.label_smoothing)
        # Gradients add up until they are set to zero.
        self.optimizer.zero_grad()
        # Over the whole batch; gradients are then averaged over the processes, hence the factor.
        (losses * (self.group.world / (batch.stop - batch.start))).backward()
        # The schedule gives every step a rate of its own.
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(step)
        # w is a weight, g the mean gradient plus weight_decay * w, m the momentum:
        #   sgd: v <- m v + g; w <- w - lr v, with Nesterov w <- w - lr (g + m v)
        #   adamw: g over its own root mean square, weight by weight; the decay apart: w <- w - lr weight_decay w
        self.optimizer.step()
        # What is told is the loss without label smoothing, which other runs can be compared by.
        with torch.no_grad():
            plain = F.cross_entropy(logits, labels, reduction="sum") if self.config.label_smoothing else losses.detach()
            return torch.stack((plain.double(), (logits.argmax(1) == labels).sum().double()))

    def _rate(self, step: int) -> float:
        return self.at.rate_factor * rate_at(self.config, step, self.per_epoch)

    def _batch(self, step: int) -> slice:
        """Where a step's images stand in the epoch's order. Batches of an epoch differ by one image at most."""
        # Batch i of k takes the places from floor(i N / k) up to floor((i + 1) N / k).
        count, inside = len(self.data.train), step % self.per_epoch
        return slice(inside * count // self.per_epoch, (inside + 1) * count // self.per_epoch)

    def _order(self, epoch: int) -> Tensor:
        """The training images in the order of an epoch, counted from 0."""
        # A permutation that follows from the seed and the epoch alone, so a resumed epoch has the same order.
        if self._shuffled is None or self._shuffled[0] != epoch:
            chance = torch.Generator().manual_seed(self._number(ORDER, epoch))
            self._shuffled = epoch, torch.randperm(len(self.data.train), generator=chance)
        return self._shuffled[1]

    def _number(self, *what: int) -> int:
        """A seed that is another one for each step, epoch, process and use."""
        # A hash of all of them: neighbouring steps get seeds that have nothing in common.
        return int(np.random.SeedSequence((self.config.seed, *what)).generate_state(1, np.uint64)[0] >> 1)

    # ---- Measuring and keeping --------------------------------------------------------------------------------------

    def _end_epoch(self) -> Iterator[Event]:
        """Measure, tell, keep. Cut short where an end is asked for: then the epoch's end happens again on resuming."""
        at, epoch = self.at, self.epochs_done
        checked = None
        if self.group.leads:
            try:
                checked = self._logits(self.data.validation) if len(self.data.validation) else None
                shown = self._logits(self.shown)
            except _EndAskedError:
                return
            # (n, classes) of the images kept for checking, and of those few whose answers are kept to be shown
            snapshot = self._snapshot(self.shown, shown, self.data.validation, checked)
        labels = self.data.validation.labels
        accuracy = measure.accuracy(checked, labels) if checked is not None else None
        yield EpochDone(
            epoch=epoch,
            step=at.step,
            # While the weights changed, so these are no measure of the weights that the epoch ends with.
            train_loss=at.loss / at.images,
            train_accuracy=at.hits / at.images,
            val_loss=measure.loss(checked, labels) if checked is not None else None,
            val_accuracy=accuracy,
            lr=self._rate(at.step - 1),
            images_per_second=at.images / at.epoch_seconds,
            seconds=self.seconds,
        )
        self.last_loss = at.loss / at.images
        # The sums begin anew with the next epoch.
        at.loss, at.hits, at.images, at.epoch_seconds = 0.0, 0, 0, 0.0
        if not self.run_dir or not self.group.leads:
            return
        checkpoints.write_whole(snapshot_file(self.run_dir, epoch), snapshot_bytes(snapshot))
        weights = self.network.state_dict()
        # The best epoch is told by images that were never learnt from; a later one may have overfitted.
        if accuracy is not None and accuracy > at.best_accuracy:
            at.best_accuracy = accuracy
            checkpoints.save_weights(self.run_dir, checkpoints.BEST, weights, self.metadata)
        if epoch % self.config.snapshot_every == 0:
            name = checkpoints.weights_file(epoch)
            checkpoints.save_weights(self.run_dir, name, weights, self.metadata, torch.float16)
            yield Saved(step=at.step, epoch=epoch, file=name)
        yield from self.save()

    def save(self) -> Iterator[Event]:
        """Write the last checkpoint."""
        self.at.seconds, self.began = self.seconds, time.perf_counter()
        if self.run_dir and self.group.leads:
            checkpoint = Checkpoint(self.at, self.network.state_dict(), self.optimizer.state_dict())
            checkpoints.save_checkpoint(self.run_dir, checkpoint, self.metadata)
            yield Saved(step=self.at.step, epoch=self.epochs_done, file=checkpoints.LAST)

    def judged(self, end: Finished) -> Finished:
        """The end, with what is to be said of the result."""
        losses = (self.last_loss, end.test_loss, end.val_loss)
        return replace(end, **asdict(judge(self.confusion, losses, self.data.classes)))

    def test(self) -> Finished:
        """The test images, looked at for the only time; without any, the validation images once more."""
        if not self.group.leads:
            return Finished(state="finished")
        # In fp32, once, with the weights as they are: nothing was chosen by these images.
        test = self.data.test if len(self.data.test) else self.data.validation
        try:
            logits = measure.logits_of(self.network, test.images, self.normalise, before_each=self._stop_if_asked)
        except _EndAskedError:
            return Finished(state=self.control().end, seconds=self.seconds)
        self.confusion = measure.confusion_matrix(logits, test.labels)
        accuracy, loss = measure.accuracy(logits, test.labels), measure.loss(logits, test.labels)
        if not len(self.data.test):
            return Finished(state="finished", val_accuracy=accuracy, val_loss=loss, seconds=self.seconds)
        if self.run_dir:
            # The mistakes in which the right class was given least
            worst = measure.worst_mistakes(logits, test.labels, MISTAKES)
            mistakes = Split(test.images[worst], test.labels[worst])
            snapshot = self._snapshot(mistakes, logits[worst], test, logits)
            checkpoints.write_whole(self.run_dir / TEST, snapshot_bytes(snapshot))
        return Finished(state="finished", test_accuracy=accuracy, test_loss=loss, seconds=self.seconds)

    def _logits(self, split: Split) -> Tensor:
        """In the precision of training, which is quicker."""
        return measure.logits_of(
            self.trained,
            split.images,
            self.normalise,
            context=lambda: autocast_of(self.config, self.group.device),
            before_each=self._stop_if_asked,
        )

    def _stop_if_asked(self) -> None:
        if self.control().end:
            raise _EndAskedError

    def _snapshot(self, shown: Split, logits: Tensor, measured: Split, all_logits: Tensor | None) -> Snapshot:
        classes = len(self.data.classes)
        return Snapshot(
            epoch=self.epochs_done,
            # (filters, C, k, k) of the first convolution
            filters=measure.filters_of(self.network),
            images=shown.images.cpu().numpy(),
            labels=shown.labels.cpu().numpy(),
            # softmax: exp(z_k) / sum_j exp(z_j)
            probabilities=logits.softmax(1).cpu().numpy(),
            # (classes, classes): rows are what an image shows, columns what was answered
            confusion=np.zeros((classes, classes), np.int64)
            if all_logits is None
            else measure.confusion_matrix(all_logits, measured.labels),
        )
