"""Stock browsers at the playground, with the only HID device that there is."""

import contextlib
import json
import subprocess

from bed import KEPT, RELEASE, ROOT, Unmet, check, note, start, stop, until


@contextlib.contextmanager
def playground():
    """The relying party; gives its origin."""
    process = subprocess.Popen([RELEASE / "claviger-playground", "--record", KEPT / "ceremonies.jsonl"], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        stop(process)


def story(browser, origin):
    """One check per step of browse.mjs."""
    log = KEPT / f"{browser}.log"
    steps = KEPT / f"{browser}.steps"
    process = start("node", ROOT / "vm/parts/browse.mjs", browser, origin, log, log=steps.name)
    told = 0
    while True:
        lines = until(lambda: _lines(steps)[told:] or process.poll() is not None, f"the next step of {browser}", 600)
        lines = _lines(steps)[told:]
        if not lines:
            break
        for line in lines:
            told += 1
            with check(f"{browser}: {line['step']}"):
                if "error" in line:
                    raise Unmet(line["error"])
            if "note" in line:
                note(line["note"])
    with check(f"{browser}: its driver ends well"):
        if process.wait() != 0 or told == 0:
            raise Unmet(steps.read_text()[-2000:])


def _lines(file):
    return [json.loads(line) for line in file.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
