"""Languages whose toolchains are on this machine: right, wrong, broken and hostile programs."""

import pytest

from jail_checks import jailed_processes
from rewardd_sandbox import BuildFailure, End, Given, Limits, Program
from rewardd_sandbox.languages import LANGUAGES, main_file
from rewardd_sandbox.local import LanguageReport, LocalSandbox

_SUMS = {
    "c": '#include <stdio.h>\nint main(){long a,b;scanf("%ld %ld",&a,&b);printf("%ld\\n",a+b);}',
    "cpp": "#include <iostream>\nint main(){long a,b;std::cin>>a>>b;std::cout<<a+b<<'\\n';}",
    "javascript": "const [a,b]=require('fs').readFileSync(0,'utf8').split(' ').map(Number);\n"
    "console.log(a+b)",
    "java": "import java.util.*;\npublic class Sum { public static void main(String[] x) {\n"
    "Scanner s = new Scanner(System.in); System.out.println(s.nextLong() + s.nextLong()); } }",
    "bash": "read a b; cat <(echo $((a + b)))",
    "rust": "use std::io::*; fn main() { let mut s = String::new();\n"
    "stdin().read_to_string(&mut s).unwrap();\n"
    'println!("{}", s.split_whitespace().map(|x| x.parse::<i64>().unwrap()).sum::<i64>()); }',
    "go": 'package main\nimport "fmt"\n'
    "func main() { var a, b int; fmt.Scan(&a, &b); fmt.Println(a+b) }",
    "typescript": "const s: string = require('fs').readFileSync(0, 'utf8');\n"
    "console.log(s.split(' ').map(Number).reduce((a: number, b: number) => a + b))",
}  # fmt: skip
_LOOPS = {
    "c": "int main(){volatile int x=0;for(;;)x++;}",
    "javascript": "for(;;){}",
    "bash": "while :; do :; done",
}
_NEEDS_PROCESSES = {"bash"}
_QUICK = Limits(cpu_seconds=0.5, wall_seconds=20)


def _program(language: str, source: str) -> Program:
    main = main_file(LANGUAGES[language], source)
    return Program(language=language, files={main: source.encode()}, main=main)


async def _available(sandbox: LocalSandbox, language: str) -> LanguageReport:
    (report,) = await sandbox.check_languages([language])
    if not report.available:
        pytest.skip(f"{language} in tier {sandbox.facts['tier']}: {report.problem}")
    return report


@pytest.mark.parametrize("language", _SUMS)
async def test_a_program_reads_and_answers(sandbox: LocalSandbox, language: str) -> None:
    report = await _available(sandbox, language)
    assert report.version
    if language in _NEEDS_PROCESSES and sandbox.facts["tier"] in ("uid", "user"):
        pytest.skip("this program makes processes, which this tier does not offer")
    jail = await sandbox.open(_program(language, _SUMS[language]), Limits())
    assert not isinstance(jail, BuildFailure), jail.log
    try:
        first = await jail.feed(Given(stdin=b"2 3"))
        second = await jail.feed(Given(stdin=b"20 30"))
    finally:
        await jail.close()
    assert (first.stdout, second.stdout, second.alone) == (b"5\n", b"50\n", True)


@pytest.mark.parametrize("language", _LOOPS)
async def test_an_endless_loop_is_stopped_by_its_cpu_time(
    sandbox: LocalSandbox, language: str
) -> None:
    await _available(sandbox, language)
    jail = await sandbox.open(_program(language, _LOOPS[language]), _QUICK)
    assert not isinstance(jail, BuildFailure), jail.log
    try:
        answer = await jail.feed(Given(stdin=b""))
    finally:
        await jail.close()
    assert answer.end is End.CPU_LIMIT


@pytest.mark.parametrize(
    ("language", "source"),
    [
        pytest.param("c", "int main( {", id="syntax"),
        pytest.param("c", '#include "/etc/passwd"\nint main(){}', id="host_file"),
        pytest.param("c", '#include "/dev/zero"\nint main(){}', id="endless_include"),
        pytest.param("c", '#include "main.c"\nint main(){}', id="includes_itself"),
        pytest.param(
            "c", '__asm__(".incbin \\"/etc/shadow\\"");int main(){return 0;}', id="pulled_in"
        ),
        pytest.param(
            "cpp",
            "template<int N> struct A { A<N-1> a; A<N-2> b; };\nint main() { A<900> x; }",
            id="templates",
        ),
        pytest.param("c", "char x[1UL << 34] = {1}; int main(){return x[0];}", id="huge_object"),
    ],
)
async def test_what_does_not_build_says_so_within_its_limits(
    sandbox: LocalSandbox, language: str, source: str
) -> None:
    await _available(sandbox, language)
    limits = Limits(build_cpu_seconds=2, build_memory_mib=512)
    built = await sandbox.open(_program(language, source), limits)
    assert isinstance(built, BuildFailure)
    assert b"root:" not in built.log.encode()
    assert jailed_processes(sandbox) == []


async def test_a_source_is_built_once_and_its_failure_too(sandbox: LocalSandbox) -> None:
    await _available(sandbox, "c")
    before = sandbox.builds
    for source in ("int main(){return 0;}//once", "int main( {//once") * 3:
        opened = await sandbox.open(_program("c", source), Limits())
        if not isinstance(opened, BuildFailure):
            await opened.close()
    assert sandbox.builds == before + 2


async def test_a_crash_is_told_by_its_signal(sandbox: LocalSandbox) -> None:
    await _available(sandbox, "c")
    jail = await sandbox.open(_program("c", "int main(){*(volatile int*)0 = 1;}"), Limits())
    assert not isinstance(jail, BuildFailure)
    try:
        answer = await jail.feed(Given(stdin=b""))
    finally:
        await jail.close()
    assert (answer.end, answer.signal) == (End.SIGNALLED, 11)


async def test_the_usual_header_is_found_behind_other_code(sandbox: LocalSandbox) -> None:
    await _available(sandbox, "cpp")
    source = "int before;\n#include <bits/stdc++.h>\nint main() { std::cout << before; }"
    for ahead in ("#include <bits/stdc++.h>\n", "#include <vector>\n", ""):
        jail = await sandbox.open(_program("cpp", ahead + source), Limits())
        assert not isinstance(jail, BuildFailure), jail.log
        try:
            assert (await jail.feed(Given(stdin=b""))).stdout == b"0"
        finally:
            await jail.close()
