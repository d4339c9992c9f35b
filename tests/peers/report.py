"""The table of docs/peers.md, and whether everything in it is explained."""

import importlib.metadata

import mpmath

import differences

TEXT = """\
# lossjit beside Keras, PyTorch and optax

Written by `sh tests/peers/run.sh` from {versions}.

Each row calls a definition of the prelude, as the text shows, and what the library has
under that name, on the same random inputs: 64 samples of 7 classes. *Ordinary* inputs
are normal with deviation 2 (probabilities between 0.02 and 0.98); *extreme* ones are
logits of size 1e2 and of size 1e4, of either sign, and for probabilities 0, 1 and
values down to 1e-30 from them. Labels, weights and masks are random everywhere. `loss`
is the largest difference of values, `gradient` that of the gradients by every input that
is a prediction, both relative to the larger of the element and the mean magnitude of all
elements (but at least 1e-25). An element-wise value (activations, `axis=[]`) is
differentiated with an adjoint of mixed signs. Bounds: {bounds}.

Inputs are continuous, so that no kink is ever hit: there conventions differ, and ours
are those of the reference. Keras turns float64 into float32 inside of most operations
(on every backend but TensorFlow); for the f64 columns the script switches that off.
What becomes of the samples, `reduction`, is the call's: rows compare values per sample
or per element, except for `cross_entropy_mean` and what is one number by its meaning.
"""

NOT_THERE = """
## Not in the prelude

| library | names | why |
|---|---|---|
{rows}"""

MISSING = [
    ("Keras", "`ctc`", "a recursion over time"),
    ("Keras", "`circle`", "similarities of all pairs of a batch, a matrix product"),
    ("Keras", "`glu`, `sparsemax`", "half of an axis; sorting"),
    ("PyTorch", "`ctc_loss`", "a recursion over time"),
    ("PyTorch", "`linear_cross_entropy`", "a matrix product"),
    (
        "PyTorch",
        "`triplet_margin_with_distance_loss`",
        "takes a function; write the distances out",
    ),
    ("PyTorch", "`glu`, `rrelu`, `gumbel_softmax`", "half of an axis; random numbers"),
    ("optax", "`ctc_loss`, `ntxent`, `multiclass_sparsemax_loss`", "as above"),
    ("optax", "`make_fenchel_young_loss`", "takes a function"),
    (
        "optax",
        "`huber_loss`, `log_cosh`, `cosine_similarity`, `triplet_margin_loss`",
        "the name is PyTorch's or Keras's",
    ),
    ("optax", "`dice_loss(ignore_background=)`", "say it with `class_weights`"),
]

DTYPES = {"float32": "f32", "float64": "f64"}
BOUNDS = {"float32": (1e-5, 2**-23), "float64": (1e-12, 2**-52)}  # and a step from 1


def number(value):
    if value is None:
        return ""
    return "0" if value == 0 else f"{value:.0e}".replace("e-0", "e-")


def digits(value):
    return mpmath.nstr(mpmath.mpf(value), 8)


def row(case, comparisons, notes):
    """One case: the largest differences of ordinary and of extreme inputs."""
    cells = []
    for dtype in DTYPES:
        for group in ([0], [1e2, 1e4]):
            chosen = [c for c in comparisons if c.dtype == dtype and c.scale in group]
            cells.append(number(max(c.loss for c in chosen)))
            known = [c.gradient for c in chosen if c.gradient is not None]
            cells.append(number(max(known) if known else None))
    text = case.text.replace("|", "\\|")
    remark = f" {case.remark}" if case.remark else ""
    mark = f" [{notes.index(case.text) + 1}]" if case.text in notes else ""
    return f"| `{text}`{remark}{mark} | {' | '.join(cells)} |"


def table(results, library, notes):
    lines = [
        f"\n## {library}\n",
        "| text | f32 ordinary: loss | gradient | f32 extreme: loss | gradient "
        "| f64 ordinary: loss | gradient | f64 extreme: loss | gradient |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        row(case, comparisons, notes)
        for case, comparisons in results
        if case.library == library
    ]
    return lines


# ---- differences ---------------------------------------------------------------------


