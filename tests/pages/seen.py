"""What a page in Streamlit's test harness shows, and what its tests give it."""

import io
import time

from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button, Selectbox

from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.events import EpochDone, StepDone, to_line
from alexnet_viz.training.runs import Run, Status, new_run, write_status
from tools.pages import open_page


def fine(app: AppTest) -> AppTest:
    """The same page, which shows neither an exception nor a sentence about an error."""
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def open_well(page: str = "classify", **query: str) -> AppTest:
    return fine(open_page(page, **query))


def box(app: AppTest, label: str) -> Selectbox:
    return next(box for box in app.selectbox if box.label == label)


def headline(app: AppTest) -> str:
    return app.subheader[0].value


def button(app: AppTest, label: str) -> Button | None:
    return next((button for button in app.button if button.label == label), None)


def captions(app: AppTest) -> list[str]:
    """Of all pictures on the page."""
    return [picture.caption for image in app.image for picture in image.proto.imgs]


def said(app: AppTest) -> str:
    """All running text on the page."""
    return "\n".join(text.value for text in [*app.markdown, *app.caption, *app.warning])


def png(color: tuple[int, int, int], side: int = 64) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (side, side), color).save(data, "PNG")
    return data.getvalue()


def told_run(
    steps: int = 30, epochs: int = 2, state: str = "stopped", lr: float = 0.05, model: str = "alexnet_cifar"
) -> Run:
    """A run that told of some steps and epochs."""
    run = new_run(TrainConfig.with_preset("fast", data="shapes", model=model))
    common = {"lr": lr, "images_per_second": 300.0}
    lines = [
        to_line(StepDone(step=i, epoch=1, loss=2.3 - 0.01 * i, accuracy=0.1, seconds=float(i), memory=2**20, **common))
        for i in range(1, steps + 1)
    ]
    lines += [
        to_line(
            EpochDone(
                epoch=i, step=15 * i, train_loss=2.0, train_accuracy=0.3, val_loss=1.9, val_accuracy=0.25 + i / 10,
                seconds=9.0, **common,
            )
        )
        for i in range(1, epochs + 1)
    ]  # fmt: skip
    (run.path / "metrics.jsonl").write_text("".join(lines), encoding="utf-8")
    write_status(run, Status(state=state, step=steps, steps=90, heartbeat=time.time()))
    return run


def data_box(app):
    return next(box for box in app.selectbox if box.label in ("Data", "데이터"))


def open_weights(app: AppTest, data: bytes, name: str = "mine.pth") -> AppTest:
    """The page after a weights file was put into its box."""
    uploader = next(box for box in app.file_uploader if box.key.startswith("weights_"))
    return uploader.upload(name, data, "application/octet-stream").run()
