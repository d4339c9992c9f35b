"""Activations of Keras and of torch.nn.functional."""

import torch
from keras import activations as k
from torch.nn import functional as f

from case import Case
from engine import ELEMENTWISE


def activations():
    def case(library, text, peer):
        return Case(
            library, text, lambda t: peer(t.y_pred), result=ELEMENTWISE, y_pred="real"
        )

    def torch_case(text, peer):
        return case("PyTorch", text.format("y_pred"), peer)

    def keras_case(name, **more):
        options = "".join(f", {key}={value}" for key, value in more.items())
        return case(
            "Keras", f"{name}(y_pred{options})", lambda x: getattr(k, name)(x, **more)
        )

    return [
        keras_case(name)
        for name in (
            "relu",
            "relu6",
            "leaky_relu",
            "elu",
            "selu",
            "celu",
            "gelu",
            "silu",
            "swish",
            "mish",
            "softplus",
            "softsign",
            "hard_sigmoid",
            "hard_silu",
            "hard_swish",
            "hard_tanh",
            "tanh_shrink",
            "soft_shrink",
            "hard_shrink",
            "log_sigmoid",
            "sigmoid",
            "tanh",
            "linear",
            "squareplus",
            "sparse_plus",
            "sparse_sigmoid",
            "softmax",
            "log_softmax",
        )
        if hasattr(k, name)
    ] + [
        keras_case("relu", negative_slope=0.1, max_value=1.5, threshold=0.25),
        keras_case("gelu", approximate=True),
        keras_case("threshold", threshold=0.5, default_value=-1.0),
        torch_case("torch_leaky_relu({})", f.leaky_relu),
        torch_case("celu({}, alpha=0.5)", lambda x: f.celu(x, alpha=0.5)),
        torch_case("elu({}, alpha=0.5)", lambda x: f.elu(x, alpha=0.5)),
        torch_case("hardtanh({}, -0.5, 2.0)", lambda x: f.hardtanh(x, -0.5, 2.0)),
        torch_case("hardsigmoid({})", f.hardsigmoid),
        torch_case("hardswish({})", f.hardswish),
        torch_case("softshrink({}, 0.3)", lambda x: f.softshrink(x, 0.3)),
        torch_case("hardshrink({}, 0.3)", lambda x: f.hardshrink(x, 0.3)),
        torch_case("tanhshrink({})", f.tanhshrink),
        torch_case("torch_softplus({}, beta=2.0)", lambda x: f.softplus(x, beta=2.0)),
        torch_case("logsigmoid({})", f.logsigmoid),
        torch_case("softmin({})", lambda x: f.softmin(x, dim=-1)),
        torch_case("exponential({}/100)", lambda x: torch.exp(x / 100)),
        Case(
            "PyTorch",
            "prelu(y_pred, w)",
            lambda t: f.prelu(t.y_pred, t.w),
            result=ELEMENTWISE,
            by=("y_pred",),
            shared=("w",),
            y_pred="real",
            w=("weight", "N"),
        ),
    ]
