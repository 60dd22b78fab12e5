//! The terminal prompt: draws a view as text and reads the user's choice and PIN.
//!
//! Everything that comes from a website was made harmless by the broker already (no control characters, bounded
//! length), and is once more by [`output`](crate::output). What is typed is not echoed, see [`keyboard`](super::keyboard); a choice
//! that was understood is written.

use std::os::fd::OwnedFd;

use claviger_pin::{Pin, RecoveryCode, RecoveryCodeError, memfd};
use claviger_prompt_api::action::Action;
use claviger_prompt_api::message::Message;
use claviger_prompt_api::messages::Messages;
use claviger_prompt_api::view::{Kind, Purpose, TURN_ON, View};
use zeroize::Zeroizing;

use super::keyboard::Keyboard;
use crate::output::{Failure, line, question};

/// The user's terminal.
pub struct Terminal {
    keyboard: Keyboard,
    messages: Messages,
}

impl Terminal {
    /// Takes over standard input.
    pub fn open() -> Result<Self, Failure> {
        Ok(Self {
            keyboard: Keyboard::open()?,
            messages: Messages::english(),
        })
    }

    /// Draws the view. What was typed before it was there answers nothing.
    pub fn show(&mut self, view: &View) -> Result<(), Failure> {
        self.keyboard.clear();
        draw(view, &self.messages).into_iter().try_for_each(line)
    }

    /// Asks what the view asks: gives what to do, and what was typed for it in sealed memory files. Cancelling it (dropping the future)
    /// leaves the terminal usable.
    pub async fn ask(&mut self, view: &View) -> Result<(Action, Vec<OwnedFd>), Failure> {
        self.keyboard.rest().await;
        loop {
            let choice = match self.ask_choice(view).await? {
                Answer::Chosen(choice) => choice,
                Answer::Refused { for_a_while } => return Ok((Action::Refuse { for_a_while }, Vec::new())),
                Answer::Recover => {
                    let code = self.recovery_code().await?;
                    let new = self.new_pin().await?;
                    return Ok((
                        Action::Recover,
                        vec![sealed(memfd::seal_recovery_code(&code))?, sealed(memfd::seal(&new))?],
                    ));
                }
            };
            let approve = |choice: Chosen| Action::Approve {
                choice: choice.id,
                remember: choice.remember,
            };
            let Some(wanted) = view.pin() else {
                return Ok((approve(choice), Vec::new()));
            };
            match self.ask_pin(wanted.purpose == Purpose::New).await? {
                Some(pin) => return Ok((approve(choice), vec![sealed(memfd::seal(&pin))?])),
                None => self.say(&Message::PinUnusable {})?,
            }
        }
    }

    /// A new PIN, typed twice alike and not too easy to guess.
    pub async fn new_pin(&mut self) -> Result<Pin, Failure> {
        loop {
            let Some(pin) = self.ask_pin(true).await? else {
                self.say(&Message::PinUnusable {})?;
                continue;
            };
            match pin.quality() {
                Ok(()) => return Ok(pin),
                Err(weak) => self.say(&Message::WeakPin {
                    reason: weak.code().to_owned(),
                })?,
            }
        }
    }

    /// The recovery code, without a mistyped character.
    pub async fn recovery_code(&mut self) -> Result<RecoveryCode, Failure> {
        loop {
            let typed = self.secret(&Message::AskRecoveryCode {}).await?;
            match RecoveryCode::parse(&typed) {
                Ok(code) => return Ok(code),
                Err(RecoveryCodeError::Mistyped { group }) => self.say(&Message::CodeMistyped { group })?,
                Err(RecoveryCodeError::Length { .. } | RecoveryCodeError::Foreign { .. }) => {
                    self.say(&Message::NotARecoveryCode {})?;
                }
            }
        }
    }

    /// What is typed after this question, not echoed.
    pub async fn typed(&mut self, asked: &str) -> Result<Zeroizing<String>, Failure> {
        question(asked)?;
        let typed = self.keyboard.secret().await.ok_or_else(closed)?;
        line("")?;
        Ok(typed)
    }

