//! Untrusted text made fit to be shown: names that sites, providers and programs choose for themselves. Everything that a person
//! reads goes through here, in the broker before it gets into a view, and in the program that draws or prints once more.
//!
//! A name must not be able to reorder the line it stands in, hide characters, drive a terminal, or push the rest of the screen
//! away. What remains can still lie in plain letters; that is why the RP ID stands beside it.

use std::borrow::Cow;
use std::fmt::Write as _;

pub use claviger_joint::text::{is_blank, is_hidden};

/// The longest name shown, in characters.
pub const MAX_LABEL_CHARS: usize = 64;

/// The longest origin or RP ID shown, in characters: a full DNS name with scheme and port.
pub const MAX_HOST_CHARS: usize = 280;

/// The longest path shown, in characters.
pub const MAX_PATH_CHARS: usize = 256;

/// The longest line shown, in characters.
pub const MAX_LINE_CHARS: usize = 4096;

/// How many combining marks may follow each other; more would draw over the lines above and below.
const MAX_MARKS: usize = 4;

/// A name of at most [`MAX_LABEL_CHARS`] characters, or `None` when nothing visible is left of it.
pub fn label(text: &str) -> Option<String> {
    let text = line(text, MAX_LABEL_CHARS);
    (!text.is_empty()).then_some(text)
}

/// One line of at most `max` characters: white space collapsed, control and invisible characters left out, and an ellipsis
/// where it was cut.
pub fn line(text: &str, max: usize) -> String {
    let mut clean = String::with_capacity(text.len().min(max * 4));
    let mut length = 0;
    let mut marks = 0;
    let mut gap = false;
    for character in text.chars() {
        if character.is_whitespace() || is_blank(character) {
            gap = true;
            continue;
        }
        if is_hidden(character) {
            continue;
        }
        marks = if is_mark(character) { marks + 1 } else { 0 };
        if marks > MAX_MARKS {
            continue;
        }
        let space = usize::from(gap && length > 0);
        if length + space + 1 > max {
            clean.pop();
            clean.push('…');
            return clean;
        }
        if space == 1 {
            clean.push(' ');
        }
        clean.push(character);
        length += space + 1;
        gap = false;
    }
    clean
}

/// What a program is about to write in a line of its own making: as it is, but for what would not stay within the line. Room
/// between words stays; line ends and other white space become a space, hidden characters go.
pub fn shown(text: &str) -> Cow<'_, str> {
    let mut marks = 0;
    let mut harmless = |character| {
        marks = if is_mark(character) { marks + 1 } else { 0 };
        marks <= MAX_MARKS
            && !is_hidden(character)
            && !is_blank(character)
            && (character == ' ' || !character.is_whitespace())
    };
    if text.len() <= MAX_LINE_CHARS && text.chars().all(&mut harmless) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len().min(MAX_LINE_CHARS));
    let mut marks = 0;
    for (length, character) in text.chars().enumerate() {
        if length >= MAX_LINE_CHARS {
            clean.push('…');
            break;
        }
        marks = if is_mark(character) { marks + 1 } else { 0 };
        if character.is_whitespace() || is_blank(character) {
            clean.push(' ');
        } else if marks <= MAX_MARKS && !is_hidden(character) {
            clean.push(character);
        }
    }
    Cow::Owned(clean)
}

/// What somebody else says, as their words: a name between quotation marks, which it cannot end.
pub fn quoted(text: &str) -> String {
    format!("“{}”", claim(text).unwrap_or_default())
}

/// A [`label`] for a place between quotation marks: it has none of these itself.
pub fn claim(text: &str) -> Option<String> {
    label(&unquoted(text))
}

/// The text with plain quotation marks in the place of those that stand around what others say.
pub fn unquoted(text: &str) -> String {
    text.replace(['“', '”', '„', '‟', '«', '»'], "\"")
}

/// A JSON document in which every hidden character is written as its number. It says the same, and can be looked at.
pub fn json(document: &str) -> String {
    let mut plain = String::with_capacity(document.len());
    for character in document.chars() {
        if character != '\n' && (is_hidden(character) || is_blank(character)) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(plain, "\\u{unit:04x}");
            }
        } else {
            plain.push(character);
        }
    }
    plain
}

