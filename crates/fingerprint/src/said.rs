//! What fprintd says while a finger is looked at or enrolled: its words, as values. Pure.
//!
//! Words that a later fprintd may add are no error: one that ends the action ends it without a match, any other one asks the person
//! to try again.

/// What to tell the person, who goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hint {
    /// The finger was not read; once more.
    Again,
    /// The swipe was too short.
    TooShort,
    /// The finger has to be in the middle of the reader.
    NotCentred,
    /// Lift the finger and place it again.
    Lift,
}

/// How one look at a finger ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Look {
    /// It is a finger of this person's that is enrolled.
    Match,
    /// It is none of them.
    Miss,
    /// The reader is gone.
    Unplugged,
    /// The reader or fprintd failed.
    Failed,
}

/// How an enrolment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Enrolment {
    /// The finger is enrolled.
    Complete,
    /// The reader keeps no more fingers.
    Full,
    /// This finger is enrolled already, for somebody.
    Duplicate,
    /// The reader is gone.
    Unplugged,
    /// The reader or fprintd failed.
    Failed,
}

/// One `VerifyStatus`: a hint, or the end.
pub(crate) fn look(word: &str, done: bool) -> Result<Hint, Look> {
    match word {
        "verify-match" => Err(Look::Match),
        "verify-no-match" => Err(Look::Miss),
        "verify-disconnected" => Err(Look::Unplugged),
        _ if done => Err(Look::Failed),
        word => Ok(hint(word.strip_prefix("verify-"))),
    }
}

/// One `EnrollStatus`: a further stage, a hint, or the end.
pub(crate) fn enrolment(word: &str, done: bool) -> Result<Option<Hint>, Enrolment> {
    match word {
        "enroll-completed" => Err(Enrolment::Complete),
        "enroll-data-full" => Err(Enrolment::Full),
        "enroll-duplicate" => Err(Enrolment::Duplicate),
        "enroll-disconnected" => Err(Enrolment::Unplugged),
        "enroll-failed" => Err(Enrolment::Failed),
        _ if done => Err(Enrolment::Failed),
        "enroll-stage-passed" => Ok(None),
        word => Ok(Some(hint(word.strip_prefix("enroll-")))),
    }
}

fn hint(word: Option<&str>) -> Hint {
    match word {
        Some("swipe-too-short") => Hint::TooShort,
        Some("finger-not-centered") => Hint::NotCentred,
        Some("remove-and-retry") => Hint::Lift,
        _ => Hint::Again,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_match_is_a_match_and_what_is_unknown_never_is() {
        assert_eq!(look("verify-match", true), Err(Look::Match));
        for (word, end) in [
            ("verify-no-match", Look::Miss),
            ("verify-disconnected", Look::Unplugged),
            ("verify-unknown-error", Look::Failed),
            ("verify-matched", Look::Failed),
            ("enroll-completed", Look::Failed),
            ("", Look::Failed),
        ] {
            assert_eq!(look(word, true), Err(end), "{word}");
        }
        for (word, told) in [
            ("verify-retry-scan", Hint::Again),
            ("verify-swipe-too-short", Hint::TooShort),
            ("verify-finger-not-centered", Hint::NotCentred),
            ("verify-remove-and-retry", Hint::Lift),
            ("verify-of-a-later-version", Hint::Again),
        ] {
            assert_eq!(look(word, false), Ok(told), "{word}");
        }
    }

    #[test]
    fn an_enrolment_is_complete_when_fprintd_says_so() {
        for (word, done, told) in [
            ("enroll-completed", true, Err(Enrolment::Complete)),
            ("enroll-stage-passed", false, Ok(None)),
            ("enroll-remove-and-retry", false, Ok(Some(Hint::Lift))),
            ("enroll-data-full", true, Err(Enrolment::Full)),
            ("enroll-duplicate", true, Err(Enrolment::Duplicate)),
            ("enroll-disconnected", true, Err(Enrolment::Unplugged)),
            ("enroll-failed", true, Err(Enrolment::Failed)),
            ("enroll-stage-passed", true, Err(Enrolment::Failed)),
            ("verify-match", true, Err(Enrolment::Failed)),
        ] {
            assert_eq!(enrolment(word, done), told, "{word}");
        }
    }
}
