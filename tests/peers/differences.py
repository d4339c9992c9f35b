"""Where lossjit and its peers may differ, and what is right there.

For each text: the loss of one sample in many digits, from which the gradient is a
difference quotient; why the two differ; and, where both lose digits because terms
cancel, the size of those terms. Of an element-wise value the function is its product
with the adjoint. Functions get the sample's inputs as arrays of mpmath numbers, inputs
without a batch whole.
"""

import types

import mpmath
import numpy as np

mpmath.mp.dps = 150  # inputs down to 1e-30, differentiated with steps far below


def every(function):
    return np.vectorize(function, otypes=[object])


exp, log, cosh = every(mpmath.exp), every(mpmath.log), every(mpmath.cosh)
sigmoid = every(lambda x: 1 / (1 + mpmath.exp(-x)))
clipped = every(lambda p: min(max(p, mpmath.mpf(1e-7)), 1 - mpmath.mpf(1e-7)))
log_to_100 = every(
    lambda p: mpmath.log(p) if p > mpmath.exp(-100) else mpmath.mpf(-100)
)


def softmax(x):
    e = exp(x - max(x))
    return e / e.sum()


def soft_rows(x):
    return np.array([softmax(row) for row in x])


def log_cosh(t):
    return log(cosh(t.y_pred - t.y_true)).mean()


def focal_from_logits(t):
    p = sigmoid(t.y_pred)
    miss = t.y_true * (1 - p) + (1 - t.y_true) * p
    q = clipped(p)
    return -(miss**2 * (t.y_true * log(q) + (1 - t.y_true) * log(1 - q))).mean()


def generalized_cross_entropy(t):
    q = mpmath.mpf(0.7)
    return (1 - t.y_pred[t.y_true] ** q) / q


def binary_cross_entropy(t):
    weight = getattr(t, "w", 1)
    return -(
        weight
        * (t.y_true * log_to_100(t.y_pred) + (1 - t.y_true) * log_to_100(1 - t.y_pred))
    ).mean()


def soft_margin(t):
    return log(1 + exp(-t.y_true * t.y_pred)).mean()


def dice_of_classes(t, weight, alpha=0.5, beta=0.5):
    p = soft_rows(t.y_pred)
    both = (p * t.y_true).sum(0)
    only_pred, only_true = p.sum(0) - both, t.y_true.sum(0) - both
    ratio = (both + 1) / (both + alpha * only_pred + beta * only_true + 1)
    return (weight * (1 - ratio)).mean()


def dice_loss(t):
    return dice_of_classes(t, t.w, 0.3, 0.7)


def generalized_dice_mean(t):
    weight = 1 / (t.whole.y_true.sum((0, 1)) ** 2 + 1e-7)
    weight = every(mpmath.mpf)(weight)
    return dice_of_classes(t, weight / weight.mean()) / len(t.whole.y_true)


def binary_dice_mean(t):
    p = sigmoid(t.y_pred)
    both = (p * t.y_true).sum()
    ratio = (both + 1) / ((p.sum() + t.y_true.sum()) / 2 + 1)
    return (1 - ratio) / len(t.whole.y_true)


def elementwise(function):
    return lambda t: (function(t.y_pred) * t.adjoint).sum()


hard_sigmoid = elementwise(every(lambda x: min(max(x + 3, mpmath.mpf(0)), 6) / 6))
SOFTMAX = (
    "The derivative of softmax cancels where one class has nearly all. The formula "
    "is the same on both sides; both are right to the last bit of what cancels."
)
SIGMOID = (
    "The peer's derivative p*(1 - p) is 0 where p rounds to 1; ours is p*sigmoid(-x)."
)
CLAMP = (
    "PyTorch's gradient divides by at least 1e-12, which is not the derivative of its "
    "value."
)
ONE_SIXTH = "PyTorch's derivative is 1/6 rounded to f32."

KNOWN = {
    "log_cosh(y_true, y_pred)": (
        log_cosh,
        "PyTorch's softplus(x) is x from x = 20 on, an error of up to 2e-9.",
    ),
    "binary_focal_crossentropy(y_true, y_pred, from_logits=True)": (
        focal_from_logits,
        SIGMOID + " In f32 the limit 1 - 1e-7 is 1 - 1.2e-7, on both sides.",
    ),
    "categorical_generalized_cross_entropy(y_true, y_pred, q=0.7)": (
        generalized_cross_entropy,
        "Keras multiplies by one-hot labels; the infinite derivative of p**q at p = 0 "
        "becomes NaN in the other classes.",
    ),
    "binary_cross_entropy(y_pred, y_true)": (binary_cross_entropy, CLAMP),
    "binary_cross_entropy(y_pred, y_true, weight=w)": (binary_cross_entropy, CLAMP),
    "soft_margin_loss(y_pred, y_true)": (
        soft_margin,
        "PyTorch's exp overflows; the loss is linear there.",
    ),
    "dice_loss(y_pred, y_true, class_weights=w, alpha=0.3, beta=0.7)": (
        dice_loss,
        SOFTMAX,
        1,
    ),
    "mean(multiclass_generalized_dice_loss(y_pred, y_true))": (
        generalized_dice_mean,
        SOFTMAX,
        1 / 64,
    ),
    "mean(binary_dice_loss(y_pred, y_true))": (binary_dice_mean, SIGMOID),
    "softsign(y_pred)": (
        elementwise(every(lambda x: x / (1 + abs(x)))),
        "1/(1 + |x|) - |x|/(1 + |x|)**2 cancels far from 0.",
    ),
    "sigmoid(y_pred)": (elementwise(sigmoid), SIGMOID),
    "hard_sigmoid(y_pred)": (hard_sigmoid, ONE_SIXTH),
    "hardsigmoid(y_pred)": (hard_sigmoid, ONE_SIXTH),
}


def exactly(array):
    if array is None or array.dtype.kind == "i":
        return array
    return every(lambda x: mpmath.mpf(float(x)))(array)


def sample_of(comparison, sample):
    """The inputs of one sample, in many digits, as attributes."""
    case, inputs = comparison.case, comparison.inputs
    row = {
        name: exactly(array if name in case.shared else array[sample])
        for name, array in inputs.items()
    }
    if comparison.adjoint is not None:
        row["adjoint"] = exactly(comparison.adjoint[sample])
    return types.SimpleNamespace(whole=types.SimpleNamespace(**inputs), **row)


def exact_value(comparison, what, index):
    """The loss of a sample, or an element of its gradient, as an mpmath number."""
    function = KNOWN[comparison.case.text][0]
    row = sample_of(comparison, index[0])
    if what == "loss":
        return function(row)
    inputs = getattr(row, what)
    place = inputs[index[1:]]

    def along(x):
        inputs[index[1:]] = x
        return function(row)

    step = mpmath.mpf(10) ** -70
    return (along(place + step) - along(place - step)) / (2 * step)
