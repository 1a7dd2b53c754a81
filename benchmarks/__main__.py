"""Run every benchmark in turn: `make bench`."""

import pkgutil
import subprocess
import sys

import benchmarks


def main() -> None:
    """Run each module of this package; stop at the first that fails."""
    for module in sorted(info.name for info in pkgutil.iter_modules(benchmarks.__path__)):
        if module.startswith("_"):
            continue
        print(f"== benchmarks.{module}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{module}"], check=True)


if __name__ == "__main__":
    main()
