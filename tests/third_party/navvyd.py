"""A navvyd of the build under test, on a chain of its own, driven by the command navvy."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time

DEADLINE = 60


def wait_for(what, look):
    """Asks again and again; what the first answer is, or an error after the deadline."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        answer = look()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


class Navvyd:
    """Loopback only, ports and folder of its own, ended by its own id."""

    def __init__(self, programs):
        self.programs = programs
        self.folder = tempfile.TemporaryDirectory()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = open(os.path.join(self.folder.name, "log"), "wb")
        self.process = subprocess.Popen(
            [os.path.join(programs, "navvyd"), "--data-dir", self.folder.name, "--network", "regtest",
             "--embedded-chain", "--listen", f"127.0.0.1:{self.port}"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        info = wait_for("navvyd to answer", lambda: self.try_ask("getinfo"))
        self.node_id = bytes.fromhex(info["identity_pubkey"])

    def try_ask(self, *words):
        """What a verb of navvy answers; None where it fails."""
        done = subprocess.run(
            [os.path.join(self.programs, "navvy"), "--data-dir", self.folder.name, "--network",
             "regtest", *words],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE)
        return json.loads(done.stdout or b"{}") if done.returncode == 0 else None

    def ask(self, *words):
        """What a verb of navvy answers."""
        answer = self.try_ask(*words)
        assert answer is not None, f"navvy {' '.join(words)} failed: {self.said()}"
        return answer

    def is_connected(self, node_id):
        """Whether this peer is connected."""
        peers = self.ask("listpeers")["peers"]
        return any(peer["pub_key"] == node_id.hex() for peer in peers)

    def said(self):
        """The end of its log."""
        with open(self.log.name, "rb") as log:
            return log.read()[-4000:].decode(errors="replace")

    def stop(self):
        """The end; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE)
        self.log.close()
        self.folder.cleanup()
        return code
