"""What did the network look at? Grad-CAM for the two most probable classes, as on the page Attribution.

python -m examples.gradcam out --photo assets/samples/coffee_and_orange.jpg --method occlusion
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # a clone need not be installed

import numpy as np

from alexnet_viz.inspection.attribution.attribute import attribute, input_array, preprocess_of, rectified
from alexnet_viz.inspection.classify import classify
from alexnet_viz.network.weights import load_model
from alexnet_viz.pictures import images, render
from alexnet_viz.words.numbers import percent

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path, nargs="?", default=Path("out"), help="where the pictures go, one a class")
parser.add_argument("--photo", type=Path, default=ROOT.joinpath("assets/samples/coffee_and_orange.jpg"))
parser.add_argument("--method", default="gradcam")
args = parser.parse_args()
args.folder.mkdir(parents=True, exist_ok=True)

model = load_model("alexnet_200")
photo = images.decode(args.photo.read_bytes()).image
seen = preprocess_of(model).from_array(input_array(model, photo))
for class_id, _ in classify(model, photo).top(2):
    found = attribute(model, photo, args.method, target=class_id)
    heat = rectified(found.heat)  # what speaks for the class; negative values speak against it
    (args.folder / f"{class_id}.png").write_bytes(render.overlaid(seen, heat, float(heat.max())))
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    size = "x".join(map(str, heat.shape))
    print(f"{class_id}, {percent(found.probability)}: most at row {row}, column {column} of {size}")
