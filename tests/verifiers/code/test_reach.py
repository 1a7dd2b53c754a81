"""What makes tests need the program in their own process."""

import pytest

from rewardd_verifiers.code.reach import modules, needs_process


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        pytest.param("import unittest, math, sys, time, asyncio", "", id="plain"),
        pytest.param("import pytest\nfrom solution import f", "", id="pytest"),
        pytest.param("import numpy as np", "", id="arrays_are_handed_over"),
        pytest.param("from unittest.mock import patch", "unittest.mock", id="mock"),
        pytest.param("from unittest import mock", "unittest.mock", id="mock_by_name"),
        pytest.param("import unittest.mock", "unittest.mock", id="mock_whole"),
        pytest.param("import pandas as pd", "pandas", id="library"),
        pytest.param("import os.path", "os.path", id="files"),
        pytest.param("def test(): open('x')", "open", id="file"),
        pytest.param("import sys\nsys.stdout = None", "sys.stdout", id="streams"),
        pytest.param("def test_it(capsys): pass", "capsys", id="fixture"),
        pytest.param("with pytest.warns(UserWarning): pass", "pytest.warns", id="warnings"),
        pytest.param("def (", "", id="no_python"),
    ],
)
def test_what_test_code_reaches_for_is_seen(source: str, needed: str) -> None:
    assert needs_process(source) == needed


@pytest.mark.parametrize(
    ("source", "entry", "more"),
    [
        pytest.param("from my_solution import f", "", ["my_solution"], id="by_its_name"),
        pytest.param("from rotate import rotate", "rotate", ["rotate"], id="by_the_entry"),
        pytest.param("from math import gcd", "gcd", [], id="not_over_python"),
    ],
)
def test_a_module_that_means_the_program_is_found(source: str, entry: str, more: list[str]) -> None:
    assert modules(source, entry) == ["solution", "main", "submission", *more]
