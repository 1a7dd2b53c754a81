"""Interactive tests: whose fault an end is, and that the interactor's word decides."""

from collections.abc import Mapping

import pytest

from jail_checks import judge
from rewardd_sandbox.local import LocalSandbox
from rewardd_verifiers import Reason, Verdict

_TESTLIB = """#include "testlib.h"
using namespace std;
int main(int argc, char *argv[]) {
    registerInteraction(argc, argv);
    int secret = inf.readInt(1, 1000, "secret");
    for (int turn = 1; turn <= 12; turn++) {
        int guess = ouf.readInt(1, 1000, "guess");
        cout << (secret < guess ? "<" : secret > guess ? ">" : "=") << endl;
        if (guess == secret) {
            tout << turn << endl;
            quitf(_ok, "found in %d turns", turn);
        }
    }
    quitf(_wa, "too many turns");
}
"""
_FUNCTION = """
def interact(input, expected, read, write):
    secret = int(input)
    for turn in range(12):
        guess = int(read())
        write("<" if secret < guess else ">" if secret > guess else "=")
        if guess == secret:
            return 1 if turn < 10 else 0.5
    return False
"""
_KATTIS = """
import sys
secret = int(open(sys.argv[1]).read())
for turn in range(12):
    line = sys.stdin.readline()
    if not line:
        sys.exit(43)
    guess = int(line)
    print("<" if secret < guess else ">" if secret > guess else "=", flush=True)
    if guess == secret:
        sys.exit(42)
sys.exit(43)
"""
_BISECT = """
low, high = 1, 1000
said = ""
while said != "=":
    middle = (low + high) // 2
    print(middle, flush=True)
    said = input()
    low, high = (low, middle - 1) if said == "<" else (middle + 1, high)
"""
_TESTS = [{"stdin": "7\n"}, {"stdin": "1000\n"}, {"stdin": "500\n"}]
_INTERACTORS = {
    "testlib": {"language": "cpp", "source": _TESTLIB, "protocol": "testlib"},
    "function": {"language": "python", "source": _FUNCTION, "protocol": "function"},
    "kattis": {"language": "python", "source": _KATTIS, "protocol": "kattis"},
}
_LIMITS = {"cpu_seconds": 0.5, "wall_seconds": 6, "output_bytes": 1 << 16, "memory_mib": 64}


async def _judge(
    sandbox: LocalSandbox,
    source: str,
    interactor: Mapping[str, str],
    extra: Mapping[str, object] | None = None,
    **params: object,
) -> Verdict:
    reference = {"kind": "interactive", "interactor": interactor, "tests": _TESTS, **(extra or {})}
    return await judge(sandbox, source, reference, **params)


@pytest.mark.parametrize("protocol", _INTERACTORS)
@pytest.mark.parametrize(
    ("source", "reason", "detail"),
    [
        pytest.param(_BISECT, Reason.MATCH, "", id="right"),
        pytest.param("while True: print(1, flush=True); input()", Reason.MISMATCH, "", id="wrong"),
        pytest.param("print(3)", Reason.MISMATCH, "", id="leaves_early"),
        pytest.param("pass", Reason.MISMATCH, "", id="says_nothing"),
        pytest.param("print('x'); input()", Reason.MISMATCH, "", id="rubbish"),
        pytest.param("1 / 0", Reason.RUNTIME_ERROR, "exit status 1", id="raises"),
        pytest.param(f"{_BISECT}\n1 / 0", Reason.RUNTIME_ERROR, "exit status 1", id="fails_late"),
    ],
)
async def test_the_interactors_word_decides(
    sandbox: LocalSandbox, protocol: str, source: str, reason: Reason, detail: str
) -> None:
    verdict = await _judge(sandbox, source, _INTERACTORS[protocol])
    assert (verdict.reason, verdict.score) == (reason, float(reason is Reason.MATCH)), verdict
    assert detail in verdict.detail


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        pytest.param("input()", "both sides waited", id="both_wait"),
        pytest.param("import time; time.sleep(60)", "both sides waited", id="sleeps"),
        pytest.param("while True: pass", "s of CPU", id="spins"),
        pytest.param("while True: print('0' * 4096)", "bytes of output", id="floods"),
        pytest.param(f"{_BISECT}\nwhile True: pass", "s of CPU", id="stays_behind"),
        pytest.param("x = bytearray(1 << 30)", "MiB of memory", id="memory"),
    ],
)
async def test_limits_are_the_programs_own(sandbox: LocalSandbox, source: str, detail: str) -> None:
    patient = "import sys\nfor line in sys.stdin:\n    pass\nsys.exit(0)"
    loop = {"language": "python", "source": patient, "protocol": "testlib"}
    chosen = _INTERACTORS["kattis"] if "low" in source else loop
    verdict = await _judge(sandbox, source, chosen, {"limits": _LIMITS})
    assert (verdict.reason, verdict.score) == (Reason.LIMIT_EXCEEDED, 0.0), verdict
    assert detail in verdict.detail