def error(got, exact):
    """Relative to what is exact; infinite for NaN."""
    got = mpmath.mpf(got)
    if mpmath.isnan(got) or mpmath.isinf(got):
        return mpmath.inf
    return abs(got - exact) / abs(exact) if exact else abs(got - exact)


class Verdict:
    """The worst element of a case, against many digits."""

    def __init__(self, comparison):
        self.comparison = comparison
        self.what, self.index, self.mine, self.theirs = comparison.farthest()
        self.exact = differences.exact_value(comparison, self.what, self.index)
        self.my_error = error(self.mine, self.exact)
        self.their_error = error(self.theirs, self.exact)

    def holds(self):
        """Is ours right, or no worse than theirs, or to the bits of what cancels?"""
        bound, step = BOUNDS[self.comparison.dtype]
        known = differences.KNOWN[self.comparison.case.text]
        cancels = known[2] if len(known) > 2 else 0
        return (
            self.my_error <= max(bound, self.their_error)
            or abs(self.mine - self.exact) <= 2 * step * cancels
        )

    def line(self, note):
        c = self.comparison
        what = "loss" if self.what == "loss" else f"gradient by {self.what}"
        regime = (
            "ordinary" if not c.scale else f"logits {c.scale:.0e}".replace("+0", "")
        )
        return (
            f"| {note} | {DTYPES[c.dtype]}, {regime} | {what} | {digits(self.exact)} "
            f"| {digits(self.mine)} ({number(float(self.my_error))}) "
            f"| {digits(self.theirs)} ({number(float(self.their_error))}) |"
        )


def verdicts(results):
    """For each case over its bound: a verdict per dtype, at its worst regime."""
    found = {}
    for case, comparisons in results:
        for dtype in DTYPES:
            over = [c for c in comparisons if c.dtype == dtype and not c.within_bound()]
            if over and case.text in differences.KNOWN:
                worst = max(over, key=lambda c: c.worst())
                found.setdefault(case.text, []).append(Verdict(worst))
    return found


def explanations(found):
    if not found:
        return []
    lines = [
        "\n## Where they differ\n",
        "At the worst element of each row that is over its bound, with the exact "
        "value and both sides' relative errors in brackets.\n",
        "| | inputs | what | exact | lossjit | peer |",
        "|---|---|---|---|---|---|",
    ]
    for note, text in enumerate(found, 1):
        lines += [verdict.line(note) for verdict in found[text]]
    lines.append("")
    lines += [
        f"{note}. `{text}`: {differences.KNOWN[text][1]}"
        for note, text in enumerate(found, 1)
    ]
    return lines


# ---- the whole -----------------------------------------------------------------------


def introduction():
    names = ("torch", "keras", "jax", "optax")
    versions = ", ".join(f"{n} {importlib.metadata.version(n)}" for n in names)
    shown = ", ".join(f"{DTYPES[d]} {number(b)}" for d, (b, _) in BOUNDS.items())
    return TEXT.format(versions=versions, bounds=shown)


def document(results, found):
    lines = [introduction()]
    for library in ("Keras", "PyTorch", "optax"):
        lines += table(results, library, list(found))
    missing = "".join(f"| {' | '.join(entry)} |\n" for entry in MISSING)
    lines += explanations(found) + [NOT_THERE.format(rows=missing)]
    return "\n".join(lines)


def unexplained(results, found):
    for case, comparisons in results:
        for c in comparisons:
            if not c.within_bound() and case.text not in found:
                yield f"{case.text} ({c.dtype}, {c.scale:g}): {c.worst():.1e} apart"
    for text, verdicts_of_text in found.items():
        for verdict in verdicts_of_text:
            if not verdict.holds():
                yield f"{text}: wrong, {verdict.line('')}"


def finish(results, path):
    """Print what is not explained, write the table, give the exit status."""
    found = verdicts(results)
    bad = list(unexplained(results, found))
    for line in bad:
        print(line)
    if path:
        with open(path, "w", encoding="utf-8") as file:
            file.write(document(results, found))
    count = sum(len(comparisons) for _, comparisons in results)
    print(
        f"{len(results)} texts, {count} comparisons, {len(found)} differences "
        f"explained, {len(bad)} not"
    )
    return 1 if bad else 0