    async fn ask_choice(&mut self, view: &View) -> Result<Answer, Failure> {
        if view.kind == Kind::Notice {
            let asked = match view.turn_on.clone() {
                Some(provider) => Message::AskTurnOn { provider },
                None => Message::AskClose {},
            };
            let answer = self.line(&asked).await?;
            line("")?;
            let turns_on = view.turn_on.is_some() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
            return Ok(if turns_on {
                Answer::Chosen(Chosen {
                    id: Some(TURN_ON.to_owned()),
                    remember: false,
                })
            } else if view.recovery && is_recovery(answer.trim()) {
                Answer::Recover
            } else {
                Answer::Refused {
                    for_a_while: is_for_a_while(answer.trim()),
                }
            });
        }
        loop {
            let answer = self
                .line(&match view.choices.len() {
                    0 | 1 => Message::AskConsent {},
                    count => Message::AskChoice { count },
                })
                .await?;
            let parsed = parse_choice(view, answer.trim());
            // What was not understood may be a PIN.
            line(match &parsed {
                None => "",
                Some(_) => answer.trim(),
            })?;
            match parsed {
                Some(answer) => return Ok(answer),
                None => self.say(&Message::AnswerUnclear {})?,
            }
        }
    }

    async fn ask_pin(&mut self, new: bool) -> Result<Option<Pin>, Failure> {
        if !new {
            let pin = self.secret(&Message::AskPin {}).await?;
            return Ok(Pin::new(&pin).ok());
        }
        let first = self.secret(&Message::AskNewPin {}).await?;
        let second = self.secret(&Message::AskPinAgain {}).await?;
        Ok(Pin::new(&first).ok().filter(|_| first == second))
    }

    fn say(&self, message: &Message) -> Result<(), Failure> {
        line(self.messages.text(message))
    }

    async fn line(&mut self, asked: &Message) -> Result<Zeroizing<String>, Failure> {
        question(self.messages.text(asked))?;
        self.keyboard.line().await.ok_or_else(closed)
    }

    async fn secret(&mut self, asked: &Message) -> Result<Zeroizing<String>, Failure> {
        let asked = self.messages.text(asked);
        self.typed(&asked).await
    }
}

fn closed() -> Failure {
    Failure::Refused("the terminal was closed".into())
}

/// What the user chose.
#[derive(Debug, Eq, PartialEq)]
struct Chosen {
    id: Option<String>,
    remember: bool,
}

/// What the user answered.
#[derive(Debug, Eq, PartialEq)]
enum Answer {
    Chosen(Chosen),
    Refused { for_a_while: bool },
    Recover,
}

fn sealed(file: Result<OwnedFd, memfd::MemfdError>) -> Result<OwnedFd, Failure> {
    file.map_err(Failure::failed)
}

/// The answer that takes the recovery code instead.
fn is_recovery(answer: &str) -> bool {
    answer.eq_ignore_ascii_case("r")
}

/// The answer that refuses, and every further question of the same site or program for a while.
fn is_for_a_while(answer: &str) -> bool {
    answer.eq_ignore_ascii_case("nn")
}

/// `None` for an answer that was not understood.
fn parse_choice(view: &View, answer: &str) -> Option<Answer> {
    let (answer, remember) = match answer.strip_suffix('!') {
        Some(rest) => (rest.trim_end(), false),
        None => (answer, view.remember),
    };
    match answer.to_lowercase().as_str() {
        "n" | "no" | "q" => Some(Answer::Refused { for_a_while: false }),
        answer if is_for_a_while(answer) => Some(Answer::Refused { for_a_while: true }),
        answer if view.recovery && is_recovery(answer) => Some(Answer::Recover),
        // Where no PIN follows, this line is all the consent there is: an empty one is not enough.
        "" if view.pin().is_none() => None,
        "y" | "yes" | "" if view.choices.len() <= 1 => Some(Answer::Chosen(Chosen {
            id: view.choices.first().map(|choice| choice.id.clone()),
            remember,
        })),
        "" => {
            let id = Some(view.preselected.clone()?);
            Some(Answer::Chosen(Chosen { id, remember }))
        }
        number => {
            let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let choice = view.choices.get(index?)?;
            let id = Some(choice.id.clone());
            Some(Answer::Chosen(Chosen { id, remember }))
        }
    }
}

