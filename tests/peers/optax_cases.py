"""Losses of optax."""

import jax.numpy as jnp
import optax as o

from case import Case
from engine import ELEMENTWISE, SCALAR


def losses():
    def case(text, peer, **more):
        return Case("optax", text, peer, **more)

    def each(name, kinds):
        peer = getattr(o.losses, name)
        return case(
            f"{name}(y_pred, y_true)",
            lambda t: peer(t.y_pred, t.y_true).mean(-1),
            **kinds,
        )

    def rows(name, kinds):
        peer = getattr(o.losses, name)
        return case(
            f"{name}(y_pred, y_true)", lambda t: peer(t.y_pred, t.y_true), **kinds
        )

    real = {"y_true": "real", "y_pred": "real"}
    logits = {"y_true": "bit", "y_pred": "real"}
    signs = {"y_true": "sign", "y_pred": "real"}
    scores = {"y_true": "one_hot", "y_pred": "real"}
    soft = {"y_true": "soft", "y_pred": "real"}
    labels = {"y_true": ("label", "B"), "y_pred": "real"}
    shares = {"y_true": "soft", "y_pred": "log_rows"}
    masked = {"mask": "bit", **soft}
    image = {"y_true": ("one_hot", "B 5 3"), "y_pred": ("real", "B 5 3")}
    return [
        each("squared_error", real),
        each("l2_loss", real),
        case(
            "l2_loss(y_pred)",
            lambda t: o.losses.l2_loss(t.y_pred).mean(-1),
            y_pred="real",
        ),
        rows("cosine_distance", real),
        each("sigmoid_binary_cross_entropy", logits),
        each(
            "sigmoid_binary_cross_entropy",
            {"y_true": "unit", "y_pred": "real", "remark": "soft labels"},
        ),
        each("hinge_loss", signs),
        each("perceptron_loss", signs),
        case(
            "sparsemax_loss(y_pred, y_true)",
            lambda t: o.losses.sparsemax_loss(t.y_pred, t.y_true != 0).mean(-1),
            **logits,
        ),
        each("sigmoid_focal_loss", logits),
        case(
            "sigmoid_focal_loss(y_pred, y_true, alpha=0.25, gamma=1.5)",
            lambda t: o.losses.sigmoid_focal_loss(
                t.y_pred, t.y_true, alpha=0.25, gamma=1.5
            ).mean(-1),
            y_true="unit",
            y_pred="real",
        ),
        rows("softmax_cross_entropy", soft),
        case(
            "softmax_cross_entropy(y_pred, y_true, where=mask != 0)",
            lambda t: o.losses.softmax_cross_entropy(
                t.y_pred, t.y_true, where=t.mask != 0
            ),
            **masked,
        ),
        rows("safe_softmax_cross_entropy", scores),
        rows("softmax_cross_entropy_with_integer_labels", labels),
        rows("multiclass_hinge_loss", labels),
        rows("multiclass_perceptron_loss", labels),
        rows("poly_loss_cross_entropy", scores),
        case(
            "ranking_softmax_loss(y_pred, y_true, where=mask != 0, weights=w)",
            lambda t: o.losses.ranking_softmax_loss(
                t.y_pred, t.y_true, where=t.mask != 0, weights=t.w, reduce_fn=None
            ),
            w="weight",
            **masked,
        ),
        case(
            "optax_kl_divergence(y_pred, y_true)",
            lambda t: o.losses.kl_divergence(t.y_pred, t.y_true),
            **shares,
        ),
        rows(
            "kl_divergence_with_log_targets",
            {"y_true": "log_rows", "y_pred": "log_rows"},
        ),
        rows("generalized_kl_divergence", shares),
        rows("convex_kl_divergence", shares),
        case(
            "dice_loss(y_pred, y_true, class_weights=w, alpha=0.3, beta=0.7)",
            lambda t: o.losses.dice_loss(
                t.y_pred,
                t.y_true,
                class_weights=t.w,
                alpha=0.3,
                beta=0.7,
                reduction="none",
            ).mean(-1),
            w=("weight", "3"),
            shared=("w",),
            **image,
        ),
        case(
            "mean(multiclass_generalized_dice_loss(y_pred, y_true))",
            lambda t: o.losses.multiclass_generalized_dice_loss(t.y_pred, t.y_true),
            result=SCALAR,
            **image,
        ),
        case(
            "mean(binary_dice_loss(y_pred, y_true))",
            lambda t: jnp.mean(o.losses.binary_dice_loss(t.y_pred, t.y_true)),
            result=SCALAR,
            **logits,
        ),
        case(
            "smooth_labels(y_pred, 0.1)",
            lambda t: o.losses.smooth_labels(t.y_pred, 0.1),
            result=ELEMENTWISE,
            y_pred="real",
        ),
    ]
