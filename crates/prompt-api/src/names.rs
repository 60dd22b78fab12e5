//! What a provider is called in front of a person, so that none passes for another.
//!
//! A name is its author's claim. Where it could be taken for another provider's, both are shown with their ids, and with their
//! programs where these are known. It could be when the two look alike ([`look_alike`]), and always when it is not written in
//! plain ASCII: whether letters of another script look like these is a matter of fonts, of which nobody here knows anything.

use std::fmt;
use std::path::Path;

use crate::sanitise;

/// How much of an id or a program's path is shown, in characters.
const MAX_ID_CHARS: usize = 128;

/// A provider's name, fit to be shown anywhere; only made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownName(String);

impl ShownName {
    /// The name of the provider with this `id`, as it is.
    pub fn of(name: &str, id: &str) -> Self {
        sanitise::label(name).map_or_else(|| Self::unknown(id), Self)
    }

    /// The name with id and program, for one that [`could_deceive`].
    pub fn with_id(name: &str, id: &str, program: Option<&Path>) -> Self {
        let Some(label) = sanitise::label(name) else {
            return Self::unknown(id);
        };
        let id = sanitise::line(id, MAX_ID_CHARS);
        let program = program.map(|path| sanitise::line(&path.to_string_lossy(), MAX_ID_CHARS));
        let program = program.map_or_else(String::new, |path| format!(", {path}"));
        Self(format!("{label} ({id}{program})"))
    }

    /// The name of a provider that has none, or whose manifest has gone.
    pub fn unknown(id: &str) -> Self {
        Self(sanitise::line(id, MAX_ID_CHARS))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether this name could be taken for one of the others, or for what it is not.
pub fn could_deceive<'a>(name: &str, others: impl IntoIterator<Item = &'a str>) -> bool {
    !is_plain(name) || others.into_iter().any(|other| look_alike(name, other))
}

/// Whether one name could be taken for the other: the same but for case, spaces, punctuation and characters that look alike; one
/// part of the other; or a letter or two apart. Two names of which one is not plain ASCII are compared by what is.
pub fn look_alike(one: &str, other: &str) -> bool {
    let (one, other) = (skeleton(one), skeleton(other));
    let (short, long) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    let forgiven = match short.len() {
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    };
    short == long || (short.len() >= 4 && long.contains(&short)) || distance(&short, &long) <= forgiven
}

/// Whether a name holds nothing but ASCII letters, digits, spaces and the punctuation of names. Parentheses and slashes are none
/// of it, so that no name looks as if an id stood behind it.
fn is_plain(name: &str) -> bool {
    name.chars()
        .all(|character| character.is_ascii_alphanumeric() || " -_.,'&+!".contains(character))
}

/// What is left of a name when everything is gone that an eye passes over.
fn skeleton(name: &str) -> String {
    let letters = name
        .chars()
        .flat_map(char::to_lowercase)
        .filter(char::is_ascii_alphanumeric);
    let letters = letters.map(|letter| match letter {
        '0' => 'o',
        '1' | 'i' | 'j' => 'l',
        '5' => 's',
        'q' | '9' => 'g',
        letter => letter,
    });
    letters
        .collect::<String>()
        .replace("rn", "m")
        .replace("vv", "w")
        .replace("cl", "d")
}

/// How many letters have to be put in, left out or changed to make one out of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.bytes().enumerate() {
        let mut left = index + 1;
        let mut next = vec![left];
        for (above, &[diagonal, over]) in other.bytes().zip(pairs(&row).iter()) {
            left = (over + 1).min(left + 1).min(diagonal + usize::from(above != letter));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// Each number with the one after it.
fn pairs(row: &[usize]) -> Vec<[usize; 2]> {
    row.iter()
        .zip(row.iter().skip(1))
        .map(|(one, next)| [*one, *next])
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const VAULT: &str = "Claviger vault";

    fn shown(name: &str) -> String {
        let id = "org.evil.Vault";
        if could_deceive(name, [VAULT, "Notebook"]) {
            ShownName::with_id(name, id, Some(Path::new("/opt/evil"))).to_string()
        } else {
            ShownName::of(name, id).to_string()
        }
    }

    #[test]
    fn who_looks_like_another_is_shown_with_id_and_program() {
        for name in [
            "Claviger vault",
            "claviger VAULT",
            "ClavigerVault",
            "Claviger  vault.",
            "C1aviger vau1t",
            "Clavlger vault",
            "Clavigervvault",
            "The Claviger vault",
            "Claviger vaults",
            "Claviger",
            "Notebock",
            "N0TEB00K",
        ] {
            assert_eq!(
                shown(name),
                format!("{} (org.evil.Vault, /opt/evil)", sanitise::label(name).unwrap())
            );
        }
    }

    #[test]
    fn what_is_not_plain_is_shown_with_id_and_program() {
        for name in [
            "\u{421}laviger vault",   // Cyrillic С.
            "Claviger v\u{3b1}ult",   // Greek α.
            "\u{ff23}laviger vault",  // Full width.
            "Clav\u{131}ger vault",   // No dot.
            "Clavi\u{200c}ger vault", // A joiner.
            "\u{1d402}laviger",       // Mathematical.
            "Бумажник",
            "Safe (org.claviger.Vault)",
            "Safe / org.claviger.Vault",
        ] {
            assert!(shown(name).ends_with("(org.evil.Vault, /opt/evil)"), "{name}");
        }
    }

    #[test]
    fn other_names_are_shown_as_they_are() {
        for name in [
            "Bitwarden",
            "KeePassXC",
            "Safe",
            "Pass & Co.",
            "1Password",
            "Proton Pass",
        ] {
            assert_eq!(shown(name), name);
        }
        assert_eq!(ShownName::of("\u{200b}", "org.example.A").as_str(), "org.example.A");
    }

    #[test]
    fn looking_alike_goes_both_ways() {
        for (one, other) in [
            ("Safe", "Safes"),
            ("Pass", "Pass for work"),
            ("ab", "ac"),
            ("Safe", "Notebook"),
        ] {
            assert_eq!(look_alike(one, other), look_alike(other, one));
        }
        assert!(!look_alike("ab", "ac") && look_alike("AB", "a b"));
    }

    #[test]
    fn distances_are_counted_in_letters() {
        for (one, other, letters) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
        ] {
            assert_eq!(distance(one, other), letters, "{one} {other}");
        }
    }
}