/// The view as lines of text.
pub(crate) fn draw(view: &View, messages: &Messages) -> Vec<String> {
    if view.kind == Kind::Idle {
        return vec![String::new(), messages.text(&Message::Idle {})];
    }
    let mut lines = Vec::new();
    if let Some(title) = &view.title {
        lines.extend([String::new(), format!("── {} ──", messages.text(title))]);
    }
    let fields: Vec<(String, String)> = fields(view)
        .into_iter()
        .map(|(name, value)| {
            let value = match value {
                Value::Checked(value) => value,
                Value::Said(message) => messages.text(&message),
            };
            (messages.text(&name), value)
        })
        .collect();
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    lines.extend(fields.into_iter().map(|(name, value)| format!("{name:width$} {value}")));
    lines.extend(view.claim.as_ref().map(|claim| messages.text(claim)));
    for (index, choice) in view.choices.iter().enumerate() {
        let preselected = if view.preselected.as_ref() == Some(&choice.id) {
            "*"
        } else {
            " "
        };
        let place = Message::Place {
            provider: choice.provider_name.clone(),
            locked: choice.locked,
        };
        let (label, place) = (messages.text(&choice.label), messages.text(&place));
        lines.push(format!(" {preselected}{} {label} ({place})", index + 1));
        let details = choice.details.iter();
        lines.extend(details.map(|detail| format!("     {}", messages.text(detail))));
    }
    if let Some(problem) = &view.problem {
        lines.push(format!("! {}", messages.text(&problem.text)));
    }
    for trouble in &view.troubles {
        let said = trouble.said().map(|message| messages.text(&message).trim().to_owned());
        lines.push(format!("! {}", said.join(" ")));
    }
    if view.recovery {
        lines.push(messages.text(&Message::AskRecover {}));
    }
    lines.extend(view.note.as_ref().map(|note| messages.text(note)));
    lines
}

/// What stands beside a field's name.
enum Value {
    /// A name that is the same in every language.
    Checked(String),
    Said(Message),
}

