"""What the issuer writes for a gate, read from the specs alone: the list, and policies under their digests."""

import base64
import hashlib
import json
import os
import subprocess
import tempfile
import time
import unittest

from portcullis import Verifier
from portcullis_documents import Bundle, Deployment, Head
from portcullis_policy import PRIVATE, PUBLIC, Named, Policies, Refused

from test_api import program


class Deployments(unittest.TestCase):
    def test_hold_the_policies_that_the_head_leads_to(self):
        portcullis = program()
        with tempfile.TemporaryDirectory() as folder:
            run = [portcullis, "--home", os.path.join(folder, "home"), "--json"]

            def say(*arguments):
                return json.loads(subprocess.check_output([*run, *arguments]))

            made = say("init")
            private = say("policies", "create", "--name", "a", "--scope", "users:read")["number"]
            public = say("policies", "create", "--name", "b", "--visibility", "public", "--scope", "store:read")["number"]
            path = os.path.join(folder, "bundle.bin")
            say("bundle", "--for-gate", "--out", path)
            with open(path, "rb") as file:
                deployment = Deployment.decode(file.read())
        root = base64.urlsafe_b64decode(made["root"] + "=")
        verifier = Verifier(root, Bundle.decode(deployment.bundle).keyring, {})
        verifier.adopt(deployment.bundle, time.time_ns() // 10**6)
        head = Head.decode(Bundle.decode(deployment.bundle).head)
        names = [Named(hashlib.sha256(file).digest(), len(file)) for file in deployment.policies]
        directories = [Named(*name) for name in head.policies]
        # A writer puts directories first.
        self.assertEqual(names[: len(directories)], directories)
        policies = Policies()
        for name, file in zip(names, deployment.policies, strict=True):
            policies.offer(name, file)
        for directory, visibility, number, scope in zip(
            directories, (PUBLIC, PRIVATE), (public, private), (b"store:read", b"users:read"), strict=True
        ):
            self.assertIn(scope, policies.find(directory, visibility, number).scopes)
            with self.assertRaises(Refused):
                policies.find(directory, visibility, number ^ 1)


if __name__ == "__main__":
    unittest.main()
