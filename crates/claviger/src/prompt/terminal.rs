//! The terminal prompt: draws a view as text and reads the user's choice and PIN.
//!
//! Everything that comes from a website was made harmless by the broker already (no control characters, bounded
//! length). The PIN is read without echo.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use claviger_hello::pin::Pin;
use claviger_prompt_api::action::Action;
use claviger_prompt_api::message::Message;
use claviger_prompt_api::messages::Messages;
use claviger_prompt_api::view::{Kind, Purpose, View};
use rustix::termios::{LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};
use tokio::sync::mpsc;
use zeroize::{Zeroize, Zeroizing};

use crate::output::Failure;

/// The longest line that is kept, in bytes; a PIN has at most 127 characters.
const MAX_LINE: usize = 1024;

/// The user's terminal, with echo restored when it is dropped.
pub struct Terminal {
    lines: mpsc::Receiver<Line>,
    /// When the view that is on show was drawn.
    drawn: Instant,
    original: Option<Termios>,
    messages: Messages,
}

/// A line that was entered, without its end.
struct Line {
    entered: Instant,
    text: Zeroizing<String>,
}

impl Terminal {
    /// Takes over standard input.
    pub fn open() -> Result<Self, Failure> {
        let original = io::stdin()
            .is_terminal()
            .then(|| tcgetattr(io::stdin()))
            .transpose()
            .map_err(|error| Failure::Failed(format!("cannot use this terminal: {error}")))?;
        let (send, lines) = mpsc::channel(1);
        // Reading blocks, so it has a thread of its own; it ends with the input or with the program.
        std::thread::spawn(move || read_lines(&send));
        Ok(Self {
            lines,
            drawn: Instant::now(),
            original,
            messages: Messages::english(),
        })
    }

    /// Draws the view. What was typed before it was there answers nothing.
    pub fn show(&mut self, view: &View) -> Result<(), Failure> {
        if self.original.is_some() {
            // Drops what lies half-typed in the terminal; one that is gone has nothing typed into it.
            let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        }
        self.echo(true);
        print(&draw(view, &self.messages))?;
        self.drawn = Instant::now();
        Ok(())
    }

    /// Asks what the view asks. Cancelling it (dropping the future) leaves the terminal usable.
    pub async fn ask(&mut self, view: &View) -> Result<(Action, Option<Pin>), Failure> {
        loop {
            let Some(choice) = self.ask_choice(view).await? else {
                return Ok((Action::Refuse, None));
            };
            let Some(wanted) = view.pin() else {
                return Ok((
                    Action::Approve {
                        choice: choice.id,
                        remember: choice.remember,
                    },
                    None,
                ));
            };
            match self.ask_pin(wanted.purpose == Purpose::New).await? {
                Some(pin) => {
                    return Ok((
                        Action::Approve {
                            choice: choice.id,
                            remember: choice.remember,
                        },
                        Some(pin),
                    ));
                }
                None => self.say(&Message::PinUnusable {})?,
            }
        }
    }

    async fn ask_choice(&mut self, view: &View) -> Result<Option<Chosen>, Failure> {
        if view.kind == Kind::Notice {
            self.line(&Message::AskClose {}).await?;
            return Ok(None);
        }
        loop {
            let question = match view.choices.len() {
                0 | 1 => Message::AskConsent {},
                count => Message::AskChoice { count },
            };
            let answer = self.line(&question).await?;
            match parse_choice(view, answer.trim()) {
                Parsed::Chosen(chosen) => return Ok(Some(chosen)),
                Parsed::Refused => return Ok(None),
                Parsed::Unclear => self.say(&Message::AnswerUnclear {})?,
            }
        }
    }

    async fn ask_pin(&mut self, new: bool) -> Result<Option<Pin>, Failure> {
        self.echo(false);
        let first = self
            .line(&if new { Message::AskNewPin {} } else { Message::AskPin {} })
            .await;
        print("\n")?;
        let second = if new && first.is_ok() {
            let second = self.line(&Message::AskPinAgain {}).await;
            print("\n")?;
            Some(second)
        } else {
            None
        };
        self.echo(true);
        let first = first?;
        if let Some(second) = second
            && second? != first
        {
            return Ok(None);
        }
        Ok(Pin::new(&first).ok())
    }

    fn say(&self, message: &Message) -> Result<(), Failure> {
        print(&format!("{}\n", self.messages.text(message)))
    }

    async fn line(&mut self, question: &Message) -> Result<Zeroizing<String>, Failure> {
        print(&format!("{} ", self.messages.text(question)))?;
        loop {
            match self.lines.recv().await {
                Some(line) if line.entered >= self.drawn => return Ok(line.text),
                Some(_) => {}
                None => return Err(Failure::Refused("the terminal was closed".into())),
            }
        }
    }