/// Whom and what the view is about, each with the name of the field.
fn fields(view: &View) -> Vec<(Message, Value)> {
    let site = view.site.iter().flat_map(|site| {
        [
            (Message::SiteField {}, Some(site.rp_id.clone())),
            (Message::PageField {}, site.origin.clone()),
            (Message::TopPageField {}, site.top_origin.clone()),
        ]
    });
    let site = site.filter_map(|(name, value)| Some((name, Value::Checked(value?))));
    let caller = view.caller.iter().map(|caller| {
        let said = Message::Caller {
            program: caller.name.clone(),
            executable: Some(caller.executable.clone()).filter(|path| !path.is_empty()),
            // What the security-key door says of a site, nobody has checked.
            door: caller.door.clone(),
        };
        (Message::CallerField {}, Value::Said(said))
    });
    let account = view.account.iter().map(|account| {
        let account = account.name.clone();
        (Message::AccountField {}, Value::Said(Message::Account { account }))
    });
    let program = view.program.iter();
    let program = program.map(|program| (Message::ProgramField {}, Value::Checked(program.clone())));
    site.chain(caller).chain(account).chain(program).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, Instant};

    use claviger_joint::evidence::Method;
    use claviger_prompt_api::view::{CallerView, Choice, ChoiceKind, MethodView, Progress};
    use tokio::sync::mpsc;

    use super::super::keyboard::Line;
    use super::*;

    fn terminal() -> (mpsc::Sender<Line>, Terminal) {
        let (send, lines) = mpsc::channel(4);
        let terminal = Terminal {
            keyboard: Keyboard::over(lines, None),
            messages: Messages::english(),
        };
        (send, terminal)
    }

    fn entered(text: &str, entered: Instant) -> Line {
        let text = Zeroizing::new(text.to_owned());
        Line { entered, text }
    }

    fn asking(pin: Option<MethodView>) -> View {
        View {
            kind: Kind::SignIn,
            methods: pin.into_iter().collect(),
            ..View::idle(1)
        }
    }

    #[tokio::test]
    async fn what_was_entered_before_the_question_was_drawn_does_not_answer_it() {
        let (send, mut terminal) = terminal();
        let early = Instant::now();
        let view = asking(None);
        terminal.show(&view).unwrap();
        send.send(entered("y", early)).await.unwrap();
        send.send(entered("n", Instant::now() + Duration::from_millis(1)))
            .await
            .unwrap();
        let (action, _) = terminal.ask(&view).await.unwrap();
        assert_eq!(action, Action::Refuse { for_a_while: false });
    }

    #[test]
    fn a_program_at_the_security_key_door_is_told_from_a_browser() {
        let drawn = |executable: &str, door: &str| {
            let mut view = asking(None);
            view.caller = Some(CallerView {
                name: Some("ssh".to_owned()),
                executable: executable.to_owned(),
                window: None,
                pid: None,
                door: door.to_owned(),
            });
            draw(&view, &Messages::english()).join("\n")
        };
        assert_eq!(
            drawn("/usr/bin/ssh", "hid"),
            "Asked by: ssh (/usr/bin/ssh), by the security-key door"
        );
        assert_eq!(drawn("", "hid"), "Asked by: ssh, by the security-key door");
        assert_eq!(drawn("/x", "browser"), "Asked by: ssh (/x)");
    }

    #[test]
    fn the_program_that_is_to_take_part_is_shown() {
        let view = View {
            kind: Kind::EnableProvider,
            program: Some("/opt/notebook/bin/notebook".to_owned()),
            ..View::idle(1)
        };
        assert_eq!(
            draw(&view, &Messages::english()),
            ["Program: /opt/notebook/bin/notebook"]
        );
    }

    #[test]
    fn a_passkey_that_its_site_never_confirmed_is_marked_under_its_account() {
        let mut view = asking(None);
        view.choices = vec![Choice {
            id: "c1".to_owned(),
            kind: ChoiceKind::Passkey,
            provider: "org.example.Notebook".to_owned(),
            provider_name: "Notebook".to_owned(),
            label: Message::Account {
                account: Some("alice".to_owned()),
            },
            details: vec![Message::NeverConfirmed {}],
            locked: false,
        }];
        assert_eq!(
            draw(&view, &Messages::english()),
            [
                "  1 alice (Notebook)",
                "     Never confirmed by the site, which may not know it"
            ]
        );
    }

    #[test]
    fn an_empty_line_is_consent_only_where_a_pin_follows() {
        let pin = MethodView {
            method: Method::Pin,
            purpose: Purpose::Verify,
            tries_left: 10,
            wait_ms: 0,
            progress: Progress::Ready,
        };
        assert_eq!(parse_choice(&asking(None), ""), None);
        assert!(matches!(parse_choice(&asking(None), "y"), Some(Answer::Chosen(_))));
        assert!(matches!(
            parse_choice(&asking(Some(pin.clone())), ""),
            Some(Answer::Chosen(_))
        ));
        assert_eq!(
            parse_choice(&asking(Some(pin)), "no"),
            Some(Answer::Refused { for_a_while: false })
        );
    }

    #[tokio::test]
    async fn the_recovery_code_is_taken_where_the_view_offers_it_and_only_there() {
        let mut view = View {
            kind: Kind::Notice,
            ..View::idle(1)
        };
        let later = || Instant::now() + Duration::from_millis(1);
        let (send, mut plain) = terminal();
        plain.show(&view).unwrap();
        send.send(entered("r", later())).await.unwrap();
        let (action, _) = plain.ask(&view).await.unwrap();
        assert_eq!(action, Action::Refuse { for_a_while: false });
        view.recovery = true;
        let (send, mut terminal) = terminal();
        terminal.show(&view).unwrap();
        let typing = async {
            for text in [
                "r",
                "0000-0000-0000-0000-0000-0000-0001",
                "0000-0000-0000-0000-0000-0000-0000",
                "1234",
                "1234",
                "other-77",
                "other-77",
            ] {
                send.send(entered(text, later())).await.unwrap();
            }
        };
        let (answer, ()) = tokio::join!(terminal.ask(&view), typing);
        let (action, secrets) = answer.unwrap();
        assert_eq!(action, Action::Recover);
        let [code, new] = <[OwnedFd; 2]>::try_from(secrets).unwrap();
        assert_eq!(memfd::receive_recovery_code(&code).unwrap().as_bytes(), &[0; 16]);
        assert_eq!(memfd::receive(&new).unwrap().as_bytes(), b"other-77");
        let drawn = draw(&view, &Messages::english()).join("\n");
        assert!(drawn.contains("recovery code"), "{drawn}");
    }
}
