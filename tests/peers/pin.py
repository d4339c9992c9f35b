"""Write tests/data/prelude.json: each text of the comparison at a small input.

    python pin.py tests/data/prelude.json

Values and gradients are the peer's in f64, and named so; where differences.py knows the
peer to be wrong they are the exact ones. tests/test_prelude.c reads the file.
"""

import importlib.metadata
import json
import sys

import numpy as np

import compare
import differences
import engine as lossjit

BATCH, CLASSES = 2, 3
PACKAGES = {"Keras": "keras", "PyTorch": "torch", "optax": "optax"}
RESULTS = {
    lossjit.PER_SAMPLE: "sample",
    lossjit.SCALAR: "scalar",
    lossjit.ELEMENTWISE: "any",
}


def small_inputs(case):
    drawn = case.draw(0, "float64", BATCH, CLASSES)
    return {name: np.round(array, 4) for name, array in drawn.items()}


def rounded(array):
    return [float(f"{number:.14g}") for number in np.ravel(array)]


def exact(case, inputs, value, gradients, adjoint):
    """The same from differences.py, where it knows the text."""
    known = compare.Comparison.__new__(compare.Comparison)
    known.case, known.inputs, known.adjoint = case, inputs, adjoint
    if value.ndim == 1:
        value = np.array(
            [float(differences.exact_value(known, "loss", (i,))) for i in range(BATCH)]
        )
    return value, {
        name: np.reshape(
            [
                float(differences.exact_value(known, name, index))
                for index in np.ndindex(gradient.shape)
            ],
            gradient.shape,
        )
        for name, gradient in gradients.items()
    }


def described(name, array, case):
    dtype = "i64" if array.dtype.kind == "i" else "float"
    values = array.ravel().tolist() if dtype == "i64" else rounded(array)
    shape = list(array.shape)
    if name not in case.shared:
        shape[0] = "batch"
    return {"dtype": dtype, "shape": shape, "values": values}


def pinned(case):
    inputs = small_inputs(case)
    value, gradients, adjoint = compare.by_peer(case, inputs)
    source = f"{case.library} {importlib.metadata.version(PACKAGES[case.library])}"
    if case.text in differences.KNOWN:
        value, gradients = exact(case, inputs, value, gradients, adjoint)
        source = "exact, tests/peers/differences.py"
    entry = {
        "text": case.text,
        "source": source,
        "result": RESULTS[case.result],
        "inputs": {
            name: described(name, array, case) for name, array in inputs.items()
        },
        "value": rounded(value),
        "gradients": {name: rounded(g) for name, g in gradients.items()},
    }
    if adjoint is not None:
        entry["adjoint"] = rounded(adjoint)
    return entry


def main():
    compare.let_keras_compute_in_float64()
    entries = [json.dumps(pinned(case)) for case in compare.all_cases()]
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(entries) + "\n]\n")


if __name__ == "__main__":
    main()
