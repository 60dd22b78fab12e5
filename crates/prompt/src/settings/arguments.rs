//! What the program is started with: the page to begin with, or a question about the program itself.

use std::ffi::OsString;

use claviger_prompt_api::sanitise;

use super::model::page::Place;

/// What the program is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Show the window with this page before one, or, without one, the page that is shown already or else the first.
    Show(Option<Place>),
    /// Print this text and end.
    Print(String),
}

/// Reads the arguments behind the program's name.
///
/// # Errors
/// What is wrong with them, for the person who typed them.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Wish, String> {
    let arguments: Vec<String> = arguments
        .into_iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match arguments.as_slice() {
        [] => Ok(Wish::Show(None)),
        [option] if option == "--help" || option == "-h" => Ok(Wish::Print(help())),
        [option] if option == "--version" || option == "-V" => Ok(Wish::Print(format!(
            "claviger-settings {}\n",
            env!("CARGO_PKG_VERSION")
        ))),
        [name] => match Place::named(name) {
            Some(place) => Ok(Wish::Show(Some(place))),
            None => Err(format!(
                "there is no page “{}”; the pages are {}",
                sanitise::unquoted(&sanitise::line(name, sanitise::MAX_LINE_CHARS)),
                pages()
            )),
        },
        _ => Err(format!("one page is enough; the pages are {}", pages())),
    }
}

fn help() -> String {
    format!(
        "Shows and changes what Claviger keeps and how it is, in a window.\n\n\
         Usage: claviger-settings [PAGE]\n\n\
         Pages: {}\n\n\
         Options:\n  -h, --help     Print help\n  -V, --version  Print version\n",
        pages()
    )
}

fn pages() -> String {
    Place::ALL.map(Place::name).join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Wish, String> {
        super::read(arguments.iter().map(OsString::from))
    }

    #[test]
    fn every_page_can_be_named_and_none_need_be() {
        assert_eq!(read(&[]), Ok(Wish::Show(None)));
        for place in Place::ALL {
            assert_eq!(read(&[place.name()]), Ok(Wish::Show(Some(place))));
        }
    }

    #[test]
    fn what_is_no_page_is_said_with_the_pages_that_there_are() {
        for arguments in [["passkey"].as_slice(), &["--page"], &["passkeys", "about"]] {
            let said = read(arguments).unwrap_err();
            assert!(Place::ALL.iter().all(|place| said.contains(place.name())), "{said}");
        }
        assert!(!read(&["x\n\u{202e}y”"]).unwrap_err().contains(['\n', '\u{202e}']));
    }

    #[test]
    fn help_names_the_pages_and_version_the_version() {
        assert!(matches!(read(&["--help"]), Ok(Wish::Print(text)) if text.contains("ways-in")));
        assert!(matches!(read(&["-V"]), Ok(Wish::Print(text)) if text.contains(env!("CARGO_PKG_VERSION"))));
    }
}
