#!/usr/bin/env python3
"""Write catalogue_a.def, the losses that compile_time.c compiles, from the catalogue.

    python3 bench/catalogue_a.py tests/data/losses.json > bench/catalogue_a.def

One row per loss of class A: LOSS(id, result, text, input, ...). Hyperparameters become
parameters in front of the text, lists of them bindings. Inputs are declared by the
caller; a dimension of the catalogue is its name (C, H, ...), which the including file
defines.
"""
import json
import sys

RESULTS = {"vector": "LOSSJIT_PER_SAMPLE", "scalar": "LOSSJIT_SCALAR",
           "array": "LOSSJIT_ELEMENTWISE"}


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def wrapped(text, width):
    """String literals of at most `width` characters, one per line."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) + 4 > width:
            lines.append(quoted(line))
            line = ""
        line += word + " "
    return "\n     ".join(lines + [quoted(line[:-1])])


def hyperparameter(name, value):
    if isinstance(value, list):
        return f"{name} = [{', '.join(map(str, value))}]; "
    return f"{name}: f32 = {value}; "


def declaration(name, what):
    sizes = what["shape"].strip("[]").replace(" ", "").split(",")
    sizes = ["BATCH" if size == "B" else size for size in sizes]
    return f"F32({quoted(name)}, {len(sizes)}, {', '.join(sizes)})"


def row(loss):
    text = "".join(hyperparameter(*item) for item in loss["hyperparameters"].items())
    result = RESULTS[loss["output"].split("[")[0]]
    inputs = ",\n     ".join(declaration(*item) for item in loss["inputs"].items())
    return (f"LOSS({quoted(loss['id'])}, {result},\n"
            f"     {wrapped(text + loss['expr'], 82)},\n     {inputs})")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        losses = json.load(file)
    print("/* Written by bench/catalogue_a.py from tests/data/losses.json. */")
    for loss in losses:
        if loss["fit"] == "A":
            print(row(loss))


main()
