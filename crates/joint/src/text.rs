//! Characters that have no business in a name. Manifests with one in theirs are refused, and nobody is shown one.

/// Controls, characters that change the direction of others, and characters that nobody can see. The two joiners
/// (U+200C, U+200D) are none of them: Persian and many emoji cannot be written without.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff0}'..='\u{fffc}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
                | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}'
        )
}

/// Characters that draw nothing but take up room, and are not white space by the book.
pub fn is_blank(character: char) -> bool {
    matches!(
        character,
        '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
    )
}

/// Whether a name can be shown as it is: nothing in it is hidden or blank.
pub fn is_plain(name: &str) -> bool {
    !name
        .chars()
        .any(|character| is_hidden(character) || is_blank(character))
}
