"""A comparison: a text of ours, what it is called elsewhere, and its random inputs.

An input is drawn by a method of Draw, for a regime: ordinary values of order 1, or
logits of size 1e2 or 1e4. Shapes are words: B is the batch, N the number of classes. A
peer gets the inputs as attributes of `t`, tensors of its library, and returns the value
before any mean over the batch.
"""

import zlib

import numpy as np

from engine import PER_SAMPLE


class Draw:
    """Random inputs of one regime: scale 0 is ordinary, else the size of logits."""

    def __init__(self, seed, scale, classes):
        self.random = np.random.default_rng(seed)
        self.scale, self.classes = scale, classes

    def real(self, *shape):
        if not self.scale:
            return 2 * self.random.standard_normal(shape)
        return self.sign(*shape) * self.scale * self.random.uniform(0.5, 1, shape)

    def positive(self, *shape):
        return np.abs(self.real(*shape)) + 0.01

    def weight(self, *shape):
        return self.random.uniform(0.5, 2, shape)

    def count(self, *shape):
        return self.random.poisson(3, shape).astype(float)

    def unit(self, *shape):
        if not self.scale:
            return self.random.uniform(0.02, 0.98, shape)
        edges = [0, 1e-30, 1e-9, 1e-5, 0.5, 1 - 1e-5, 1 - 1e-9, 1]
        return self.random.choice(edges, shape)

    def log_rows(self, *shape):
        z = self.real(*shape)
        z = z - z.max(-1, keepdims=True)
        return z - np.log(np.exp(z).sum(-1, keepdims=True))

    def rows(self, *shape):
        return np.exp(self.log_rows(*shape))

    def soft(self, *shape):
        p = self.random.uniform(0.1, 1, shape)
        return p / p.sum(-1, keepdims=True)

    def bit(self, *shape):
        return self.random.integers(0, 2, shape).astype(float)

    def sign(self, *shape):
        return 2.0 * self.random.integers(0, 2, shape) - 1

    def label(self, *shape):
        return self.random.integers(0, self.classes, shape)

    def one_hot(self, *shape):
        return np.eye(shape[-1])[self.random.integers(0, shape[-1], shape[:-1])]

    def some_ignored(self, *shape):
        labels = self.label(*shape)
        labels.flat[::3] = -1
        return labels

    def label_list(self, *shape):
        lists = np.argsort(self.random.uniform(size=shape), axis=-1)
        ends = self.random.integers(0, shape[-1] + 1, shape[:-1])
        return np.where(np.arange(shape[-1]) < ends[..., None], lists, -1)


class Case:
    """`by`: the inputs to differentiate by; `shared`: those that have no batch; inputs
    are kinds, or pairs of a kind and a shape other than "B N"."""

    def __init__(
        self,
        library,
        text,
        peer,
        result=PER_SAMPLE,
        by=("y_pred",),
        shared=(),
        remark="",
        **inputs,
    ):
        self.library, self.text, self.peer, self.remark = library, text, peer, remark
        self.result, self.by, self.shared = result, by, shared
        self.inputs = inputs or {"y_true": "real", "y_pred": "real"}

    def draw(self, scale, dtype, batch=64, classes=7):
        """Inputs in this dtype; labels stay integers."""
        draw = Draw(zlib.crc32(self.text.encode()), scale, classes)
        sizes = {"B": batch, "N": classes}
        drawn = {}
        for name, spec in self.inputs.items():
            kind, shape = spec if isinstance(spec, tuple) else (spec, "B N")
            size = [
                sizes[word] if word in sizes else int(word) for word in shape.split()
            ]
            array = getattr(draw, kind)(*size)
            drawn[name] = array if array.dtype.kind == "i" else array.astype(dtype)
        return drawn
