"""What every command has: a name, a sentence, and --json."""

import argparse
import json
from collections.abc import Callable
from typing import Any, TypeAlias

from alexnet_viz.words.i18n import Translator

Command = Callable[[argparse.Namespace, Translator], int]  # returns the exit status
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(
    commands: Commands, name: str, command: Command, about: str, *parents: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    """The parser of a new command, with the arguments of `parents` already in it."""
    parser = commands.add_parser(name, help=about, parents=parents)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line and nothing else")
    parser.set_defaults(command=command)
    return parser


def say(args: argparse.Namespace, record: Any, text: str = "") -> None:
    """Print the record as JSON where that was asked for, otherwise the text."""
    print(json.dumps(record, ensure_ascii=False) if args.json or not text else text, flush=True)