/// The blocks of combining marks that stack.
fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_names_stay() {
        for name in [
            "alice@example.com",
            "José Ñandú",
            "山田太郎",
            "محمد",
            "می‌خواهم",
            "👩‍💻 work",
        ] {
            assert_eq!(label(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn tricks_go() {
        for (trick, left) in [
            ("  a \n\t b  ", "a b"),
            ("\u{202e}moc.elpmaxe", "moc.elpmaxe"),
            ("ali\u{200b}ce\u{2066}", "alice"),
            ("\u{1b}[2Jcleared", "[2Jcleared"),
            ("a\u{2028}b", "a b"),
            ("a\u{e0041}b", "ab"),
            ("a\u{3164}\u{3164}b", "a b"),
        ] {
            assert_eq!(label(trick).as_deref(), Some(left), "{trick:?}");
        }
        assert_eq!(label("\u{200b}\u{3164} \u{feff}"), None);
        assert_eq!(
            label(&format!("e{}", "\u{301}".repeat(50))).unwrap().chars().count(),
            1 + MAX_MARKS
        );
    }

    /// What a hostile name does to a terminal: title, clipboard, hidden text, a question whose answer is typed, the C1 forms of
    /// these, another direction, nothing to see, and a line of its own.
    const TRICKS: [&str; 9] = [
        "\u{1b}]0;title\u{7}",
        "\u{1b}]52;c;cm0gLXJm\u{7}",
        "\u{1b}[8mhidden\u{1b}[0m",
        "\u{1b}[c",
        "\u{9d}0;title\u{9c}",
        "\u{9b}2J",
        "\u{202e}evil\u{202c}\u{2066}",
        "a\u{200b}b\u{feff}\u{e0041}",
        "a\r\nKept by: b\u{2028}c\u{85}d",
    ];

    #[test]
    fn a_line_stays_a_line_and_keeps_its_room() {
        assert_eq!(shown("  ID:    abc  –  ‘x’"), "  ID:    abc  –  ‘x’");
        for trick in TRICKS {
            let text = format!("  Site:   {trick} x");
            let clean = shown(&text);
            assert!(
                clean
                    .chars()
                    .all(|it| it == ' ' || !it.is_whitespace() && !is_hidden(it) && !is_blank(it))
            );
            assert!(clean.starts_with("  Site:   ") && clean.ends_with(" x"), "{clean:?}");
            assert_eq!(shown(&clean), clean);
        }
        assert_eq!(shown(&"x".repeat(5000)).chars().count(), MAX_LINE_CHARS + 1);
    }

    #[test]
    fn a_quotation_cannot_end_itself() {
        assert_eq!(quoted("Alice” (checked)"), "“Alice\" (checked)”");
        assert_eq!(quoted("\u{1b}[c"), "“[c”");
    }

    #[test]
    fn a_document_says_the_same_in_characters_that_can_be_seen() {
        for trick in TRICKS {
            let document = serde_json::to_string_pretty(&serde_json::json!({ trick: [trick, 1] })).unwrap();
            let plain = json(&document);
            assert!(plain.chars().all(|it| it == '\n' || !is_hidden(it)), "{plain:?}");
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&plain).unwrap(),
                serde_json::from_str::<serde_json::Value>(&document).unwrap()
            );
        }
    }

    #[test]
    fn long_names_are_cut_and_say_so() {
        let long = label(&"x".repeat(1000)).unwrap();
        assert_eq!(long.chars().count(), MAX_LABEL_CHARS);
        assert!(long.ends_with('…'));
        assert_eq!(line("abc", 3), "abc");
        assert_eq!(line("abcd", 3), "ab…");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_left_is_short_visible_and_stable(
            text in proptest::collection::vec(any::<char>(), 0..200).prop_map(String::from_iter),
            max in 1_usize..80,
        ) {
            let clean = line(&text, max);
            prop_assert!(clean.chars().count() <= max);
            prop_assert!(!clean.chars().any(|character| is_hidden(character) || is_blank(character)));
            prop_assert_eq!(clean.trim(), &clean);
            prop_assert_eq!(line(&clean, max), clean);
        }
    }
}
