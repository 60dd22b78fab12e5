"""How long it takes from a question to its window, in milliseconds: the process starting for it, and being there already. How much memory
the process has while it shows and when there is nothing to show, until it ends; and how large the program is.

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


def resident(shown):
    """In MiB."""
    with open(f"/proc/{shown.process.pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def main(count):
    desktop = bed.Desktop()
    cold, warm, showing, idle = [], [], [], []
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
            showing.append(resident(shown))
            shown.view(views.idle())
            time.sleep(0.3)
            idle.append(resident(shown))
            shown.end()
    finally:
        desktop.stop()
    for name, values, unit in [("cold", cold, "ms"), ("warm", warm, "ms"), ("resident while it shows", showing, "MiB"), ("resident when idle", idle, "MiB")]:
        print(f"{name}: {statistics.median(values):.0f} {unit} (median of {len(values)})")
    program = bed.PROGRAMS / "claviger-prompt"
    print(f"claviger-prompt: {program.stat().st_size / 2**20:.1f} MiB; 30 s after the last question there is no process (test_story.py shows it)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