@pytest.mark.parametrize(
    "interactor",
    [
        pytest.param({**_INTERACTORS["testlib"], "source": "int main("}, id="does_not_build"),
        pytest.param(
            {**_INTERACTORS["kattis"], "source": "import sys; sys.exit(3)"}, id="no_verdict"
        ),
        pytest.param(
            {**_INTERACTORS["function"], "source": "def interact(*_): return 'yes'"}, id="no_number"
        ),
        pytest.param({**_INTERACTORS["function"], "language": "cpp"}, id="no_function"),
        pytest.param({**_INTERACTORS["kattis"], "protocol": "files"}, id="no_such_talk"),
        pytest.param({**_INTERACTORS["kattis"], "language": "lua"}, id="no_language"),
        pytest.param(
            {
                **_INTERACTORS["testlib"],
                "source": _TESTLIB.replace('"secret"', '"x"').replace(
                    "readInt(1, 1000", "readInt(1, 3", 1
                ),
            },
            id="refuses_its_own_input",
        ),
    ],
)
async def test_an_interactor_at_fault_gives_no_verdict(
    sandbox: LocalSandbox, interactor: Mapping[str, str]
) -> None:
    verdict = await _judge(sandbox, _BISECT, interactor)
    assert (verdict.reason, verdict.score) == (Reason.INVALID_REFERENCE, None), verdict


async def test_a_program_may_open_its_streams_by_name(sandbox: LocalSandbox) -> None:
    opened = 'import sys; sys.stdin = open("/dev/stdin"); sys.stdout = open("/dev/stdout", "w")\n'
    assert (await _judge(sandbox, opened + _BISECT, _INTERACTORS["kattis"])).score == 1.0


async def test_an_interactor_may_give_a_part(sandbox: LocalSandbox) -> None:
    source = "for n in range(1, 13):\n    print(n, flush=True)\n    if input() == '=': break"
    extra = {"tests": [{"stdin": "3"}, {"stdin": "12"}, {"stdin": "14"}]}
    verdict = await _judge(sandbox, source, _INTERACTORS["function"], extra, reward="fraction")
    assert (verdict.score, verdict.reason) == (0.5, Reason.PARTIAL)


async def test_a_checker_judges_what_the_interactor_wrote(sandbox: LocalSandbox) -> None:
    source = "def check(input, expected, output):\n    return int(output) <= int(expected)"
    tests = [{"stdin": "500\n", "stdout": "1"}, {"stdin": "7\n", "stdout": "2"}]
    extra = {"checker": {"source": source}, "tests": tests}
    verdict = await _judge(sandbox, _BISECT, _INTERACTORS["testlib"], extra, reward="fraction")
    assert (verdict.score, verdict.detail) == (0.5, "test 1: the checker gives 0"), verdict


async def test_a_built_program_and_strict_mode_are_judged_alike(sandbox: LocalSandbox) -> None:
    source = """#include <bits/stdc++.h>
    int main() {
        int low = 1, high = 1000; std::string said;
        while (said != "=") {
            int middle = (low + high) / 2;
            std::cout << middle << std::endl;
            if (!(std::cin >> said)) return 1;
            if (said == "<") high = middle - 1; else low = middle + 1;
        }
    }"""
    extra = {"language": "cpp"}
    reference = {"interactor": _INTERACTORS["testlib"], "tests": _TESTS, **extra}
    verdict = await judge(sandbox, f"```\n```cpp\n{source}\n```", reference)
    assert verdict.score == 1.0, verdict
    assert (await _judge(sandbox, _BISECT, _INTERACTORS["kattis"], strict=True)).score == 1.0


async def test_an_interactor_never_shows_its_secret_to_the_program(sandbox: LocalSandbox) -> None:
    peek = "import os\nprint(sorted(os.listdir('.')), flush=True)"
    verdict = await _judge(sandbox, peek, _INTERACTORS["kattis"])
    assert verdict.score == 0.0
    assert "input.txt" not in str(verdict.evidence["first_failure"])
