"""Downloading a model's published weights, only when asked to.

    for progress in download(entry):
        print(progress.done, progress.total)          # bytes

The file is checked by the sha256 prefix that torchvision writes into its file names (`alexnet-owt-7be5be79.pth`).
"""

from collections.abc import Iterator
from pathlib import Path

from alexnet_viz.files.download import DownloadProgress, fetch
from alexnet_viz.files.paths import weights_dir
from alexnet_viz.network.zoo import ModelEntry


def download(entry: ModelEntry, *, url: str | None = None, folder: Path | None = None) -> Iterator[DownloadProgress]:
    """Fetch a model's published weights into `ALEXNET_VIZ_HOME/weights`; yields progress.

    Stopping the iteration keeps what has arrived. Raises `UserError` as `alexnet_viz.files.download.fetch` does.
    """
    target = (folder or weights_dir()) / entry.hub
    yield from fetch(url or entry.url, target, sha256=target.stem.rsplit("-", 1)[-1])