    fn echo(&self, on: bool) {
        let Some(original) = &self.original else { return };
        let mut modes = original.clone();
        if !on {
            modes.local_modes.remove(LocalModes::ECHO);
        }
        // A terminal that is gone cannot echo either.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.echo(true);
    }
}

/// Passes on what is entered, line by line, without the end of the line. The bytes pass through no buffer that is not wiped.
fn read_lines(send: &mpsc::Sender<Line>) {
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
    let mut byte = Zeroizing::new([0_u8; 1]);
    loop {
        match rustix::io::read(io::stdin(), byte.as_mut_slice()) {
            Ok(1) if *byte == *b"\n" => {
                let text = Zeroizing::new(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned());
                line.zeroize();
                if send
                    .blocking_send(Line {
                        entered: Instant::now(),
                        text,
                    })
                    .is_err()
                {
                    return;
                }
            }
            // Longer than any answer or PIN: the rest changes nothing, because such a PIN is refused.
            Ok(1) if line.len() == MAX_LINE => {}
            Ok(1) => line.extend_from_slice(byte.as_slice()),
            Err(rustix::io::Errno::INTR) => {}
            _ => return,
        }
    }
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
    Refused,
    Unclear,
}

fn parse_choice(view: &View, answer: &str) -> Parsed {
    let (answer, remember) = match answer.strip_suffix('!') {
        Some(rest) => (rest.trim_end(), false),
        None => (answer, view.remember),
    };
    match answer.to_lowercase().as_str() {
        "n" | "no" | "q" => Parsed::Refused,
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

fn draw(view: &View, messages: &Messages) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = try_draw(&mut text, view, messages);
    text
}

fn try_draw(text: &mut String, view: &View, messages: &Messages) -> std::fmt::Result {
    if view.kind == Kind::Idle {
        return writeln!(text, "\n{}", messages.text(&Message::Idle {}));
    }
    if let Some(title) = &view.title {
        writeln!(text, "\n── {} ──", messages.text(title))?;
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
    for (name, value) in fields {
        writeln!(text, "{name:width$} {value}")?;
    }
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
        writeln!(text, " {preselected}{} {label} ({place})", index + 1)?;
        for detail in &choice.details {
            writeln!(text, "     {}", messages.text(detail))?;
        }
    }
    if let Some(problem) = &view.problem {
        writeln!(text, "! {}", messages.text(&problem.text))?;
    }
    Ok(())
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

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Failure::failed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use claviger_joint::evidence::Method;
    use claviger_prompt_api::view::{CallerView, MethodView, Progress};

    use super::*;

    fn terminal() -> (mpsc::Sender<Line>, Terminal) {
        let (send, lines) = mpsc::channel(4);
        (
            send,
            Terminal {
                lines,
                drawn: Instant::now(),
                original: None,
                messages: Messages::english(),
            },
        )
    }

    fn line(text: &str, entered: Instant) -> Line {
        Line {
            entered,
            text: Zeroizing::new(text.to_owned()),
        }
    }

    fn question(pin: Option<MethodView>) -> View {
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
        terminal.show(&question(None)).unwrap();
        send.send(line("y", early)).await.unwrap();
        send.send(line("n", Instant::now() + Duration::from_millis(1)))
            .await
            .unwrap();
        let (action, _) = terminal.ask(&question(None)).await.unwrap();
        assert_eq!(action, Action::Refuse);
    }

    #[test]
    fn a_program_at_the_security_key_door_is_told_from_a_browser() {
        let drawn = |executable: &str, door: &str| {
            let mut view = question(None);
            view.caller = Some(CallerView {
                name: Some("ssh".to_owned()),
                executable: executable.to_owned(),
                door: door.to_owned(),
            });
            draw(&view, &Messages::english())
        };
        assert!(drawn("/usr/bin/ssh", "hid").contains("Asked by: ssh (/usr/bin/ssh), by the security-key door\n"));
        assert!(drawn("", "hid").contains("Asked by: ssh, by the security-key door\n"));
        assert!(drawn("/x", "browser").contains("Asked by: ssh (/x)\n"));
    }

    #[test]
    fn the_program_that_is_to_take_part_is_shown() {
        let view = View {
            kind: Kind::EnableProvider,
            program: Some("/opt/notebook/bin/notebook".to_owned()),
            ..View::idle(1)
        };
        assert!(draw(&view, &Messages::english()).contains("Program: /opt/notebook/bin/notebook\n"));
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
        assert_eq!(parse_choice(&question(None), ""), Parsed::Unclear);
        assert!(matches!(parse_choice(&question(None), "y"), Parsed::Chosen(_)));
        assert!(matches!(
            parse_choice(&question(Some(pin.clone())), ""),
            Parsed::Chosen(_)
        ));
        assert_eq!(parse_choice(&question(Some(pin)), "no"), Parsed::Refused);
    }
}
