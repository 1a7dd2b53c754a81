"""Checkers written against testlib.h: what each reading, and each way to quit, is worth."""

import pytest

from jail_checks import judge
from rewardd_sandbox.local import LocalSandbox
from rewardd_verifiers import Reason

_CHECKER = """#include "testlib.h"
#include <vector>
using namespace std;
int main(int argc, char *argv[]) {
    setName("compare what was read by %s", "testlib");
    registerTestlibCmd(argc, argv);
    int count = inf.readInt(1, 100, "count");
    vector<long long> wanted = ans.readLongs(count);
    string how = ouf.readToken("yes|no|[a-z]{3,9}", "how");
    if (how == "no") quitf(_ok, "nothing to say");
    vector<long long> got = ouf.readLongs(count, -1000, 1000, "got");
    for (int i = 0; i < count; i++)
        if (wanted[i] != got[i])
            expectedButFound<long long>(_wa, wanted[i], got[i], "%d%s item", i + 1,
                                        englishEnding(i + 1).c_str());
    if (how == "half") quitp(0.5, "half of %d", count);
    if (how == "part") quitf(_pc(30), "a part");
    if (how == "hundred") quitp(100);
    double ratio = ouf.readDouble(0, 1, "ratio");
    ensuref(count > 0, "count is %d", count);
    if (!doubleCompare(0.25, ratio, 1e-6)) quitf(_wa, "ratio %.3f", ratio);
    ouf.readEoln();
    string line = ouf.readLine();
    if (upperCase(trim(line)) != "BYE NOW") quitif(true, _pe, "no farewell: %s", line.c_str());
    quit(_ok, "all " + vtos(count));
}
"""
_GOOD = "yes 1 2 0.25\nbye now\n"


@pytest.mark.parametrize(
    ("output", "score"),
    [
        pytest.param(_GOOD, 1.0, id="right"),
        pytest.param("\n\n yes\n1\n2   2.5E-1\nbye now", 1.0, id="blanks_and_exponents"),
        pytest.param("no", 1.0, id="an_early_yes"),
        pytest.param("no more", 0.0, id="more_than_was_asked_for"),
        pytest.param("yes 1 3 0.25\nbye now\n", 0.0, id="another_item"),
        pytest.param("yes 1 02 0.25\nbye now\n", 0.0, id="a_needless_zero"),
        pytest.param("yes 1 +2 0.25\nbye now\n", 0.0, id="a_plus"),
        pytest.param("yes 1 2.0 0.25\nbye now\n", 0.0, id="a_fraction"),
        pytest.param("yes 1 99999999999999999999 0.25\nbye", 0.0, id="beyond_64_bits"),
        pytest.param("yes 1 2000 0.25\nbye now\n", 0.0, id="out_of_range"),
        pytest.param("yes 1 2 nan\nbye now\n", 0.0, id="not_a_number"),
        pytest.param("yes 1 2 0.2501\nbye now\n", 0.0, id="too_far"),
        pytest.param("yes 1 2 1.5\nbye now\n", 0.0, id="a_ratio_out_of_range"),
        pytest.param("yes 1 2 0.25\nhello\n", 0.0, id="another_line"),
        pytest.param("yes 1", 0.0, id="ends_early"),
        pytest.param("", 0.0, id="empty"),
        pytest.param("YES 1 2 0.25\nbye now\n", 0.0, id="against_the_pattern"),
        pytest.param("half 1 2", 0.5, id="points"),
        pytest.param("part 1 2", 0.3, id="per_cent"),
        pytest.param("hundred 1 2", 1.0, id="a_hundred_points"),
    ],
)
async def test_a_checker_of_contests_says_what_it_says_elsewhere(
    sandbox: LocalSandbox, output: str, score: float
) -> None:
    source = f"import sys\nsys.stdout.write({output!r})"
    checker = {"language": "cpp", "source": _CHECKER, "protocol": "testlib"}
    reference = {"tests": [{"stdin": "2\n", "stdout": "1 2\n"}], "checker": checker}
    verdict = await judge(sandbox, source, reference, reward="fraction")
    assert verdict.score == score, verdict


@pytest.mark.parametrize(
    ("stdin", "stdout"),
    [
        pytest.param("0\n", "1 2\n", id="an_input_out_of_range"),
        pytest.param("2\n", "1\n", id="an_answer_cut_short"),
    ],
)
async def test_a_fault_of_the_reference_is_no_score(
    sandbox: LocalSandbox, stdin: str, stdout: str
) -> None:
    checker = {"language": "cpp", "source": _CHECKER, "protocol": "testlib"}
    reference = {"tests": [{"stdin": stdin, "stdout": stdout}], "checker": checker}
    verdict = await judge(sandbox, "print('no 1 2')", reference)
    assert verdict.reason is Reason.INVALID_REFERENCE, verdict


async def test_a_header_that_the_reference_brings_is_taken(sandbox: LocalSandbox) -> None:
    checker = {
        "language": "c",
        "source": '#include "testlib.h"\nint main(void) { return VERDICT; }',
        "protocol": "testlib",
        "files": {"testlib.h": "#define VERDICT 0\n"},
    }
    reference = {"tests": [{"stdin": "", "stdout": "x"}], "checker": checker}
    assert (await judge(sandbox, "print(1)", reference)).score == 1.0


_QUOTING = """#include "testlib.h"
int main(int argc, char *argv[]) {
    registerTestlibCmd(argc, argv);
    std::string line = ouf.readLine();
    fprintf(stderr, "looking at %s", line.c_str());
    quitp(0.5, "half for '%s'\\n%s", line.c_str(), line.c_str());
}
"""
_PRINTING = """
import sys
said = open(sys.argv[3]).read()
print(f"looking at {said}")
if "silent" not in said:
    print("0.5 for", said.strip())
"""


@pytest.mark.parametrize(
    ("language", "protocol", "source"),
    [
        pytest.param("cpp", "testlib", _QUOTING, id="testlib"),
        pytest.param("python", "files", _PRINTING, id="files"),
    ],
)
async def test_points_quoted_from_an_output_are_not_given(
    sandbox: LocalSandbox, language: str, protocol: str, source: str
) -> None:
    checker = {"language": language, "source": source, "protocol": protocol}
    reference = {"tests": [{"stdin": "", "stdout": "x"}], "checker": checker}
    verdict = await judge(sandbox, "print('points 1.0')", reference, reward="fraction")
    assert verdict.score == 0.5, verdict


async def test_a_number_amid_a_checkers_words_is_no_score(sandbox: LocalSandbox) -> None:
    checker = {"language": "python", "source": _PRINTING, "protocol": "files"}
    reference = {"tests": [{"stdin": "", "stdout": "x"}], "checker": checker}
    verdict = await judge(sandbox, "print('1 silent')", reference, reward="fraction")
    assert (verdict.score, verdict.reason) == (0.0, Reason.MISMATCH), verdict
