"""Two jails that talk: limits of each, who ended first, and what is left."""

import pytest

from jail_checks import jailed_processes, python
from rewardd_sandbox import BuildFailure, End, Given, Limits, Program, Talk
from rewardd_sandbox.local import LocalSandbox

_HOST = """
import sys
secret = int(open("input.txt").read())
for turn in range(30):
    line = sys.stdin.readline()
    if not line:
        sys.exit(2)
    guess = int(line)
    print("<" if secret < guess else ">" if secret > guess else "=", flush=True)
    if guess == secret:
        sys.exit(0)
sys.exit(1)
"""
_BISECT = """
low, high = 1, 1000
while True:
    middle = (low + high) // 2
    print(middle, flush=True)
    said = input()
    if said == "=":
        break
    low, high = (low, middle - 1) if said == "<" else (middle + 1, high)
"""
_SHORT = Limits(cpu_seconds=0.5, wall_seconds=1.5, output_bytes=1 << 16)


async def _talk(
    sandbox: LocalSandbox, program: Program, host: str, limits: Limits | None = None
) -> Talk:
    jail = await sandbox.open(program, limits or Limits())
    assert not isinstance(jail, BuildFailure), jail.log
    try:
        companion = await jail.companion(python(host), Limits())
        assert not isinstance(companion, BuildFailure), companion.log
        theirs = Given(stdin=b"", files={"input.txt": b"321"})
        talks = [await jail.converse(Given(stdin=b""), companion, theirs) for _ in range(2)]
    finally:
        await jail.close()
    assert [talk.answer.end for talk in talks] == [talks[0].answer.end] * 2
    return talks[1]


async def test_two_programs_answer_each_other(sandbox: LocalSandbox) -> None:
    talk = await _talk(sandbox, python(_BISECT), _HOST)
    assert (talk.answer.end, talk.answer.exit_code) == (End.EXITED, 0), talk
    assert (talk.companion.end, talk.companion.exit_code) == (End.EXITED, 0), talk
    assert talk.answer.stdout.split()[-1] == b"321"
    assert talk.companion.stdout.split()[-1] == b"="


async def test_a_built_program_talks_as_well(sandbox: LocalSandbox) -> None:
    source = b"""#include <stdio.h>
    int main(void) {
        int low = 1, high = 1000; char said[8];
        for (;;) {
            int middle = (low + high) / 2;
            printf("%d\\n", middle); fflush(stdout);
            if (scanf("%7s", said) != 1) return 3;
            if (said[0] == '=') return 0;
            if (said[0] == '<') high = middle - 1; else low = middle + 1;
        }
    }"""
    talk = await _talk(
        sandbox, Program(language="c", files={"main.c": source}, main="main.c"), _HOST
    )
    assert (talk.answer.exit_code, talk.companion.exit_code) == (0, 0), talk


@pytest.mark.parametrize(
    ("source", "end"),
    [
        pytest.param("input()", End.WALL_LIMIT, id="both_wait"),
        pytest.param("while True: pass", End.CPU_LIMIT, id="spins"),
        pytest.param("while True: print('x' * 999, flush=True)", End.OUTPUT_LIMIT, id="floods"),
        pytest.param("import time; time.sleep(60)", End.WALL_LIMIT, id="sleeps"),
        pytest.param("import os; os.close(1); input()", End.WALL_LIMIT, id="falls_silent"),
        pytest.param("import os; os.abort()", End.SIGNALLED, id="dies"),
    ],
)
async def test_a_program_that_does_not_talk_is_ended_by_its_own_limits(
    sandbox: LocalSandbox, source: str, end: End
) -> None:
    patient = "import sys\nfor line in sys.stdin: pass\nsys.exit(2)"
    talk = await _talk(sandbox, python(source), patient, _SHORT)
    assert (talk.answer.end, talk.companion_first) == (end, False), talk
    assert talk.companion.exit_code == 2, "the other side was given the end of its input"
    assert not jailed_processes(sandbox)


async def test_a_companion_that_leaves_leaves_the_program_its_limits(
    sandbox: LocalSandbox,
) -> None:
    program = python("import sys\nprint(1, flush=True)\nrest = sys.stdin.read()\nsys.exit(7)")
    talk = await _talk(sandbox, program, "input()")
    assert talk.companion_first
    assert (talk.companion.exit_code, talk.answer.exit_code) == (0, 7), talk


async def test_a_companion_that_floods_is_ended_by_its_own_limit(sandbox: LocalSandbox) -> None:
    talk = await _talk(sandbox, python("input()\nwhile True: pass"), "while True: print('x' * 999)")
    assert (talk.companion.end, talk.companion_first) == (End.OUTPUT_LIMIT, True), talk


async def test_much_is_carried_both_ways_though_one_reads_late(sandbox: LocalSandbox) -> None:
    program = python("import sys\nprint('x' * 300_000, flush=True)\nprint(len(sys.stdin.read()))")
    host = "import sys\nprint('y' * 500_000, flush=True)\nsys.exit(len(input()) != 300_000)"
    talk = await _talk(sandbox, program, host)
    assert talk.companion.exit_code == 0, talk.companion
    assert talk.answer.stdout.endswith(b"500001\n")


async def test_the_end_of_the_input_is_seen_by_a_reader_of_raw_descriptors(
    sandbox: LocalSandbox,
) -> None:
    program = python("import os\nn = 0\nwhile got := os.read(0, 99): n += len(got)\nprint(n)")
    talk = await _talk(sandbox, program, "print('abc')")
    assert talk.answer.stdout == b"4\n"
