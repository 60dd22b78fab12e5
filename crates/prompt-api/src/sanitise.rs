//! Untrusted text made fit to be shown: names that sites, providers and programs choose for themselves.
//!
//! A name must not be able to reorder the line it stands in, hide characters, drive a terminal, or push the rest of the screen
//! away. What remains can still lie in plain letters; that is why the RP ID stands beside it.

/// The longest name shown, in characters.
pub const MAX_LABEL_CHARS: usize = 64;

/// The longest origin or RP ID shown, in characters: a full DNS name with scheme and port.
pub const MAX_HOST_CHARS: usize = 280;

/// The longest path shown, in characters.
pub const MAX_PATH_CHARS: usize = 256;

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

/// Controls, characters that change the direction of others, and characters that nobody can see. The two joiners
/// (U+200C, U+200D) stay: Persian and many emoji cannot be written without them.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff0}'..='\u{fffc}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
                | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}'
        )
}

/// Characters that draw nothing but take up room, and are not white space by the book.
fn is_blank(character: char) -> bool {
    matches!(
        character,
        '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
    )
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
