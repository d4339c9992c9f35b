"""Compare the prelude with Keras 3, PyTorch and optax: loss and gradient, f32 and f64.

    python compare.py LIBLOSSJIT.SO [--table docs/peers.md] [--only WORD]

The same inputs go to both, ordinary ones and logits of size 1e2 and 1e4. Exits 1 if a
difference is over its bound and differences.py does not explain it.
"""

import argparse
import os
import sys
import types
import warnings

os.environ["KERAS_BACKEND"] = "torch"
os.environ["JAX_ENABLE_X64"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"
warnings.simplefilter("ignore")

import jax
import keras
import numpy as np
import torch

import activation_cases
import engine as lossjit
import keras_cases
import optax_cases
import report
import torch_cases

SCALES = (0, 1e2, 1e4)
DTYPES = ("float32", "float64")
NOTHING = 1e-25  # a difference is never relative to less than this


# ---- both sides ----------------------------------------------------------------------


def adjoint_of(case, value):
    """What an element-wise value's gradient is taken with: a sum hides mistakes."""
    if case.result != lossjit.ELEMENTWISE or not case.by:
        return None
    count = np.prod(value.shape, dtype=int)
    return np.cos(np.arange(count, dtype=value.dtype)).reshape(value.shape)


def by_torch(case, inputs):
    tensors = {name: torch.tensor(array) for name, array in inputs.items()}
    for name in case.by:
        tensors[name].requires_grad_()
    value = case.peer(types.SimpleNamespace(**tensors))
    plain = value.detach().numpy()
    if not case.by:
        return plain, {}, None
    adjoint = adjoint_of(case, plain)
    total = (value if adjoint is None else value * torch.tensor(adjoint)).sum()
    got = torch.autograd.grad(total, [tensors[name] for name in case.by])
    return plain, {n: g.numpy() for n, g in zip(case.by, got)}, adjoint


def by_jax(case, inputs):
    arrays = {name: jax.numpy.asarray(array) for name, array in inputs.items()}

    def peer(chosen):
        return case.peer(types.SimpleNamespace(**{**arrays, **chosen}))

    chosen = {name: arrays[name] for name in case.by}
    plain = np.asarray(peer(chosen))
    adjoint = adjoint_of(case, plain)
    factor = 1 if adjoint is None else adjoint
    gradient = jax.grad(lambda chosen: (peer(chosen) * factor).sum())(chosen)
    return plain, {n: np.asarray(g) for n, g in gradient.items()}, adjoint


def let_keras_compute_in_float64():
    """Keras turns float64 into float32 inside of most operations, on every backend but
    TensorFlow; then there would be nothing to compare with."""
    from keras.src.backend.common import dtypes

    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"


def by_peer(case, inputs):
    """The value, its gradients, and the adjoint that they were taken with."""
    keras.config.set_floatx(inputs["y_pred"].dtype.name)
    return (by_jax if case.library == "optax" else by_torch)(case, inputs)


# ---- how far apart -------------------------------------------------------------------


def distances(got, expected):
    """Differences element by element, relative to the larger of the element and the
    mean magnitude of all of them. Equal infinities and two NaNs are no difference."""
    got, expected = np.asarray(got, float), np.asarray(expected, float)
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    finite = np.abs(expected[np.isfinite(expected)])
    scale = np.maximum(np.abs(expected), finite.mean() if finite.size else 1)
    with np.errstate(all="ignore"):
        apart = np.abs(got - expected) / np.maximum(scale, NOTHING)
    return np.where(same, 0, np.where(np.isfinite(apart), apart, np.inf))


class Comparison:
    """A case in one dtype and one regime."""

    def __init__(self, engine, case, dtype, scale):
        self.case, self.dtype, self.scale = case, dtype, scale
        self.inputs = case.draw(scale, dtype)
        *self.theirs, self.adjoint = by_peer(case, self.inputs)
        self.mine = engine.run(
            case.text, self.inputs, case.shared, case.by, case.result, self.adjoint
        )
        self.loss = distances(self.mine[0], self.theirs[0]).max(initial=0)
        self.gradient = None
        for name in case.by:
            apart = distances(self.mine[1][name], self.theirs[1][name]).max(initial=0)
            self.gradient = max(apart, self.gradient or 0)

    def worst(self):
        return max(self.loss, self.gradient or 0)

    def within_bound(self):
        return self.worst() <= report.BOUNDS[self.dtype][0]

    def farthest(self):
        """Where the two are farthest apart, "loss" or an input's name, and what the
        two have there."""
        if self.loss >= self.worst():
            what, mine, theirs = "loss", self.mine[0], self.theirs[0]
        else:
            what = max(
                self.case.by,
                key=lambda name: distances(
                    self.mine[1][name], self.theirs[1][name]
                ).max(),
            )
            mine, theirs = self.mine[1][what], self.theirs[1][what]
        apart = distances(mine, theirs)
        index = np.unravel_index(apart.argmax(), apart.shape)
        return what, index, float(mine[index]), float(theirs[index])


def compare(engine, case):
    return [
        Comparison(engine, case, dtype, scale) for dtype in DTYPES for scale in SCALES
    ]


def all_cases():
    return (
        keras_cases.losses()
        + torch_cases.losses()
        + torch_cases.helpers()
        + optax_cases.losses()
        + activation_cases.activations()
        + keras_cases.scores()
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library")
    parser.add_argument("--table", help="write the table here")
    parser.add_argument("--only", default="", help="cases whose text contains this")
    options = parser.parse_args()
    engine = lossjit.Engine(options.library)
    let_keras_compute_in_float64()
    results = []
    for case in all_cases():
        if options.only in case.text:
            results.append((case, compare(engine, case)))
    return report.finish(results, options.table)


if __name__ == "__main__":
    sys.exit(main())
