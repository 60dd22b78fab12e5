//! The terminal prompt: draws a view as text and reads the user's choice and PIN.
//!
//! Everything that comes from a website was made harmless by the broker already (no control characters, bounded
//! length), and is once more by [`output`](crate::output). What is typed is not echoed, see [`keyboard`](super::keyboard); a choice
//! that was understood is written.

use claviger_pin::Pin;
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

    /// Asks what the view asks. Cancelling it (dropping the future) leaves the terminal usable.
    pub async fn ask(&mut self, view: &View) -> Result<(Action, Option<Pin>), Failure> {
        self.keyboard.rest().await;
        loop {
            let choice = match self.ask_choice(view).await? {
                Ok(choice) => choice,
                Err(for_a_while) => return Ok((Action::Refuse { for_a_while }, None)),
            };
            let approve = |choice: Chosen| Action::Approve {
                choice: choice.id,
                remember: choice.remember,
            };
            let Some(wanted) = view.pin() else {
                return Ok((approve(choice), None));
            };
            match self.ask_pin(wanted.purpose == Purpose::New).await? {
                Some(pin) => return Ok((approve(choice), Some(pin))),
                None => self.say(&Message::PinUnusable {})?,
            }
        }
    }

    /// What was chosen, or whether a refusal is for a while.
    async fn ask_choice(&mut self, view: &View) -> Result<Result<Chosen, bool>, Failure> {
        if view.kind == Kind::Notice {
            let asked = match view.turn_on.clone() {
                Some(provider) => Message::AskTurnOn { provider },
                None => Message::AskClose {},
            };
            let answer = self.line(&asked).await?;
            line("")?;
            let turns_on = view.turn_on.is_some() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
            return Ok(if turns_on {
                Ok(Chosen {
                    id: Some(TURN_ON.to_owned()),
                    remember: false,
                })
            } else {
                Err(is_for_a_while(answer.trim()))
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
                Parsed::Unclear => "",
                Parsed::Chosen(_) | Parsed::Refused { .. } => answer.trim(),
            })?;
            match parsed {
                Parsed::Chosen(chosen) => return Ok(Ok(chosen)),
                Parsed::Refused { for_a_while } => return Ok(Err(for_a_while)),
                Parsed::Unclear => self.say(&Message::AnswerUnclear {})?,
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
        question(self.messages.text(asked))?;
        let secret = self.keyboard.secret().await.ok_or_else(closed)?;
        line("")?;
        Ok(secret)
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

#[derive(Debug, Eq, PartialEq)]
enum Parsed {
    Chosen(Chosen),
    Refused { for_a_while: bool },
    Unclear,
}

/// The answer that refuses, and every further question of the same site or program for a while.
fn is_for_a_while(answer: &str) -> bool {
    answer.eq_ignore_ascii_case("nn")
}

fn parse_choice(view: &View, answer: &str) -> Parsed {
    let (answer, remember) = match answer.strip_suffix('!') {
        Some(rest) => (rest.trim_end(), false),
        None => (answer, view.remember),
    };
    match answer.to_lowercase().as_str() {
        "n" | "no" | "q" => Parsed::Refused { for_a_while: false },
        answer if is_for_a_while(answer) => Parsed::Refused { for_a_while: true },
        // Where no PIN follows, this line is all the consent there is: an empty one is not enough.
        "" if view.pin().is_none() => Parsed::Unclear,
        "y" | "yes" | "" if view.choices.len() <= 1 => Parsed::Chosen(Chosen {
            id: view.choices.first().map(|choice| choice.id.clone()),
            remember,
        }),
        "" => match &view.preselected {
            Some(id) => Parsed::Chosen(Chosen {
                id: Some(id.clone()),
                remember,
            }),
            None => Parsed::Unclear,
        },
        number => {
            let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            match index.and_then(|index| view.choices.get(index)) {
                Some(choice) => Parsed::Chosen(Chosen {
                    id: Some(choice.id.clone()),
                    remember,
                }),
                None => Parsed::Unclear,
            }
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
        assert_eq!(parse_choice(&asking(None), ""), Parsed::Unclear);
        assert!(matches!(parse_choice(&asking(None), "y"), Parsed::Chosen(_)));
        assert!(matches!(
            parse_choice(&asking(Some(pin.clone())), ""),
            Parsed::Chosen(_)
        ));
        assert_eq!(
            parse_choice(&asking(Some(pin)), "no"),
            Parsed::Refused { for_a_while: false }
        );
    }
}
