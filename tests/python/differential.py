"""Random cases by two verifiers: `differential.py [COUNT [SEED]]`, 1,000 of each kind, of seed 1, unless told.

The cases are made by `crates/core/examples/cases`; `crates/core/examples/verify.rs` and verify.py answer each. They
must agree on every bundle's adoption and its code, and on the verdict, its code and what it says of the key; and of
policies on each file's code, and on what is said of the request. The first disagreements are shown, and all of their
cases are kept in a file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from verify import verify_any

ROOT = Path(__file__).resolve().parent.parent.parent
SHOWN = 5


def example(name: str, arguments: list[str], stdin: str | None = None) -> list[str]:
    cargo = [os.environ.get("CARGO", "cargo"), "run", "--quiet", "-p", "portcullis-core", "--example", name, "--"]
    finished = subprocess.run(cargo + arguments, cwd=ROOT, input=stdin, stdout=subprocess.PIPE, text=True, check=True)
    return finished.stdout.splitlines()


def table(title: str, counts: Counter[str]) -> str:
    return f"{title}: " + ", ".join(f"{code} {count}" for code, count in counts.most_common())


def compare(kind: str, count: int, seed: int) -> int:
    started = time.monotonic()
    cases = example("cases", [kind, str(count), str(seed)])
    answers = example("verify", [], "".join(f"{case}\n" for case in cases))
    verdicts, parts, disagreements = Counter[str](), Counter[str](), list[str]()
    for case, answer in zip(cases, answers, strict=True):
        ours: dict[str, Any] = verify_any(json.loads(case))
        theirs: dict[str, Any] = json.loads(answer)
        verdicts[ours.get("expect", ours).get("code") or "accepted"] += 1
        parts.update(code or "held" for code in ours.get("adopt", ours.get("files")))
        if ours != theirs:
            disagreements.append(case)
            if len(disagreements) <= SHOWN:
                print(f"{json.loads(case)['name']}:\n  Python {ours}\n  Rust   {theirs}")
    print(table("verdicts", verdicts))
    print(table("bundles" if kind == "keys" else "files", parts))
    print(f"{count} {kind} of seed {seed}, {len(disagreements)} disagreements, {time.monotonic() - started:.1f} s")
    if disagreements:
        with tempfile.NamedTemporaryFile("w", prefix=f"portcullis-{kind}-", suffix=".jsonl", delete=False) as kept:
            kept.writelines(f"{case}\n" for case in disagreements)
        print(f"their cases: {kept.name}")
    return 1 if disagreements or not cases else 0


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    count, seed = (*numbers, *(1000, 1)[len(numbers) :])
    sys.exit(max(compare(kind, count, seed) for kind in ("keys", "assignments", "policies")))
