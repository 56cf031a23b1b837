"""What does AlexNet see? The page Classify in a few lines.

python -m examples.classify_photo out --photo assets/samples/cat.jpg
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # a clone need not be installed

from alexnet_viz.inspection.classify import classify
from alexnet_viz.network.weights import load_model
from alexnet_viz.pictures import images
from alexnet_viz.words.numbers import percent

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path, nargs="?", default=Path("out"), help="where the picture goes")
parser.add_argument("--photo", type=Path, default=ROOT.joinpath("assets/samples/cat.jpg"))
parser.add_argument("--model", default="alexnet_200")
args = parser.parse_args()
args.folder.mkdir(parents=True, exist_ok=True)

model = load_model(args.model)
photo = images.decode(args.photo.read_bytes(), args.photo.name)
answer = classify(model, photo.image)
for class_id, probability in answer.top(5):
    print(f"{class_id:<12} {percent(probability):>8}")

# The part of the photo that the network really saw, at its own size.
preprocess = model.entry.preprocess
seen = preprocess.from_array(preprocess.to_array(photo.image))
(args.folder / "seen.png").write_bytes(images.encode(seen))
print(f"{photo.size[0]}x{photo.size[1]} pixels came in, {seen.width}x{seen.height} went into the network")
