"""Device (B): the whole platform behind the helper and the security-key door, with a script in the user's place."""

import json
import os
import pathlib
import shutil
import subprocess

import helper
from bed import CLAVIGER, KEPT, ROOT, demand, hidraw, run, start, stop, until

PIN = "brisk-otter-4071"
NOTEBOOK = "org.example.Notebook"


class Door:
    """The platform, plugged in for as long as the block lasts."""

    def __enter__(self):
        demand(not hidraw(), f"there is already a device: {hidraw()}")
        # What an earlier run left says nothing about this one.
        shutil.rmtree(KEPT / "platform", ignore_errors=True)
        self.platform = subprocess.Popen(
            ["node", ROOT / "vm/parts/platform.mjs", KEPT / "platform", PIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        line = self.platform.stdout.readline()
        demand(line, "the platform did not start")
        self.env = json.loads(line)
        # The first thing that needs a verification has the user choose the PIN; that a second provider is there does no harm.
        self.claviger("provider", "enable", NOTEBOOK)
        helper.prepare(os.getuid())
        self.helper = helper.begin()
        self.door = start(CLAVIGER, "hid-door", "--transport", f"helper:{helper.SOCKET}", log="hid-door.log", env={**os.environ, **self.env})
        self.claviger("door", "enable", "hid")
        self.device = self.plugged()
        return self

    def claviger(self, *words):
        return run(CLAVIGER, *words, env=self.env)

    def plugged(self):
        until(lambda: hidraw() or self.door.poll() is not None, "the door's device", 120)
        demand(self.door.poll() is None, "the door's process ended: see hid-door.log")
        return hidraw()[0]

    def views(self):
        """The questions that the user has been asked."""
        views = [event["view"] for event in self.events() if event["event"] == "view"]
        return [view for view in views if view["kind"] != "idle"]

    def attachments(self):
        """How often the prompt has attached to a broker."""
        return sum(event["event"] == "attached" for event in self.events())

    def events(self):
        """What the prompt has seen and done."""
        log = pathlib.Path(KEPT / "platform/prompt.log")
        return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]

    def pid(self, role):
        """The process of a role that D-Bus has started."""
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            words = (process / "cmdline").read_bytes().split(b"\0") if (process / "cmdline").exists() else []
            if words[:2] == [CLAVIGER.encode(), role.encode()]:
                return int(process.name)
        raise LookupError(role)

    def __exit__(self, *_):
        stop(self.door)
        stop(self.helper)
        self.platform.stdin.close()
        self.platform.wait(60)
