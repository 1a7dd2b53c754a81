"""What `rewardd doctor` finds of the sandbox: the tier, why no better one, and the languages."""

from collections.abc import Iterator, Mapping
from typing import Any

from rewardd_sandbox import SandboxError
from rewardd_sandbox.examination import examine, refusals
from rewardd_sandbox.local import LocalSandbox
from rewardd_service.cli.checks import Check, State
from rewardd_service.sandboxed import options_of
from rewardd_service.settings import Settings

_WISHES = ("sandbox_python", "sandbox_path", "sandbox_min_tier", "sandbox_workers")


async def examined(settings: Settings) -> list[Check]:
    """Start the sandbox that these settings ask for, and run a hello program of each language."""
    if settings.sandbox_workers == 0:
        return [Check("sandbox", State.ABSENT, "sandbox_workers is 0: no program is run here")]
    if settings.sandbox_image is not None:
        detail = f"programs run in containers of {settings.sandbox_image}: --url asks a server"
        return [Check("sandbox", State.ABSENT, detail)]
    sandbox = LocalSandbox(options_of(settings.sandbox_options()))
    try:
        async with sandbox:
            return list(told(await examine(sandbox)))
    except SandboxError as error:
        wished = settings.model_fields_set.intersection(_WISHES)
        state = State.BROKEN if wished else State.ABSENT
        because = refusals(sandbox.report)
        detail = str(error) if not because else "no program can be run here"
        return [Check("sandbox", state, detail), *_refused(because)]


def told(state: Mapping[str, Any]) -> Iterator[Check]:
    """Give the lines for what `examine` returned, here or as a server's evidence."""
    yield Check("sandbox", State.FINE, f"tier {state['letter']} ({state['tier']})")
    yield from _refused(state["refusals"])
    for name, found in state["languages"].items():
        fine = found["available"]
        detail = f"{found['version']}, {found['path']}" if fine else found["problem"]
        yield Check(f"language {name}", State.FINE if fine else State.ABSENT, detail)


def _refused(because: list[dict[str, str]]) -> Iterator[Check]:
    for one in because:
        name = f"sandbox tier {one['letter']} ({one['tier']})"
        yield Check(name, State.ABSENT, f"{one['message']}; {one['remedy']}")
