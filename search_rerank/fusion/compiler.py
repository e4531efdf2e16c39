"""Makes machine code of trees in a process of its own.

LightGBM's text goes in, an object file behind its hash comes out: what else may be said on the
standard output must not be taken for code.

A thread of a worker would hold up the requests beside it: a quarter of the work needs Python's
lock, and the many small objects that it makes have the garbage collector look at everything that
the worker holds.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from tempfile import NamedTemporaryFile

import llvmlite.binding as llvm
from lleaves.compiler import compile_to_module

_NICE = 10
"""Requests come first."""


def main() -> None:
    """Read a model from the standard input, and write its code to the standard output."""
    os.nice(_NICE)
    with NamedTemporaryFile(suffix=".txt") as file:
        file.write(sys.stdin.buffer.read())
        file.flush()
        # One block keeps LightGBM's order of adding up. Without inlining it compiles in a third of
        # the time, and is a tenth slower.
        module = compile_to_module(file.name, raw_score=True, fblocksize=sys.maxsize, finline=False)
    llvm.initialize()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    # Jumps within a small model's reach would end the process where the trees are many.
    machine = llvm.Target.from_default_triple().create_target_machine(
        reloc="pic", codemodel="large"
    )
    code = machine.emit_object(module)
    sys.stdout.buffer.write(sha256(code).digest() + code)


if __name__ == "__main__":
    main()
