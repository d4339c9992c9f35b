"""Losses and metrics of Keras, on its PyTorch backend."""

from keras import losses as k
from keras import metrics

from case import Case
from engine import ELEMENTWISE, SCALAR


def losses():
    def case(text, peer, **more):
        return Case("Keras", text, peer, **more)

    def plain(name, **more):
        peer = getattr(k, name)
        return case(
            f"{name}(y_true, y_pred)", lambda t: peer(t.y_true, t.y_pred), **more
        )

    positive = {"y_true": "positive", "y_pred": "positive"}
    yes_no = {"y_true": "bit", "y_pred": "unit"}
    logits = {"y_true": "bit", "y_pred": "real"}
    shares = {"y_true": "one_hot", "y_pred": "rows"}
    scores = {"y_true": "one_hot", "y_pred": "real"}
    labels = {"y_true": ("label", "B"), "y_pred": "rows"}
    label_scores = {"y_true": ("label", "B"), "y_pred": "real"}
    void_scores = {"y_true": ("some_ignored", "B"), "y_pred": "real"}
    image = {"y_true": ("one_hot", "B 5 3"), "y_pred": ("rows", "B 5 3")}
    return [
        plain("mean_squared_error"),
        plain("mean_absolute_error"),
        plain("mean_absolute_percentage_error"),
        plain("mean_squared_logarithmic_error", **positive),
        plain("huber"),
        case(
            "huber(y_true, y_pred, delta=0.7)",
            lambda t: k.huber(t.y_true, t.y_pred, delta=0.7),
        ),
        plain("log_cosh"),
        plain("poisson", y_true="count", y_pred="positive"),
        plain("cosine_similarity"),
        case(
            "cosine_similarity(y_true, y_pred, axis=1)",
            lambda t: k.cosine_similarity(t.y_true, t.y_pred, axis=1),
            result=ELEMENTWISE,
            y_true=("real", "B 4 3"),
            y_pred=("real", "B 4 3"),
        ),
        plain("hinge", y_true="sign", y_pred="real"),
        plain("hinge", remark="labels 0 and 1", **logits),
        plain("squared_hinge", y_true="sign", y_pred="real"),
        plain("squared_hinge", remark="labels 0 and 1", **logits),
        plain("categorical_hinge", **scores),
        plain("binary_crossentropy", **yes_no),
        case(
            "binary_crossentropy(y_true, y_pred, label_smoothing=0.2)",
            lambda t: k.binary_crossentropy(t.y_true, t.y_pred, label_smoothing=0.2),
            **yes_no,
        ),
        case(
            "binary_crossentropy(y_true, y_pred, from_logits=True)",
            lambda t: k.binary_crossentropy(t.y_true, t.y_pred, from_logits=True),
            **logits,
        ),
        case(
            "binary_crossentropy(y_true, y_pred, True, 0.2, axis=1)",
            lambda t: k.binary_crossentropy(t.y_true, t.y_pred, True, 0.2, axis=1),
            **logits,
        ),
        plain("binary_focal_crossentropy", **yes_no),
        case(
            "binary_focal_crossentropy(y_true, y_pred, apply_class_balancing=True, "
            "alpha=0.3, gamma=3.0, label_smoothing=0.1)",
            lambda t: k.binary_focal_crossentropy(
                t.y_true,
                t.y_pred,
                apply_class_balancing=True,
                alpha=0.3,
                gamma=3.0,
                label_smoothing=0.1,
            ),
            **yes_no,
        ),
        case(
            "binary_focal_crossentropy(y_true, y_pred, from_logits=True)",
            lambda t: k.binary_focal_crossentropy(t.y_true, t.y_pred, from_logits=True),
            **logits,
        ),
        plain("categorical_crossentropy", **shares),
        case(
            "categorical_crossentropy(y_true, y_pred, label_smoothing=0.1)",
            lambda t: k.categorical_crossentropy(
                t.y_true, t.y_pred, label_smoothing=0.1
            ),
            **shares,
        ),
        case(
            "categorical_crossentropy(y_true, y_pred, from_logits=True)",
            lambda t: k.categorical_crossentropy(t.y_true, t.y_pred, from_logits=True),
            y_true="soft",
            y_pred="real",
        ),
        case(
            "categorical_crossentropy(y_true, y_pred, True, 0.1)",
            lambda t: k.categorical_crossentropy(t.y_true, t.y_pred, True, 0.1),
            **scores,
        ),
        plain("sparse_categorical_crossentropy", **labels),
        case(
            "sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)",
            lambda t: k.sparse_categorical_crossentropy(
                t.y_true, t.y_pred, from_logits=True
            ),
            **label_scores,
        ),
        case(
            "sparse_categorical_crossentropy(y_true, y_pred, from_logits=True, "
            "ignore_class=-1)",
            lambda t: k.sparse_categorical_crossentropy(
                t.y_true, t.y_pred, from_logits=True, ignore_class=-1
            ),
            **void_scores,
        ),
        case(
            "sparse_categorical_crossentropy(y_true, y_pred, True, axis=1)",
            lambda t: k.sparse_categorical_crossentropy(
                t.y_true, t.y_pred, True, axis=1
            ),
            result=ELEMENTWISE,
            y_true=("label", "B 3"),
            y_pred=("real", "B N 3"),
        ),
        plain("categorical_focal_crossentropy", **shares),
        case(
            "categorical_focal_crossentropy(y_true, y_pred, alpha=0.5, gamma=1.5, "
            "from_logits=True, label_smoothing=0.1)",
            lambda t: k.categorical_focal_crossentropy(
                t.y_true,
                t.y_pred,
                alpha=0.5,
                gamma=1.5,
                from_logits=True,
                label_smoothing=0.1,
            ),
            **scores,
        ),
        case(
            "categorical_generalized_cross_entropy(y_true, y_pred, q=0.7)",
            lambda t: k.categorical_generalized_cross_entropy(t.y_true, t.y_pred, 0.7),
            **labels,
        ),
        plain("kl_divergence", y_true="soft", y_pred="rows"),
        plain("dice", result=SCALAR, **image),
        case(
            "dice(y_true, y_pred, axis=[1, 2])",
            lambda t: k.dice(t.y_true, t.y_pred, axis=(1, 2)),
            **image,
        ),
        case(
            "tversky(y_true, y_pred, alpha=0.3, beta=0.7, axis=[1, 2])",
            lambda t: k.tversky(t.y_true, t.y_pred, alpha=0.3, beta=0.7, axis=(1, 2)),
            **image,
        ),
    ] + [
        case(
            f"{name}(y_true, y_pred)",
            lambda t, peer=k.get(name): peer(t.y_true, t.y_pred),
            **kinds,
        )
        for name, kinds in {
            "mse": {},
            "mae": {},
            "mape": {},
            "msle": positive,
            "kld": shares,
        }.items()
    ]


