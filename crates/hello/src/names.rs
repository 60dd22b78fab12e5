//! The names that a guesser tries first: the user's and the machine's.

use rustix::{process::getuid, system::uname};

/// Where systems keep the names of their users. Those of a directory service are not there, and are not asked for.
const USERS: &str = "/etc/passwd";

/// The words of the user's login and full name, and of the machine's name; none where they cannot be read.
pub(crate) fn of_the_user() -> Vec<String> {
    let users = std::fs::read_to_string(USERS).unwrap_or_default();
    let mut names = of(&users, getuid().as_raw());
    names.extend(words(&uname().nodename().to_string_lossy()));
    names
}

/// The words in this user's names, of a text in the format of passwd(5).
fn of(users: &str, uid: u32) -> Vec<String> {
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    fields
        .filter_map(|fields| match fields.as_slice() {
            [login, _, id, _, person, ..] if id.parse() == Ok(uid) => Some((*login, *person)),
            _ => None,
        })
        .flat_map(|(login, person)| words(login).chain(words(person.split(',').next().unwrap_or_default())))
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        broken line\n\
        ottilie.q:x:1000:1000:Ottilie van-Quisp,Room 7,555:/home/o:/bin/sh\n";

    #[test]
    fn a_users_names_are_the_words_of_login_and_full_name() {
        assert_eq!(of(PASSWD, 1000), ["ottilie", "q", "Ottilie", "van", "Quisp"]);
        assert_eq!(of(PASSWD, 0), ["root", "root"]);
        assert!(of(PASSWD, 7).is_empty());
    }

    #[test]
    fn the_machine_has_a_name() {
        assert!(!of_the_user().is_empty());
    }
}
