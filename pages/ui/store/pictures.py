"""Pictures as bytes: the samples, the visitor's own, and their thumbnails."""

from hashlib import sha256
from pathlib import Path

from alexnet_viz.pictures import images, render
from alexnet_viz.pictures.samples import SAMPLES, load_sample
from alexnet_viz.words.i18n import Translator
from pages.ui.session import Picture
from pages.ui.store.rules import computed, keep, keep_shared


@keep_shared(max_entries=32)
def _sample(sample_id: str) -> tuple[bytes, str]:
    data = load_sample(sample_id)
    return data, sha256(data).hexdigest()


def sample(sample_id: str, t: Translator) -> Picture:
    """A picture that comes with the app."""
    return Picture(sample_id, t(SAMPLES[sample_id].title), *_sample(sample_id))


def sample_bytes(sample_id: str) -> bytes:
    """The same as an encoded file."""
    return _sample(sample_id)[0]


@keep(max_entries=2048)  # more than a class has pictures: each page with a strip asks for all of its visitor's
def thumbnail(picture: Picture) -> bytes:
    """A small square JPEG of a picture."""
    return render.thumbnail(images.decode(picture.data).image)


@computed(2)
def sample_pictures(path: Path, count: int) -> list[tuple[str, bytes]]:
    """Some pictures of a dataset: (class, encoded bytes)."""
    from alexnet_viz.training.datasets import sample_pictures

    return sample_pictures(path, count)
