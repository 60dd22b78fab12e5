"""The window as a screen reader knows it. Import it only when the desktop runs: the library reads the environment once."""

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

from bed import until  # noqa: E402

# The marks that keep a name's direction of writing to itself; nobody hears them.
MARKS = str.maketrans("", "", "\u200e\u2066\u2067\u2068\u2069")


class Eyes:
    """What is on the desktop of assistive technologies."""

    def __init__(self):
        Atspi.init()
        self.heard = []
        self._listener = Atspi.EventListener.new(self._hear)
        for event in ["object:property-change:accessible-name", "object:state-changed", "object:text-changed", "object:children-changed"]:
            self._listener.register(event)

    def _hear(self, event):
        try:
            source = event.source
            self.heard.append((event.type, source.get_role_name(), (source.get_name() or "").translate(MARKS), str(event.any_data)))
        except GLib.Error:
            pass

    def listen(self):
        """What was heard until now."""
        context = GLib.MainContext.default()
        while context.iteration(False):
            pass
        return self.heard

    def everything(self):
        """Every object of the window that is showing, from the top."""
        found = []
        desktop = Atspi.get_desktop(0)
        # What the library remembers of a window is not what is there now.
        desktop.clear_cache()
        for index in range(desktop.get_child_count()):
            application = desktop.get_child_at_index(index)
            if application and application.get_name() and application.get_name() in ("claviger-prompt", "claviger-settings", "show"):
                self._walk(application, found)
        return found

    def _walk(self, at, found):
        try:
            for index in range(at.get_child_count()):
                child = at.get_child_at_index(index)
                if child is None:
                    continue
                states = child.get_state_set()
                if not states.contains(Atspi.StateType.VISIBLE):
                    continue
                found.append(Seen(child, states))
                self._walk(child, found)
        except GLib.Error:
            pass  # It went while we looked.

    def find(self, role, name=None, seconds=20):
        """The first object of this role whose name holds these words."""
        def look():
            self.listen()
            return next((seen for seen in self.everything() if seen.role == role and (name is None or name in seen.name)), None)

        return until(look, lambda: f"{role} {name!r} among {self.everything()}", seconds)

    def has(self, words):
        return any(words in seen.name for seen in self.everything())


class Seen:
    """One object."""

    def __init__(self, accessible, states):
        self.accessible = accessible
        self.role = accessible.get_role_name()
        self.name = (accessible.get_name() or "").translate(MARKS)
        self.states = states

    def __repr__(self):
        return f"{self.role}:{self.name!r}"

    def is_(self, state):
        return self.states.contains(getattr(Atspi.StateType, state.upper()))

    def text(self):
        return Atspi.Text.get_text(self.accessible, 0, -1) if "Text" in self.accessible.get_interfaces() else ""

    def length(self):
        return Atspi.Text.get_character_count(self.accessible)

    def press(self):
        return Atspi.Action.do_action(self.accessible, 0)
