"""Workers that are not root, or root with less than all of its rights: really, not pretended."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

_SANDBOX = Path(__file__).parents[2] / "sandbox"
_PYTHON = "/usr/bin/python3"
_WORKER = """
import asyncio, json, sys
sys.path.insert(0, sys.argv[1])
from rewardd_sandbox import Given, Limits, Program
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.tiers import Tier

SOURCE = '''
import os, resource, socket
print(int(input()) * 2)
for path in ("/etc/passwd", "/proc/1/environ", "/root"):
    try:
        os.listdir(path) if path == "/root" else open(path).read()
        print("BREACH", path)
    except OSError:
        pass
own, parent = os.getuid(), os.getppid() or -1
acts = [socket.socket, lambda: os.setuid(own ^ 1), lambda: os.kill(parent, 9)]
acts += [lambda: os.kill(1, 9), lambda: os.pidfd_open(1)]
acts += [lambda: resource.prlimit(1, resource.RLIMIT_CPU, (0, 0))]
for act in acts:
    try:
        act()
        print("BREACH")
    except OSError:
        pass
'''

async def main():
    only = Tier(sys.argv[2]) if len(sys.argv) > 2 else None
    async with LocalSandbox(Options(slots=1, only_tier=only, python=sys.executable)) as sandbox:
        files = {"main.py": SOURCE.encode()}
        jail = await sandbox.open(Program(language="python", files=files, main="main.py"), Limits())
        answers = [await jail.feed(Given(stdin=b"4")), await jail.alone(Given(stdin=b"5"))]
        await jail.close()
        said = [answer.stdout.decode() for answer in answers]
        steps = [refusal.step for refusal in sandbox.report.refusals]
        print(json.dumps({"tier": sandbox.facts["tier"], "said": said, "steps": steps}))

asyncio.run(main())
"""
_NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
_NO_MOUNTS = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"]
_NO_RIGHTS = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"]


def _start(command: list[str], *arguments: str) -> dict[str, object]:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv, to become somebody else")
    reachable = all(folder.stat().st_mode & 0o001 for folder in _SANDBOX.parents)
    if not reachable or not Path(_PYTHON).exists():
        pytest.skip(f"{_SANDBOX} or {_PYTHON} is out of reach for other users")
    done = subprocess.run(
        [*command, _PYTHON, "-B", "-c", _WORKER, str(_SANDBOX), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, object] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        pytest.param(_NOBODY, (), id="plain_user"),
        pytest.param(_NOBODY, ("user",), id="plain_user_without_namespaces"),
        pytest.param(_NO_MOUNTS, (), id="root_that_may_not_mount"),
        pytest.param(_NO_MOUNTS, ("uid",), id="root_of_a_default_container"),
        pytest.param(_NO_RIGHTS, ("user",), id="root_without_rights"),
    ],
)
def test_a_worker_with_fewer_rights_still_has_a_jail(
    command: list[str], arguments: tuple[str, ...]
) -> None:
    told = _start(command, *arguments)
    assert told["said"] == ["8\n", "10\n"]
    assert arguments in ((), (told["tier"],))


def test_a_better_tier_that_is_refused_names_the_step() -> None:
    told = _start(_NOBODY, *())
    steps = told["steps"]
    assert isinstance(steps, list)
    assert "interpreter" not in steps
