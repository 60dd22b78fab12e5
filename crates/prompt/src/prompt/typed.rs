//! What is typed into a PIN's field, kept beside the field, which holds bullets only.
//!
//! The text is put together here, in one place that never moves and is wiped. What GTK, the input method and the display server know of
//! each key that was pressed is theirs.

use zeroize::{Zeroize as _, Zeroizing};

/// Bytes that are kept; longer than any PIN.
const CAPACITY: usize = 1024;

/// The text of one field.
pub struct Typed {
    text: Zeroizing<String>,
    /// Whether there was more than fits, so that this is not all of it.
    cut: bool,
}

impl Typed {
    /// Nothing.
    pub fn new() -> Self {
        Self {
            text: Zeroizing::new(String::with_capacity(CAPACITY)),
            cut: false,
        }
    }

    /// `text` was put in at this character.
    pub fn insert(&mut self, at: usize, text: &str) {
        // A string that grew would leave a copy behind.
        if self.text.len() + text.len() > CAPACITY {
            self.cut = true;
            return;
        }
        let at = self.byte_of(at);
        self.text.insert_str(at, text);
    }

    /// So many characters from this one on were taken out.
    pub fn delete(&mut self, from: usize, count: usize) {
        let (start, end) = (self.byte_of(from), self.byte_of(from.saturating_add(count)));
        self.text.drain(start..end);
        if self.text.is_empty() {
            self.clear();
        }
    }

    /// Wipes it.
    pub fn clear(&mut self) {
        self.text.zeroize();
        self.cut = false;
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && !self.cut
    }

    /// The text; nothing of one that is longer than any PIN.
    pub fn as_str(&self) -> &str {
        if self.cut { "" } else { &self.text }
    }

    /// Where this character begins, or the end.
    fn byte_of(&self, character: usize) -> usize {
        let at = self.text.char_indices().nth(character);
        at.map_or(self.text.len(), |(byte, _)| byte)
    }
}

impl Default for Typed {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_its_field() {
        let mut typed = Typed::new();
        typed.insert(0, "1ü4");
        typed.insert(2, "23");
        assert_eq!(typed.as_str(), "1ü234");
        typed.delete(1, 1);
        assert_eq!(typed.as_str(), "1234");
        typed.delete(2, 99);
        assert_eq!(typed.as_str(), "12");
        typed.delete(0, 2);
        assert!(typed.is_empty());
    }

    #[test]
    fn it_never_moves_and_what_is_too_long_is_no_pin() {
        let mut typed = Typed::new();
        let place = typed.text.as_ptr();
        typed.insert(0, &"x".repeat(CAPACITY));
        typed.insert(0, "1");
        assert_eq!((typed.as_str(), typed.is_empty()), ("", false));
        assert_eq!(typed.text.as_ptr(), place);
        typed.clear();
        assert!(typed.is_empty());
        typed.insert(0, "4938");
        assert_eq!(typed.as_str(), "4938");
    }
}