def scores():
    def case(text, peer, **more):
        return Case("Keras", text, peer, by=(), **more)

    def of_object(name):
        def peer(t):
            metric = getattr(metrics, name)(
                dtype=str(t.y_pred.dtype).removeprefix("torch.")
            )
            metric.update_state(t.y_true, t.y_pred)
            return metric.result()

        return peer

    classes = {"y_true": "one_hot", "y_pred": "rows"}
    labels = {"y_true": ("label", "B"), "y_pred": "rows"}
    yes_no = {"y_true": "bit", "y_pred": "unit"}
    number = {"y_true": "real", "y_pred": "real", "result": SCALAR}
    return [
        Case(
            "PyTorch",
            "accuracy(y_true, y_pred)",
            lambda t: (t.y_true == t.y_pred).to(t.y_pred.dtype),
            by=(),
            result=ELEMENTWISE,
            y_true="bit",
            y_pred="bit",
        ),
        case(
            "binary_accuracy(y_true, y_pred)",
            lambda t: metrics.binary_accuracy(t.y_true, t.y_pred),
            result=ELEMENTWISE,
            **yes_no,
        ),
        case(
            "categorical_accuracy(y_true, y_pred)",
            lambda t: metrics.categorical_accuracy(t.y_true, t.y_pred),
            **classes,
        ),
        case(
            "sparse_categorical_accuracy(y_true, y_pred)",
            lambda t: metrics.sparse_categorical_accuracy(t.y_true, t.y_pred),
            **labels,
        ),
        case(
            "top_k_categorical_accuracy(y_true, y_pred, k=3)",
            lambda t: metrics.top_k_categorical_accuracy(t.y_true, t.y_pred, k=3),
            **classes,
        ),
        case(
            "sparse_top_k_categorical_accuracy(y_true, y_pred, k=2)",
            lambda t: metrics.sparse_top_k_categorical_accuracy(
                t.y_true, t.y_pred, k=2
            ),
            **labels,
        ),
        case(
            "root_mean_squared_error(y_true, y_pred)",
            of_object("RootMeanSquaredError"),
            **number,
        ),
        case("r2_score(y_true, y_pred)", of_object("R2Score"), **number),
        case(
            "precision(y_true, y_pred)", of_object("Precision"), result=SCALAR, **yes_no
        ),
        case("recall(y_true, y_pred)", of_object("Recall"), result=SCALAR, **yes_no),
        case("auc(y_true, y_pred)", of_object("AUC"), result=SCALAR, **yes_no),
    ]
