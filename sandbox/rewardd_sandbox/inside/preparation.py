"""What a process makes of itself before it forks jails, so that none of them need do it again."""

import gc
import importlib
import os
import signal
import sys

from rewardd_sandbox.inside import (
    calls,
    kernel,
    landlock,
    lockdown,
    rehearsal,
    sealing,
    slotroot,
    stage,
)
from rewardd_sandbox.inside.orders import Setup
from rewardd_sandbox.inside.slotroot import StepError

_PRELOAD = """
re math cmath collections collections.abc itertools functools heapq bisect string random json copy
operator typing types datetime decimal fractions statistics io threading queue array dataclasses
enum abc contextlib textwrap traceback time struct numbers pprint calendar atexit signal linecache
inspect warnings locale encodings.latin_1 encodings.ascii reprlib zlib
"""
_IGNORED = {signal.SIGPIPE, signal.SIGXFSZ}


def become(setup: Setup) -> lockdown.Fence:
    """Become what `setup` says.

    Raises:
        StepError: the kernel refused.
    """
    gc.disable()
    if setup.preload:
        _preload(numpy=setup.numpy)
    kernel.drop_bounding()
    if setup.become is not None:
        _turn_into(setup.become)
    if setup.user_namespace:
        slotroot.enter_user_namespace()
    if setup.namespaces:
        slotroot.enter_namespaces()
        slotroot.build(setup.roots, setup.cache)
    abi = landlock.version(setup.landlock_cap)
    if not setup.namespaces and abi == 0:
        raise StepError("landlock", OSError(38, "the kernel has none"))
    if not setup.namespaces:
        kernel.adopt_orphans()
    kernel.drop_bounding()
    sealing.limit_for_good()
    sealing.reserve_numbers()
    _settle(practised=setup.preload)
    roots = [*setup.roots, setup.cache]
    return lockdown.Fence(contained=setup.namespaces, roots=roots, landlock_abi=abi)


def _settle(*, practised: bool) -> None:
    """Bring this process into the state that all jails are to share."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _heed_signals()
    os.umask(0o022)
    if practised:
        rehearsal.rehearse()
        stage.prepare(calls.prelude())
    for name in [name for name in sys.modules if name.startswith("rewardd_sandbox")]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()


def _heed_signals() -> None:
    """Ignore what an interpreter ignores, and nothing that whoever started the worker does.

    `nohup` has its programs ignore a signal, and a shell those that it runs in the background.
    """
    for number in signal.valid_signals() - _IGNORED:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _turn_into(user: int) -> None:
    try:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        kernel.make_dumpable()
    except OSError as error:
        raise StepError("user", error) from error


def _preload(*, numpy: bool) -> None:
    for name in _PRELOAD.split():
        importlib.import_module(name)
    if numpy:
        importlib.import_module("numpy")
