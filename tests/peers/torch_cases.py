"""Losses of torch.nn.functional, and functions that losses are made of."""

import torch
from torch.nn import functional as f

from case import Case
from engine import ELEMENTWISE, SCALAR


def losses():
    def case(text, peer, **more):
        return Case("PyTorch", text, peer, **more)

    def each(text, peer, **more):
        return case(text, lambda t: peer(t).mean(-1), **more)

    def plain(name, more="", options=None, **inputs):  # inputs, and a remark
        peer = getattr(f, name)
        return each(
            f"{name}(y_pred, y_true{more})",
            lambda t: peer(t.y_pred, t.y_true, reduction="none", **(options or {})),
            **inputs,
        )

    def with_weight(name):
        peer = getattr(f, name)
        return each(
            f"{name}(y_pred, y_true, weight=w)",
            lambda t: peer(t.y_pred, t.y_true, reduction="none", weight=t.w),
            y_true="real",
            y_pred="real",
            w="weight",
        )

    logits = {"y_true": "bit", "y_pred": "real"}
    soft_logits = {"y_true": "unit", "y_pred": "real"}
    scores = {"y_true": ("label", "B"), "y_pred": "real"}
    void = {"y_true": ("some_ignored", "B"), "y_pred": "real"}
    weighed = {"w": ("weight", "N"), "shared": ("w",)}
    image = {"y_true": ("some_ignored", "B 3"), "y_pred": ("real", "B N 3")}
    three = {
        "y_pred": "real",
        "positive": "real",
        "negative": "real",
        "by": ("y_pred", "positive", "negative"),
    }
    pair = {
        "y_pred": "real",
        "other": "real",
        "y_true": ("sign", "B"),
        "by": ("y_pred", "other"),
    }
    return [
        plain("mse_loss"),
        with_weight("mse_loss"),
        plain("l1_loss"),
        with_weight("l1_loss"),
        plain("huber_loss", ", delta=0.7", {"delta": 0.7}),
        with_weight("huber_loss"),
        plain("smooth_l1_loss"),
        plain("smooth_l1_loss", ", beta=0.3", {"beta": 0.3}),
        case(
            "mse_loss(y_pred, y_true, axis=[])",
            lambda t: f.mse_loss(t.y_pred, t.y_true, reduction="none"),
            result=ELEMENTWISE,
        ),
        case(
            "mse_loss(y_pred, y_true, axis=None)",
            lambda t: f.mse_loss(t.y_pred, t.y_true),
            result=SCALAR,
        ),
        plain("poisson_nll_loss", y_true="count", y_pred="real"),
        plain(
            "poisson_nll_loss",
            ", full=True",
            {"full": True},
            y_true="count",
            y_pred="real",
        ),
        plain(
            "poisson_nll_loss",
            ", log_input=False",
            {"log_input": False},
            y_true="count",
            y_pred="positive",
        ),
        each(
            "gaussian_nll_loss(y_pred, y_true, v)",
            lambda t: f.gaussian_nll_loss(t.y_pred, t.y_true, t.v, reduction="none"),
            by=("y_pred", "v"),
            y_true="real",
            y_pred="real",
            v="positive",
        ),
        each(
            "gaussian_nll_loss(y_pred, y_true, v, full=True, eps=0.5)",
            lambda t: f.gaussian_nll_loss(
                t.y_pred, t.y_true, t.v, full=True, eps=0.5, reduction="none"
            ),
            by=("y_pred", "v"),
            y_true="real",
            y_pred="real",
            v="positive",
        ),
        plain("binary_cross_entropy", y_true="bit", y_pred="unit"),
        each(
            "binary_cross_entropy(y_pred, y_true, weight=w)",
            lambda t: f.binary_cross_entropy(t.y_pred, t.y_true, t.w, reduction="none"),
            y_true="soft",
            y_pred="unit",
            w="weight",
        ),
        plain("binary_cross_entropy_with_logits", **logits),
        plain("binary_cross_entropy_with_logits", remark="soft labels", **soft_logits),
        each(
            "binary_cross_entropy_with_logits(y_pred, y_true, weight=w, pos_weight=p)",
            lambda t: f.binary_cross_entropy_with_logits(
                t.y_pred, t.y_true, t.w, reduction="none", pos_weight=t.p
            ),
            shared=("p",),
            w="weight",
            p=("weight", "N"),
            **logits,
        ),
        case(
            "cross_entropy(y_pred, y_true)",
            lambda t: f.cross_entropy(t.y_pred, t.y_true, reduction="none"),
            **scores,
        ),
        case(
            "cross_entropy(y_pred, y_true, label_smoothing=0.1)",
            lambda t: f.cross_entropy(
                t.y_pred, t.y_true, reduction="none", label_smoothing=0.1
            ),
            **scores,
        ),
        case(
            "cross_entropy(y_pred, y_true, weight=w, ignore_index=-1, "
            "label_smoothing=0.1)",
            lambda t: f.cross_entropy(
                t.y_pred,
                t.y_true,
                t.w,
                reduction="none",
                ignore_index=-1,
                label_smoothing=0.1,
            ),
            **void,
            **weighed,
        ),
        case(
            "cross_entropy(y_pred, y_true, weight=w, ignore_index=-1)",
            lambda t: f.cross_entropy(
                t.y_pred, t.y_true, t.w, reduction="none", ignore_index=-1
            ),
            result=ELEMENTWISE,
            **image,
            **weighed,
        ),
        case(
            "cross_entropy_mean(y_pred, y_true, weight=w, ignore_index=-1, "
            "label_smoothing=0.1)",
            lambda t: f.cross_entropy(
                t.y_pred, t.y_true, t.w, ignore_index=-1, label_smoothing=0.1
            ),
            result=SCALAR,
            **void,
            **weighed,
        ),
        case(
            "cross_entropy_with_probabilities(y_pred, y_true, weight=w, "
            "label_smoothing=0.1)",
            lambda t: f.cross_entropy(
                t.y_pred, t.y_true, t.w, reduction="none", label_smoothing=0.1
            ),
            y_true="soft",
            y_pred="real",
            **weighed,
        ),
        case(
            "nll_loss(y_pred, y_true)",
            lambda t: f.nll_loss(t.y_pred, t.y_true, reduction="none"),
            y_true=("label", "B"),
            y_pred="log_rows",
        ),
        case(
            "nll_loss_mean(y_pred, y_true, weight=w, ignore_index=-1)",
            lambda t: f.nll_loss(t.y_pred, t.y_true, t.w, ignore_index=-1),
            result=SCALAR,
            y_true=("some_ignored", "B"),
            y_pred="log_rows",
            **weighed,
        ),
        plain("kl_div", y_true="soft", y_pred="log_rows"),
        plain(
            "kl_div",
            ", log_target=True",
            {"log_target": True},
            y_true="log_rows",
            y_pred="log_rows",
        ),
        plain(
            "hinge_embedding_loss",
            ", margin=1.5",
            {"margin": 1.5},
            y_true="sign",
            y_pred="positive",
        ),
        plain("soft_margin_loss", y_true="sign", y_pred="real"),
        case(
            "multilabel_soft_margin_loss(y_pred, y_true)",
            lambda t: f.multilabel_soft_margin_loss(
                t.y_pred, t.y_true, reduction="none"
            ),
            **logits,
        ),
        case(
            "multi_margin_loss(y_pred, y_true)",
            lambda t: f.multi_margin_loss(t.y_pred, t.y_true, reduction="none"),
            **scores,
        ),
        case(
            "multi_margin_loss(y_pred, y_true, p=2, margin=0.5, weight=w)",
            lambda t: f.multi_margin_loss(
                t.y_pred, t.y_true, p=2, margin=0.5, weight=t.w, reduction="none"
            ),
            **scores,
            **weighed,
        ),
        case(
            "multilabel_margin_loss(y_pred, y_true)",
            lambda t: f.multilabel_margin_loss(t.y_pred, t.y_true, reduction="none"),
            y_true="label_list",
            y_pred="real",
        ),
        case(
            "margin_ranking_loss(y_pred, other, y_true, margin=0.5)",
            lambda t: f.margin_ranking_loss(
                t.y_pred, t.other, t.y_true, margin=0.5, reduction="none"
            ),
            by=("y_pred", "other"),
            y_pred=("real", "B"),
            other=("real", "B"),
            y_true=("sign", "B"),
        ),
        case(
            "cosine_embedding_loss(y_pred, other, y_true, margin=0.2)",
            lambda t: f.cosine_embedding_loss(
                t.y_pred, t.other, t.y_true, margin=0.2, reduction="none"
            ),
            **pair,
        ),
        case(
            "triplet_margin_loss(y_pred, positive, negative)",
            lambda t: f.triplet_margin_loss(
                t.y_pred, t.positive, t.negative, reduction="none"
            ),
            **three,
        ),
        case(
            "triplet_margin_loss(y_pred, positive, negative, margin=0.5, p=3, "
            "swap=True)",
            lambda t: f.triplet_margin_loss(
                t.y_pred,
                t.positive,
                t.negative,
                margin=0.5,
                p=3,
                swap=True,
                reduction="none",
            ),
            **three,
        ),
        case(
            "torch_cosine_similarity(y_pred, y_true)",
            lambda t: f.cosine_similarity(t.y_pred, t.y_true),
        ),
        case(
            "pairwise_distance(y_pred, y_true, p=1)",
            lambda t: f.pairwise_distance(t.y_pred, t.y_true, p=1),
        ),
    ]


