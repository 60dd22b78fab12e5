//! The application: shows each view in the window, sends back what is done, and ends when nothing is asked for a while.

use std::cell::{Cell, RefCell};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use adw::prelude::*;
use claviger_prompt_api::action::Action;
use claviger_prompt_api::dbus::PROMPT_NAME;
use claviger_prompt_api::message::Message;
use claviger_prompt_api::view::View;
use gtk::gio::ApplicationHoldGuard;
use gtk::glib;
use tokio::sync::mpsc::UnboundedSender;

use super::guard::Change;
use super::link::{Answer, Link, News, Over};
use super::screen::Screen;
use super::window::{Closing, Gesture, Window};
use crate::motion;
use crate::words::Words;

/// How long the process stays when there is nothing to show, so that the next question finds it.
const IDLE: Duration = Duration::from_secs(30);

/// How long the window stays to say that it worked.
const SUCCESS: Duration = Duration::from_millis(900);

/// How long it stays until it is known whether it worked.
const UNDECIDED: Duration = Duration::from_millis(600);

/// Shows what comes through the link until it ends, or nothing has been asked for some time.
pub fn run(link: Link) -> ExitCode {
    let application = adw::Application::builder().application_id(PROMPT_NAME).build();
    let link = RefCell::new(Some(link));
    application.connect_activate(move |application| match link.take() {
        Some(link) => {
            motion::heed();
            // Before this returns, or there is nothing to run for.
            let held = application.hold();
            glib::spawn_future_local(follow(application.clone(), link, held));
        }
        // Somebody pressed the notification that stands for the window.
        None => application.active_window().iter().for_each(GtkWindowExt::present),
    });
    ExitCode::from(application.run_with_args::<&str>(&[]).get())
}

async fn follow(application: adw::Application, link: Link, held: ApplicationHoldGuard) {
    let Link { mut news, answers } = link;
    let prompt = Prompt::new(&application, answers);
    while let Some(told) = news.recv().await {
        match told {
            News::View(view) => prompt.show(*view),
            News::NotTaken(why) => prompt.window.not_taken(&why),
            News::Over(over) => {
                if let Over::Broken(why) = over {
                    // For the journal; a standard error that is closed takes no complaint.
                    let _ = writeln!(io::stderr(), "claviger-prompt: {why}");
                }
                break;
            }
        }
    }
    prompt.window.hide();
    drop(held);
    application.quit();
}

/// The window and the view that it shows.
struct Prompt {
    window: Window,
    words: Rc<Words>,
    shown: Rc<RefCell<View>>,
    application: adw::Application,
    wait: Wait,
}

impl Prompt {
    fn new(application: &adw::Application, answers: UnboundedSender<Answer>) -> Self {
        let words = Rc::new(Words::of_session());
        let shown = Rc::new(RefCell::new(View::idle(0)));
        let asked = Rc::clone(&shown);
        let window = Window::new(application, Rc::clone(&words), move |gesture| {
            // Nobody waits for an answer when the link has ended.
            let _ = answers.send(answer(&asked.borrow(), gesture));
        });
        Self {
            window,
            words,
            shown,
            application: application.clone(),
            wait: Wait::default(),
        }
    }

    fn show(&self, view: View) {
        let change = if self.shown.borrow().prompt == view.prompt {
            Change::Same
        } else {
            Change::Other
        };
        let (screen, done) = (Screen::of(&view, &self.words), view.done);
        self.shown.replace(view);
        self.wait.end();
        let Some(screen) = screen else { return self.close(done) };
        self.window.show(screen, change);
    }

    /// Nothing is asked any more. After an approval the window stays for a moment, to say that it worked, or to be there already
    /// for what has to be said instead.
    fn close(&self, done: bool) {
        let stay = match (self.window.close(), done) {
            (Closing::Answered, true) => {
                self.window.succeed(&self.words.say(&Message::Done {}));
                SUCCESS
            }
            (Closing::Answered, false) => UNDECIDED,
            (Closing::Withdrawn, _) => Duration::ZERO,
        };
        let (window, wait, application) = (self.window.clone(), self.wait.clone(), self.application.clone());
        self.wait.begin(stay, move || {
            window.hide();
            wait.begin(IDLE, move || application.quit());
        });
    }
}

fn answer(view: &View, gesture: Gesture) -> Answer {
    let (action, code, pin) = match gesture {
        Gesture::Approve { choice, remember, pin } => (Action::Approve { choice, remember }, None, pin),
        Gesture::Refuse { for_a_while } => (Action::Refuse { for_a_while }, None, None),
        Gesture::Recover { code, new } => (Action::Recover, Some(code), Some(new)),
    };
    Answer {
        prompt: view.prompt,
        revision: view.revision,
        action,
        code,
        pin,
    }
}

/// The one thing that is waited for while nothing is asked; a question ends it.
#[derive(Clone, Default)]
struct Wait(Rc<Cell<u64>>);

impl Wait {
    /// Does `then` after `time`, unless the wait ends before or another one begins.
    fn begin(&self, time: Duration, then: impl FnOnce() + 'static) {
        self.end();
        let (count, this) = (Rc::clone(&self.0), self.0.get());
        glib::timeout_add_local_once(time, move || {
            if count.get() == this {
                then();
            }
        });
    }

    fn end(&self) {
        self.0.set(self.0.get().wrapping_add(1));
    }
}
