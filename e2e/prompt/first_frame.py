"""How long it takes from a question to its window, in milliseconds: the process starting for it, and being there already.

    PROGRAMS=target/release /usr/bin/python3 e2e/prompt/first_frame.py [COUNT]

Until the window is mapped, as another program sees it every few milliseconds. For a quiet machine; it asserts nothing.
"""

import statistics
import sys
import time

import bed
import views


def appears(desktop, began):
    """Waits for the window."""
    while not desktop.output("xdotool", "search", "--onlyvisible", "--name", "^Sign in to").strip():
        if time.monotonic() - began > 20:
            raise AssertionError(desktop.log())
    return (time.monotonic() - began) * 1000


def main(count):
    desktop = bed.Desktop()
    cold, warm, memory = [], [], []
    try:
        for prompt in range(1, count + 1):
            began = time.monotonic()
            shown = bed.Shown(desktop)
            shown.view(views.sign_in(prompt))
            cold.append(appears(desktop, began))
            shown.view(views.idle())
            while desktop.output("xdotool", "search", "--onlyvisible", "--name", "^Sign in to").strip():
                pass
            time.sleep(0.3)
            began = time.monotonic()
            shown.view(views.sign_in(prompt + 1000))
            warm.append(appears(desktop, began))
            with open(f"/proc/{shown.process.pid}/status") as status:
                memory += [int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS")]
            shown.end()
    finally:
        desktop.stop()
    for name, values, unit in [("cold", cold, "ms"), ("warm", warm, "ms"), ("resident while it shows", memory, "MiB")]:
        print(f"{name}: {statistics.median(values):.0f} {unit} (median of {len(values)})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
