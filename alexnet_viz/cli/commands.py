"""The command line: `python -m alexnet_viz COMMAND`.

`python -m alexnet_viz --help` lists the commands, COMMAND --help what each of them takes. With --json a command prints
one JSON object a line and nothing else.

Torch is imported by the commands that compute with it, so `--help` and `spec` start at once.
"""

import argparse
import io
import locale
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet_viz.cli import training as cli_training
from alexnet_viz.cli.output import add_command, say
from alexnet_viz.errors import UserError
from alexnet_viz.network.export import FORMATS, of_edited, of_file, of_model, write
from alexnet_viz.network.notation import read_spec
from alexnet_viz.network.sources import find_weights, search_path
from alexnet_viz.network.spec import Spec, Walk, walk
from alexnet_viz.network.zoo import DEFAULT_MODEL, LISTED, MODELS, model_entry
from alexnet_viz.pictures import render
from alexnet_viz.pictures.images import decode
from alexnet_viz.serving.imports import keep_caches_at_home
from alexnet_viz.words.i18n import LANGUAGES, Translator, best_language, translator
from alexnet_viz.words.labels import class_ids, class_name, class_record, read_names

if TYPE_CHECKING:
    from alexnet_viz.network.weights import Model

_ROW = ("name", "kind", "shape", "params", "macs", "receptive_field", "stride")  # of a layer, in `spec --json`
# Commands of earlier versions, and the tools that they are now.
MOVED = {"count": "tools.count", "transfer": "tools.transfer"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 if all went well, 1 if something could not be answered, 2 for a wrong call."""
    given = sys.argv[1:] if argv is None else argv
    if given and given[0] in MOVED:
        print(f"This command is now `python -m {MOVED[given[0]]}`, with the same arguments.", file=sys.stderr)
        return 2
    args = _parser().parse_args(given)
    t = translator(args.language)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name may have bytes that are no text
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return int(args.command(args, t))
    except UserError as problem:
        print(t(problem.message), file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m alexnet_viz", description="See how AlexNet works.")
    parser.add_argument("--language", choices=sorted(LANGUAGES), default=best_language([locale.getlocale()[0]]))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one_of = f"one of: {', '.join(LISTED)}"

    spec = add_command(commands, "spec", _spec, "a network's arithmetic, layer by layer")
    spec.add_argument("name", metavar="NAME", help=one_of)
    spec.add_argument("--input", type=_positive, metavar="N", help="side of the square input, in pixels")
    spec.add_argument(
        "--rounding", choices=["floor", "ceil"], default="floor", help="PyTorch's rule or the 2012 code's"
    )

    model = argparse.ArgumentParser(add_help=False)  # what `predict` and `explain` have in common
    model.add_argument("--model", metavar="NAME", help=f"{one_of} (default: {DEFAULT_MODEL})")
    model.add_argument(
        "--weights", type=Path, metavar="FILE", help="a weights file of one's own; its model is found by its keys"
    )

    model.add_argument(
        "--names", type=Path, metavar="FILE", help="its class names: one a line, a JSON list, or a class_to_idx"
    )

    predict = add_command(commands, "predict", _predict, "what a network sees in pictures", model)
    predict.add_argument("files", nargs="+", metavar="FILE")
    predict.add_argument("--top", type=_positive, default=5, metavar="K", help="how many classes to print (5)")

    explain = add_command(
        commands, "explain", _explain, "which pixels a class comes from, drawn over the picture", model
    )
    explain.add_argument("file", metavar="FILE")
    explain.add_argument("--method", required=True, metavar="ID", help="gradcam, occlusion, ...; a wrong one lists all")
    explain.add_argument(
        "--layer", default="", metavar="NAME", help="of methods that look at one (the ReLU of the last convolution)"
    )
    explain.add_argument("--class", dest="class_id", metavar="ID", help="the class to explain (the most probable one)")
    explain.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the method")
    explain.add_argument("--out", type=Path, required=True, metavar="OVERLAY.png", help="where to draw the map")
    explain.add_argument("--npy", type=Path, metavar="HEAT.npy", help="where to write the map: float32, signed")

    labels = add_command(commands, "labels", _labels, "the classes a network knows, in its output order")
    labels.add_argument("name", metavar="NETWORK", help=one_of)

    add_command(commands, "weights", _weights, "which weights are where")

    export = add_command(commands, "export", _export, "write a network for other programs to read")
    export.add_argument("what", metavar="MODEL|FILE", help=f"{one_of}; or a weights file")
    export.add_argument("--format", required=True, choices=list(FORMATS), help="what to write")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write it")
    export.add_argument("--names", type=Path, metavar="FILE", help="class names to write into it, as of `predict`")
    export.add_argument("--net", default="", metavar="WRITTEN", help="the edited network: ?net= of a link to one")

    cli_training.add_commands(commands)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


# spec


def _spec(args: argparse.Namespace, t: Translator) -> int:
    entry = model_entry(args.name)
    spec = replace(entry.spec, rounding=args.rounding)
    if args.input:
        spec = spec.at_input(args.input)
    walked = walk(spec)
    if args.json:
        say(args, _spec_record(entry.id, spec, walked, t))
    else:
        _print_table(spec, walked, t)
    return int(bool(walked.errors))


def _spec_record(name: str, spec: Spec, walked: Walk, t: Translator) -> dict[str, object]:
    possible = not walked.errors
    return {
        "name": name,
        "input": list(spec.input),
        "params": walked.params if possible else None,
        "macs": walked.macs if possible else None,
        "layers": [{name: getattr(row, name) for name in _ROW} for row in walked.rows],
        "errors": [{"layer": remark.layer, "text": t(remark.text)} for remark in walked.errors],
        "notes": [{"layer": remark.layer, "text": t(remark.text)} for remark in walked.notes],
    }


def _print_table(spec: Spec, walked: Walk, t: Translator) -> None:
    columns = "{:<10} {:<14} {:>14} {:>13} {:>15} {:>6} {:>7}"
    print(columns.format("layer", "kind", "output", "parameters", "MACs", "field", "stride"))
    print(columns.format("input", "", "x".join(map(str, spec.input)), "", "", "", ""))
    for row in walked.rows:
        field = [row.receptive_field or "-", row.stride or "-"]
        shape = "x".join(map(str, row.shape))
        print(columns.format(row.name, row.kind, shape, f"{row.params:,}", f"{row.macs:,}", *field))
    if not walked.errors:
        print(columns.format("total", "", "", f"{walked.params:,}", f"{walked.macs:,}", "", ""))
    for remark in (*walked.errors, *walked.notes):
        print(f"{remark.layer}: {t(remark.text)}")


# predict


def _predict(args: argparse.Namespace, t: Translator) -> int:
    from alexnet_viz.inspection.classify import answer_record, classify

    model = _model(args)
    notes = _remarks(args, model, t)
    failed = False
    for file in args.files:
        try:
            _check_trained(model)
            picture = decode(_read(file), Path(file).name)
        except UserError as problem:
            failed = True
            record: dict[str, object] = {"file": file, "error": t(problem.message)}
        else:
            said = [*(notes if args.json else []), *map(t, picture.notes)]
            record = answer_record(file, model.entry.id, classify(model, picture.image), args.top, said)
        say(args, record, _answer_text(record, t.language))
    return int(failed)


def _model(args: argparse.Namespace) -> "Model":
    from alexnet_viz.network.weights import load_model, open_model, with_names

    own, named = args.weights, args.model
    model = open_model(own, model_id=named) if own else load_model(named or DEFAULT_MODEL)
    return with_names(model, _names(args)) if args.names else model


def _names(args: argparse.Namespace) -> tuple[str, ...]:
    return read_names(_read(str(args.names))) if args.names else ()


def _remarks(args: argparse.Namespace, model: "Model", t: Translator) -> list[str]:
    """What was assumed of the model, in the reader's language; printed here unless it goes into each JSON record."""
    said = [t(remark) for remark in model.remarks] if model.trained else []
    if not args.json:
        for sentence in said:
            print(sentence)
    return said


def _check_trained(model: "Model") -> None:
    if not model.trained:
        raise UserError(
            "{model} has no weights here, and random ones answer nothing. "
            "Give its weights with --weights FILE, or choose a model that has some: {trained}.",
            model=model.entry.id,
            trained=DEFAULT_MODEL,
        )


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the name
        raise UserError("{file} cannot be read: {reason}.", file=file, reason=_reason(problem)) from problem


def _reason(problem: Exception) -> str:
    return getattr(problem, "strerror", None) or str(problem)


def _answer_text(record: dict[str, object], language: str) -> str:
    if "error" in record:
        return f"{record['file']}: {record['error']}"
    top = record["top"]
    assert isinstance(top, list)
    answers = ", ".join(f"{class_name(item['class'], language)} {item['probability']:.1%}" for item in top)
    return _with_notes(f"{record['file']}: {answers}", record)


def _with_notes(text: str, record: Mapping[str, Any]) -> str:
    """The line of an answer, and below it what was changed in the picture or is to be known of the map."""
    return "\n".join([text, *(f"  {note}" for note in record["notes"])])


# explain


def _explain(args: argparse.Namespace, t: Translator) -> int:
    try:
        record = _explained(args, t)
    except UserError as problem:
        if not args.json:
            raise
        say(args, {"file": args.file, "error": t(problem.message)})
        return 1
    name = class_name(record["class"], t.language)
    text = f"{args.file}: {name} {record['probability']:.1%}, {record['method']}, {args.out}"
    say(args, record, _with_notes(text, record))
    return 0


def _explained(args: argparse.Namespace, t: Translator) -> dict[str, Any]:
    """Compute the map, write the files, and return what is printed of it."""
    keep_caches_at_home()
    from alexnet_viz.inspection.attribution.attribute import attribute, input_array, preprocess_of, rectified

    model = _model(args)
    _check_trained(model)
    remarks = _remarks(args, model, t)
    picture = decode(_read(args.file), Path(args.file).name)
    array = input_array(model, picture.image)
    answer = attribute(
        model, array, args.method, layer=args.layer, target=args.class_id, settings=dict(map(_setting, args.set))
    )
    shown = rectified(answer.heat) if answer.raw is not None else answer.heat  # CAM methods as in their papers
    limit = float(np.abs(shown).max(initial=0.0))
    _write(args.out, render.overlaid(preprocess_of(model).from_array(array), shown, limit))
    if args.npy:
        encoded = io.BytesIO()
        np.save(encoded, answer.heat)
        _write(args.npy, encoded.getvalue())
    return {
        "file": args.file,
        "model": model.entry.id,
        "method": answer.method,
        "layer": answer.layer or None,
        "class": answer.class_id,
        "probability": round(answer.probability, 6),
        "seconds": round(answer.seconds, 4),
        "notes": [*(remarks if args.json else []), *map(t, (*picture.notes, *answer.notes))],
    }


def _setting(text: str) -> tuple[str, int | str]:
    name, _, value = text.partition("=")
    return name, int(value) if value.isdecimal() else value


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except (OSError, ValueError) as problem:
        raise UserError("{file} cannot be written: {reason}.", file=str(file), reason=_reason(problem)) from problem


# labels


def _labels(args: argparse.Namespace, t: Translator) -> int:
    records = [class_record(class_id) for class_id in class_ids(model_entry(args.name).labels)]
    if args.json:
        say(args, records)
    else:
        for record in records:
            print(f"{record['wnid'] or '-':<10} {record['en']:<32} {record['ko']}")
    return 0


# weights


def _weights(args: argparse.Namespace, t: Translator) -> int:
    for entry in MODELS.values():
        used = find_weights(entry)
        for place in search_path(entry):
            here = place.path is not None and place.path.is_file()
            record: dict[str, object] = {
                "model": entry.id,
                "origin": place.origin,
                "file": str(place.path),
                "bytes": place.path.stat().st_size if place.path and here else None,
                "used": here and place == used,
            }
            size = f"{record['bytes']:,}" if here else "-"
            mark = "*" if record["used"] else " "
            say(args, record, f"{mark} {entry.id:<20} {place.origin:<8} {size:>12}  {place.path}")
    return 0


# export


def _export(args: argparse.Namespace, t: Translator) -> int:
    from alexnet_viz.network.weights import load_model, with_names

    names = _names(args)
    if args.what in MODELS:
        model = load_model(args.what)
        model = with_names(model, names) if names else model
        portable = of_edited(model, read_spec(args.net)) if args.net else of_model(model)
    elif Path(args.what).is_file():
        portable = of_file(Path(args.what), args.net, names)
    else:
        raise UserError(
            "There is no network and no weights file named {name}. Networks: {known}.",
            name=args.what,
            known=", ".join(LISTED),
        )
    data = write(portable, args.format)
    _write(args.out, data)
    record = {
        "file": str(args.out),
        "format": args.format,
        "bytes": len(data),
        "classes": len(portable.classes),
        "random_layers": list(portable.random),
    }
    random = f", random weights: {', '.join(portable.random)}" if portable.random else ""
    say(args, record, f"{args.out}: {args.format}, {len(data):,} bytes{random}")
    return 0
