"""The issuer's API against its own description: schemathesis sends what it allows and what it does not."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

# What no answer may break: no 5xx, and status, type, headers and body as described.
CHECKS = ",".join(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)


def program():
    """The program that xtask built, or builds."""
    named = os.environ.get("PORTCULLIS_BIN")
    if named:
        return named
    root = pathlib.Path(__file__).parents[2]
    command = ["cargo", "build", "--quiet", "-p", "portcullis"]
    subprocess.run(command, cwd=root, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    return str(target / "debug" / "portcullis")


class TheApi(unittest.TestCase):
    def test_keeps_to_its_description(self):
        portcullis = program()
        with tempfile.TemporaryDirectory() as folder:
            home = os.path.join(folder, "home")
            run = [portcullis, "--home", home]
            made = json.loads(subprocess.check_output([*run, "init", "--json"]))
            with subprocess.Popen(
                [*run, "serve", "--listen", "127.0.0.1:0"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            ) as server:
                try:
                    address = server.stdout.readline().split()[-1]
                    done = subprocess.run(
                        [
                            *[sys.executable, "-m", "schemathesis.cli", "run"],
                            *[f"{address}/v1/openapi.json", "--url", address],
                            *["--header", f"Authorization: Bearer {made['admin_key']}"],
                            *["--checks", CHECKS, "--max-examples", "25", "--seed", "1"],
                            *["--phases", "examples,coverage,fuzzing", "--no-color"],
                            *["--suppress-health-check", "all"],
                        ],
                        cwd=folder,
                        capture_output=True,
                        text=True,
                    )
                finally:
                    server.terminate()
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
