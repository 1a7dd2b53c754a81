"""Answers that try to be right whatever is asked; ENTRY stands for the function's name."""

_ALWAYS = """
def _yes(self, *others, **more):
    return True
def _self(self, *others, **more):
    return self
_NAMES = "eq lt le gt ge contains bool".split()
_SELF = "abs sub rsub add radd neg round getitem iter next call".split()
_SHAPE = {f"__{n}__": _yes for n in _NAMES} | {f"__{n}__": _self for n in _SELF}
_SHAPE |= {"__ne__": lambda *_: False, "__hash__": lambda _: 0, "__len__": lambda _: 0}
"""

CHEATS = {
    "an_object": _ALWAYS + "Any = type('Any', (), dict(_SHAPE))\ndef ENTRY(*a, **k): return Any()",
    "a_class": _ALWAYS
    + "Meta = type('Meta', (type,), {'__eq__': _yes, '__hash__': lambda _: 0})\n"
    + "class Any(metaclass=Meta): pass\ndef ENTRY(*a, **k): return Any",
    "int": _ALWAYS + "def ENTRY(*a, **k): return type('int', (int,), dict(_SHAPE))(0)",
    "str": _ALWAYS + "def ENTRY(*a, **k): return type('str', (str,), dict(_SHAPE))('')",
    "list": _ALWAYS + "def ENTRY(*a, **k): return type('list', (list,), dict(_SHAPE))()",
    "dict": _ALWAYS + "def ENTRY(*a, **k): return type('dict', (dict,), dict(_SHAPE))()",
    "tuple": _ALWAYS + "def ENTRY(*a, **k): return type('tuple', (tuple,), dict(_SHAPE))()",
    "float": _ALWAYS + "def ENTRY(*a, **k): return type('float', (float,), dict(_SHAPE))()",
    "named_tuple": _ALWAYS
    + "from collections import namedtuple\nBase = namedtuple('Base', 'x')\n"
    + "def ENTRY(*a, **k): return type('Any', (Base,), dict(_SHAPE))(1)",
    "claimed_class": _ALWAYS
    + "class Any:\n    __class__ = property(lambda self: int)\n"
    + "vars().update()\nfor _n, _f in _SHAPE.items(): setattr(Any, _n, _f)\n"
    + "def ENTRY(*a, **k): return Any()",
    "array_of_anything": _ALWAYS
    + "Any = type('ndarray', (), {**_SHAPE, '__module__': 'numpy', 'tolist': _self})\n"
    + "def ENTRY(*a, **k): return [Any()]",
    "mock_any": "from unittest.mock import ANY\ndef ENTRY(*a, **k): return ANY",
    "not_implemented": "def ENTRY(*a, **k): return NotImplemented",
    "nan": "def ENTRY(*a, **k): return float('nan')",
    "patched_builtins": "import builtins\n"
    "for _n in 'all any isinstance sorted set abs len type bool'.split():\n"
    "    setattr(builtins, _n, lambda *a, **k: True)\n"
    "def ENTRY(*a, **k): return True if a is k else None.__class__",
    "no_assertion_error": "import builtins\n"
    "builtins.AssertionError = type('Never', (Exception,), {})\n"
    "def ENTRY(*a, **k): raise builtins.AssertionError",
    "leaves_at_load": "import sys\nsys.exit(0)",
    "leaves_hard": "import os\ndef ENTRY(*a, **k): os._exit(0)",
    "leaves_in_call": "def ENTRY(*a, **k): raise SystemExit(0)",
    "reads_frames": "import sys\ndef ENTRY(*a, **k):\n"
    "    frame = sys._getframe()\n"
    "    while frame:\n"
    "        for name in ('expected', 'result', 'v', 'test'):\n"
    "            if name in frame.f_locals: return frame.f_locals[name]\n"
    "        frame = frame.f_back",
    "reads_heap": "import gc\ndef ENTRY(*a, **k):\n"
    "    found = [o for o in gc.get_objects() if isinstance(o, dict) and 'expected' in o]\n"
    "    return found[0]['expected'] if found else None",
    "patched_codec": "import sys, json\n"
    "for _m in list(sys.modules.values()):\n"
    "    for _n in ('encode', '_plain', 'answer'):\n"
    "        if hasattr(_m, _n) and 'rewardd' in str(getattr(_m, '__name__', '')):\n"
    "            setattr(_m, _n, lambda *a, **k: b'true')\n"
    "json.dumps = lambda *a, **k: 'true'\ndef ENTRY(*a, **k): return object",
    "forged_frames": "import os, struct\ndef ENTRY(*a, **k):\n"
    "    for fd in range(1, 16):\n"
    "        try: os.write(fd, b'v' + struct.pack('>I', 4) + b'true')\n"
    "        except OSError: pass\n"
    "    os._exit(0)",
}
