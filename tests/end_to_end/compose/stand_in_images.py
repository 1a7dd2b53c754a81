"""The images that ours stand on: those of a registry, or stand-ins where none is reached.

A stand-in has the name of what it stands in for, so that the Dockerfile and the compose file are
tested as they are. It never takes the place of an image that is there or can be pulled.
"""

import re
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from docker_engine import Docker, EngineUnavailableError

_PULL_SECONDS = 300
_BOOTSTRAP_SECONDS = 600
_BUILD_SECONDS = 300
_SUITE = "bookworm"
_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_LABEL = "rewardd.stand-in"
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    # pip asks the one, everything else the other.
    "PIP_CERT": _BUNDLE,
    "SSL_CERT_FILE": _BUNDLE,
}

# What a stand-in adds to the base, by what it stands in for.
_RECIPES: Mapping[str, str] = {
    "redis": """
        RUN groupadd --gid 999 redis && useradd --uid 999 --gid 999 --home-dir /data redis \\
            && apt-get update -q && apt-get install -yq --no-install-recommends redis-server \\
            && rm -rf /var/lib/apt/lists/* && mkdir -p /data && chown 999:999 /data
        VOLUME /data
        WORKDIR /data
        USER redis
        CMD ["redis-server"]
    """,
    "prom/prometheus": """
        RUN apt-get update -q && apt-get install -yq --no-install-recommends prometheus \\
            && rm -rf /var/lib/apt/lists/* && mkdir -p /prometheus \\
            && chown 65534:65534 /prometheus
        VOLUME /prometheus
        WORKDIR /prometheus
        USER 65534:65534
        ENTRYPOINT ["/usr/bin/prometheus"]
    """,
}


class StandIns:
    """Makes what is missing, and takes it away again from an engine that is not ours."""

    def __init__(self, docker: Docker, dockerfile: Path) -> None:
        self._docker = docker
        self._base = _base_image(dockerfile)
        self._made: list[str] = []

    def provide(self, image: str) -> None:
        """Have an image by this name.

        Raises:
            EngineUnavailableError: it is not there, cannot be pulled, and has no stand-in.
        """
        if self._docker.works("image", "inspect", image):
            return
        if self._docker.works("pull", "--quiet", image, seconds=_PULL_SECONDS):
            return
        name = image.partition(":")[0]
        if image == self._base:
            self._bootstrap()
        elif name in _RECIPES:
            self._derive(image, _RECIPES[name])
        else:
            raise EngineUnavailableError(f"{image} cannot be pulled, and nothing stands in for it")
        self._made.append(image)

    def provide_base(self) -> None:
        """Have the image that the Dockerfile builds on."""
        self.provide(self._base)

    def remove(self) -> None:
        """Leave somebody else's engine as it was; one of our own keeps them for the next run."""
        if not self._docker.ours:
            for image in reversed(self._made):
                self._docker.works("image", "rm", "--force", image)

    def _bootstrap(self) -> None:
        """Make a Debian with Python, and with the certificates that this machine trusts."""
        if shutil.which("debootstrap") is None:
            raise EngineUnavailableError(
                f"{self._base} cannot be pulled, and there is no debootstrap to make a stand-in"
            )
        with tempfile.TemporaryDirectory(prefix="rewardd-base-") as folder:
            root = Path(folder) / "root"
            packages = "ca-certificates,python3,python3-pip,python3-venv"
            variant = ["--variant=minbase", f"--include={packages}"]
            _run(["debootstrap", *variant, _SUITE, str(root)], seconds=_BOOTSTRAP_SECONDS)
            _furnish(root)
            archive = Path(folder) / "root.tar"
            _run(["tar", "-C", str(root), "-cf", str(archive), "."], seconds=_BUILD_SECONDS)
            changes = [f"ENV {name}={value}" for name, value in _ENVIRONMENT.items()]
            changes += [f"LABEL {_LABEL}=yes", 'CMD ["python3"]']
            told = [part for change in changes for part in ("--change", change)]
            self._docker.run("import", *told, str(archive), self._base, seconds=_BUILD_SECONDS)

    def _derive(self, image: str, recipe: str) -> None:
        self.provide_base()
        with tempfile.TemporaryDirectory(prefix="rewardd-image-") as folder:
            lines = [line.strip() for line in recipe.strip().splitlines()]
            text = "\n".join([f"FROM {self._base}", *lines, ""])
            (Path(folder) / "Dockerfile").write_text(text, encoding="utf-8")
            self._docker.run("build", "--tag", image, folder, seconds=_BUILD_SECONDS)


def package_index() -> dict[str, str]:
    """Return the indexes that pip asks on this machine, by the build argument that tells them.

    Empty where it asks the default one. Folders are left out: an image has none of them.
    """
    asked = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    found: dict[str, str] = {}
    for name, value in re.findall(r"^\S*\.((?:extra-)?index-url)='([^']*)'", listed, re.MULTILINE):
        addresses = [part for part in value.split() if part.startswith("http")]
        if addresses:
            found[f"PIP_{name.upper().replace('-', '_')}"] = " ".join(addresses)
    return found


def _base_image(dockerfile: Path) -> str:
    """Return the image of the first FROM."""
    found = re.search(r"^FROM (\S+)", dockerfile.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{dockerfile} starts from nothing")
    return found[1]


def _furnish(root: Path) -> None:
    """Turn a bare Debian into what the official image offers, as far as we use it."""
    # A bundle of this machine's own may be what its registry's mirror is trusted by.
    shutil.copyfile(ssl.get_default_verify_paths().cafile or _BUNDLE, root / _BUNDLE.lstrip("/"))
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
    for cache in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / cache)
        (root / cache).mkdir()


def _run(command: list[str], *, seconds: float) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds)
    except subprocess.CalledProcessError as error:
        last = error.stdout.strip().splitlines()[-1:] + error.stderr.strip().splitlines()[-1:]
        raise EngineUnavailableError(f"{command[0]} failed: {' '.join(last)}") from error
    except subprocess.TimeoutExpired as error:
        raise EngineUnavailableError(f"{command[0]} did not end in {seconds} s") from error