def helpers():
    """Functions that losses are made of, and other names of the same."""

    def case(text, peer, **more):
        return Case("PyTorch", text, peer, **more)

    def pinball(t):
        d = t.y_true - t.y_pred
        return torch.maximum(0.3 * d, -0.7 * d).mean(-1)

    def smooth(t):
        return 0.8 * t.y_true * t.y_pred + 0.1 * t.y_pred

    ignored = {"y_true": ("some_ignored", "B"), "y_pred": "real"}
    weight = {"w": ("weight", "N"), "shared": ("w",)}
    table = {"y_pred": ("real", "B N 2"), "result": ELEMENTWISE}
    return [
        case(
            "norm_pdf(y_pred)",
            lambda t: torch.distributions.Normal(0, 1).log_prob(t.y_pred).exp(),
            result=ELEMENTWISE,
            y_pred="real",
        ),
        case(
            "var(y_pred, axis=-1)",
            lambda t: t.y_pred.var(-1, correction=0),
            y_pred="real",
        ),
        case("var(y_pred, axis=-1, ddof=1)", lambda t: t.y_pred.var(-1), y_pred="real"),
        case("std(y_pred, axis=-1, ddof=1)", lambda t: t.y_pred.std(-1), y_pred="real"),
        case(
            "norm(y_pred, axis=-1)",
            lambda t: torch.linalg.vector_norm(t.y_pred, dim=-1),
            y_pred="real",
        ),
        case("pinball(y_true, y_pred, tau=0.3)", pinball),
        case(
            "sum(smooth_binary_labels(y_true, 0.2)*y_pred, axis=-1)",
            lambda t: smooth(t).sum(-1),
            y_true="bit",
            y_pred="real",
        ),
        case(
            "binary_crossentropy_from_logits(y_true, y_pred)",
            lambda t: torch.nn.functional.binary_cross_entropy_with_logits(
                t.y_pred, t.y_true, reduction="none"
            ).mean(-1),
            y_true="bit",
            y_pred="real",
        ),
        case(
            "categorical_crossentropy_from_logits(y_true, y_pred)",
            lambda t: torch.nn.functional.cross_entropy(
                t.y_pred, t.y_true, reduction="none"
            ),
            y_true="soft",
            y_pred="real",
        ),
        case(
            "sparse_categorical_crossentropy_from_logits(y_true, y_pred, -1)",
            lambda t: torch.nn.functional.cross_entropy(
                t.y_pred, t.y_true, reduction="none", ignore_index=-1
            ),
            **ignored,
        ),
        case("classes_last(y_pred)", lambda t: t.y_pred.transpose(1, 2), **table),
        case(
            "sum_of_classes(y_pred, w)",
            lambda t: torch.einsum("bcd,c->bd", t.y_pred, t.w),
            **table,
            **weight,
        ),
        case(
            "cross_entropy_weight(y_pred, y_true, w, ignore_index=-1)*y_pred[:, 0]",
            lambda t: torch.where(t.y_true < 0, 0, t.w[t.y_true]) * t.y_pred[:, 0],
            **ignored,
            **weight,
        ),
    ]
