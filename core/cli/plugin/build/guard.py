"""The plugin's classes, with the calls that may fail guarded: an exception becomes the interface's error,
with its place in the author's file. Unguarded it would end the instance.

componentize-py is given this module instead of `plugin`, and finds the classes in it.
"""

import functools
import os
import traceback

import plugin
from componentize_py_types import Err
from plugin import *
from wit_world.imports.host import Level, log
from wit_world.imports.types import Error, ErrorKind

AUTHORS = os.path.dirname(plugin.__file__) + "/"

# Kinds and places of what has been told whole.
told = set()


def place(raised):
    """The last frame in a file of the author's, and whether it was raised right there."""
    frames = traceback.extract_tb(raised.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(AUTHORS)]
    if not own:
        return "plugin.py", False
    return f"{own[-1].filename.removeprefix(AUTHORS)}:{own[-1].lineno}", own[-1] is frames[-1]


def in_words(raised):
    """What becomes of an exception: an error of the interface."""
    where, there = place(raised)
    if isinstance(raised, Err) and isinstance(raised.value, Error):
        # The author's own words, or those of a call of the host's that failed.
        kind, words = raised.value.kind, raised.value.message
        return raised.value if there else Error(kind, f"{words} ({where})")
    if (type(raised), where) not in told:
        told.add((type(raised), where))
        traceback.print_exception(raised)
    return Error(ErrorKind.FAILED, f"{type(raised).__name__}: {raised} ({where})")


def guarded(call):
    @functools.wraps(call)
    def guard(*given):
        try:
            return call(*given)
        except Exception as raised:
            # Below this one, which is nothing to the author.
            error = in_words(raised.with_traceback(raised.__traceback__.tb_next))
        raise Err(error)

    return guard


def told_of(call):
    """For a call that has no error to give: what was raised is told before it ends the instance."""

    @functools.wraps(call)
    def guard(*given):
        try:
            return call(*given)
        except Exception as raised:
            where, _ = place(raised)
            log(Level.ERROR, f"uncaught {type(raised).__name__}: {raised} ({where})")
            raise

    return guard


Lifecycle.describe = told_of(Lifecycle.describe)

for part, name in [("Lifecycle", "configure"), ("Filtering", "process"), ("Detecting", "detect")]:
    owner = getattr(plugin, part, None)
    if owner is not None:
        setattr(owner, name, guarded(getattr(owner, name)))
