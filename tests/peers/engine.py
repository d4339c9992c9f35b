"""lossjit through its C API, with ctypes: what compare.py needs of include/lossjit.h.

The structures repeat the header's field by field. A call passes dense NumPy arrays and
gets the loss and the gradients of its sum.
"""

import ctypes as c
import os

import numpy as np

MAX_RANK = 8
BATCH = -1
PER_SAMPLE, SCALAR, ELEMENTWISE = range(3)
LOSS, GRADIENT, NO_VALUE = 1, 2, 4
DTYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 4, "bool": 5}
NAMES = {number: name for name, number in DTYPES.items()}


class Input(c.Structure):
    _fields_ = [
        ("name", c.c_char_p),
        ("dtype", c.c_int),
        ("rank", c.c_int32),
        ("sizes", c.c_int64 * MAX_RANK),
    ]


class CompileOptions(c.Structure):
    _fields_ = [
        ("text_length", c.c_size_t),
        ("file_name", c.c_char_p),
        ("inputs", c.POINTER(Input)),
        ("input_count", c.c_size_t),
        ("parameter_names", c.POINTER(c.c_char_p)),
        ("parameter_defaults", c.POINTER(c.c_double)),
        ("parameter_count", c.c_size_t),
        ("gradients", c.POINTER(c.c_char_p)),
        ("gradient_count", c.c_size_t),
        ("result", c.c_int),
        ("default_dtype", c.c_int),
        ("no_gradient", c.c_int),
    ]


class Specialization(c.Structure):
    _fields_ = [
        ("inputs", c.POINTER(Input)),
        ("input_count", c.c_size_t),
        ("outputs", c.c_uint32),
        ("weighting", c.c_int),
        ("adjoint", c.c_int),
    ]


class Array(c.Structure):
    _fields_ = [("data", c.c_void_p), ("row_stride", c.c_int64)]


class Call(c.Structure):
    _fields_ = [
        ("batch", c.c_int64),
        ("inputs", c.POINTER(Array)),
        ("parameters", c.POINTER(c.c_double)),
        ("reduction", c.c_int),
        ("denominator", c.c_double),
        ("weights", Array),
        ("adjoint", Array),
        ("loss", Array),
        ("gradients", c.POINTER(Array)),
        ("value", c.POINTER(c.c_double)),
    ]


class Failure(Exception):
    """The text was refused or a call failed; the message says why."""


def array_of(array):
    return Array(None if array is None else array.ctypes.data, 0)


def declaration(name, array, of_batch):
    declared = Input(name.encode(), DTYPES[array.dtype.name], array.ndim)
    for axis, size in enumerate(array.shape):
        declared.sizes[axis] = BATCH if of_batch and axis == 0 else size
    return declared


class Engine:
    """One engine of the library at `path` (liblossjit.so)."""

    def __init__(self, path):
        self.library = c.CDLL(os.path.abspath(path))
        for name in ("loss_input", "loss_output"):
            getattr(self.library, "lossjit_" + name).restype = c.POINTER(Input)
        for name in ("loss_input_count", "loss_gradient_count", "loss_gradient_input"):
            getattr(self.library, "lossjit_" + name).restype = c.c_size_t
        for name in ("status_text", "diagnostics_text"):
            getattr(self.library, "lossjit_" + name).restype = c.c_char_p
        self.engine = c.c_void_p()
        self.expect(self.library.lossjit_engine_create(None, c.byref(self.engine)))

    def expect(self, status, diagnostics=None):
        if status == 0:
            return
        if diagnostics:
            text = self.library.lossjit_diagnostics_text(diagnostics)
        else:
            text = self.library.lossjit_status_text(status)
        raise Failure(text.decode())

    def compile(self, text, inputs, shared, gradients, result):
        declared = (Input * len(inputs))(
            *[
                declaration(name, array, name not in shared)
                for name, array in inputs.items()
            ]
        )
        names = (c.c_char_p * len(gradients))(*[name.encode() for name in gradients])
        options = CompileOptions(
            inputs=declared,
            input_count=len(inputs),
            gradients=names,
            gradient_count=len(gradients),
            result=result,
            no_gradient=not gradients,
        )
        loss, diagnostics = c.c_void_p(), c.c_void_p()
        status = self.library.lossjit_compile(
            self.engine,
            text.encode(),
            c.byref(options),
            c.byref(loss),
            c.byref(diagnostics),
        )
        self.expect(status, diagnostics)
        return loss

    def run(
        self, text, inputs, shared=(), gradients=(), result=PER_SAMPLE, adjoint=None
    ):
        """The value and a dict of gradients, of its sum or of its product with
        `adjoint`. `shared` names the inputs without a batch."""
        loss = self.compile(text, inputs, shared, gradients, result)
        try:
            return self.call(loss, inputs, shared, gradients, adjoint)
        finally:
            self.library.lossjit_loss_release(loss)

    def call(self, loss, inputs, shared, gradients, adjoint):
        how = Specialization(
            outputs=NO_VALUE | LOSS | (GRADIENT if gradients else 0),
            adjoint=adjoint is not None,
        )
        kernel, diagnostics = c.c_void_p(), c.c_void_p()
        status = self.library.lossjit_loss_specialize(
            loss, c.byref(how), c.byref(kernel), c.byref(diagnostics)
        )
        self.expect(status, diagnostics)
        batch = max(len(array) for name, array in inputs.items() if name not in shared)
        value, wanted = self.outputs(loss, inputs, batch)
        if adjoint is not None:
            adjoint = np.ascontiguousarray(adjoint, value.dtype)
        call = Call(
            batch=batch,
            inputs=self.ordered(loss, inputs),
            loss=array_of(value),
            adjoint=array_of(adjoint),
            gradients=(Array * len(wanted))(*map(array_of, wanted.values())),
        )
        status = self.library.lossjit_kernel_call(kernel, c.byref(call))
        self.library.lossjit_kernel_release(kernel)
        self.expect(status)
        return value, wanted

    def name(self, loss, index):
        return self.library.lossjit_loss_input(loss, c.c_size_t(index)).contents.name

    def ordered(self, loss, inputs):
        count = self.library.lossjit_loss_input_count(loss)
        return (Array * count)(
            *[array_of(inputs[self.name(loss, i).decode()]) for i in range(count)]
        )

    def outputs(self, loss, inputs, batch):
        output = self.library.lossjit_loss_output(loss).contents
        shape = [
            batch if output.sizes[axis] == BATCH else output.sizes[axis]
            for axis in range(output.rank)
        ]
        wanted = {}
        for index in range(self.library.lossjit_loss_gradient_count(loss)):
            source = self.library.lossjit_loss_gradient_input(loss, c.c_size_t(index))
            name = self.name(loss, source).decode()
            wanted[name] = np.full_like(inputs[name], np.nan)
        return np.full(shape, np.nan, NAMES[output.dtype]), wanted
