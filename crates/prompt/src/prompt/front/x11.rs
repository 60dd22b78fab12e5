//! X11 by a connection of our own: which window is active and whose it is, and what is asked of the window manager (Extended Window
//! Manager Hints 1.5).

use std::fs;

use x11rb::connection::Connection as _;
use x11rb::errors::{ConnectError, ReplyError};
use x11rb::protocol::xproto::{Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask, PropMode, Window};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::AskersWindow;

/// Who asks for activation: a pager, which speaks for a person (`_NET_ACTIVE_WINDOW`).
const PAGER: u32 = 2;

/// To add a state (`_NET_WM_STATE_ADD`).
const ADD: u32 = 1;

/// The most windows that are looked at.
const MAX_WINDOWS: u32 = 512;

x11rb::atom_manager! {
    #[allow(clippy::struct_field_names)] // The specification's own names.
    Atoms: AtomsCookie {
        _NET_ACTIVE_WINDOW,
        _NET_CLIENT_LIST_STACKING,
        _NET_WM_PID,
        _NET_WM_STATE,
        _NET_WM_STATE_ABOVE,
    }
}

/// The display.
pub struct Display {
    connection: RustConnection,
    root: Window,
    atoms: Atoms,
}

impl Display {
    /// Connects to the display that the environment names, as GTK has.
    pub fn connect() -> Result<Self, ConnectError> {
        let (connection, screen) = RustConnection::connect(None)?;
        let root = connection.setup().roots.get(screen).map_or(0, |screen| screen.root);
        let atoms = Atoms::new(&connection).and_then(|cookie| cookie.reply().map_err(into_connection_error));
        let atoms = atoms.map_err(|_| ConnectError::UnknownError)?;
        Ok(Self {
            connection,
            root,
            atoms,
        })
    }

    /// Makes `own` a dialog of the window that its question is about: the one that the asker names, or else the active one, unless the
    /// asker's program has others and not that one.
    pub fn belong(&self, own: Window, asker: &AskersWindow) -> Result<(), ReplyError> {
        if let Some(parent) = asker.handle.as_deref().and_then(number).filter(|parent| *parent != own) {
            // One that is gone by now is nobody's parent.
            if self.connection.get_window_attributes(parent)?.reply().is_ok() {
                return self.is_dialog_of(own, parent);
            }
        }
        let active = self.windows(self.root, self.atoms._NET_ACTIVE_WINDOW)?.first().copied();
        let active = active.filter(|active| *active != 0 && *active != own);
        let is_askers = |window: Window| self.is_of(window, asker);
        let parent = match active {
            Some(active) if asker.program.is_none() || is_askers(active) => Some(active),
            active => {
                let stacked = self.windows(self.root, self.atoms._NET_CLIENT_LIST_STACKING)?;
                stacked.into_iter().rev().find(|window| is_askers(*window)).or(active)
            }
        };
        parent.map_or(Ok(()), |parent| self.is_dialog_of(own, parent))
    }

    fn is_dialog_of(&self, own: Window, parent: Window) -> Result<(), ReplyError> {
        let hint = AtomEnum::WM_TRANSIENT_FOR;
        let set = self
            .connection
            .change_property32(PropMode::REPLACE, own, hint, AtomEnum::WINDOW, &[parent])?;
        set.check()
    }

    /// Asks the window manager to put `own` above the others and to give it the focus.
    pub fn activate(&self, own: Window) -> Result<(), ReplyError> {
        self.ask(
            own,
            self.atoms._NET_WM_STATE,
            [ADD, self.atoms._NET_WM_STATE_ABOVE, 0, PAGER, 0],
        )?;
        self.ask(
            own,
            self.atoms._NET_ACTIVE_WINDOW,
            [PAGER, x11rb::CURRENT_TIME, 0, 0, 0],
        )
    }

    fn ask(&self, own: Window, what: Atom, data: [u32; 5]) -> Result<(), ReplyError> {
        let event = ClientMessageEvent::new(32, own, what, data);
        let mask = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        self.connection.send_event(false, self.root, mask, event)?.check()
    }

    /// Whether the window is one of the asker's, as far as the window tells the truth; it only decides about which window ours stands.
    fn is_of(&self, window: Window, asker: &AskersWindow) -> bool {
        let property = self
            .connection
            .get_property(false, window, self.atoms._NET_WM_PID, AtomEnum::CARDINAL, 0, 1);
        let property = property.ok().and_then(|sent| sent.reply().ok());
        let Some(pid) = property.and_then(|property| property.value32()?.next()) else {
            return false;
        };
        let runs = || fs::read_link(format!("/proc/{pid}/exe")).ok();
        asker.pid == Some(pid) || (asker.program.is_some() && runs() == asker.program)
    }

    fn windows(&self, of: Window, property: Atom) -> Result<Vec<Window>, ReplyError> {
        let property = self
            .connection
            .get_property(false, of, property, AtomEnum::WINDOW, 0, MAX_WINDOWS)?;
        Ok(property.reply()?.value32().map(Iterator::collect).unwrap_or_default())
    }
}

/// The number of a window in a portal's handle (`x11:` and hexadecimal digits).
fn number(handle: &str) -> Option<Window> {
    let digits = handle.strip_prefix("x11:")?;
    Window::from_str_radix(digits.strip_prefix("0x").unwrap_or(digits), 16).ok()
}

fn into_connection_error(error: ReplyError) -> x11rb::errors::ConnectionError {
    match error {
        ReplyError::ConnectionError(error) => error,
        ReplyError::X11Error(_) => x11rb::errors::ConnectionError::UnknownError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portals_handle_is_a_number_in_hexadecimal() {
        assert_eq!(number("x11:1a0000c"), Some(0x01a0_000c));
        assert_eq!(number("x11:0x1a0000c"), Some(0x01a0_000c));
        for other in ["wayland:1a", "x11:", "x11:window", "x11:-1", "x11:1ffffffff"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
