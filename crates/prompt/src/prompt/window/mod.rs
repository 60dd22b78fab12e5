//! The window: draws a [`Screen`] with widgets and tells of what is done with them. When that counts is the [`Guard`]'s to say.
//!
//! No text that is drawn is ever read as markup, and no label is without a bound: names are cut by an ellipsis or wrap, so that none
//! of them moves what stands beside it.

mod answering;
mod body;
mod choices;
mod code;
mod field;
mod footer;
mod keys;
mod pin;
mod problem;
mod recovering;
mod text;

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use adw::prelude::*;
use claviger_pin::{Pin, RecoveryCode};
use claviger_prompt_api::message::Message;
use gtk::{gdk, glib};

use self::body::Body;
use self::footer::Footer;
use super::front::{AskersWindow, Front};
use super::guard::{Change, Guard};
use super::screen::{Screen, Told, Tone};
use crate::words::Words;

/// How wide the window is when there is room, in pixels of the display's scale.
const WIDTH: i32 = 440;

/// How long until a list has made its rows and knows how high they are.
const LAID_OUT: Duration = Duration::from_millis(60);

/// What a person did.
#[derive(Debug)]
pub enum Gesture {
    /// Agreed.
    Approve {
        /// The choice, where there is one.
        choice: Option<String>,
        /// Whether to remember it.
        remember: bool,
        /// The PIN that was typed.
        pin: Option<Pin>,
    },
    /// Did not.
    Refuse {
        /// And wants nothing of this one for a while.
        for_a_while: bool,
    },
    /// Set a new PIN with the recovery code, and has not answered yet.
    Recover {
        /// The code.
        code: RecoveryCode,
        /// The new PIN.
        new: Pin,
    },
}

/// How a question went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// With the person's consent.
    Answered,
    /// Without.
    Withdrawn,
}

/// The one window of the prompt.
#[derive(Clone)]
pub struct Window(Rc<Parts>);

struct Parts {
    window: adw::ApplicationWindow,
    content: gtk::Box,
    header: adw::HeaderBar,
    body: Body,
    footer: Footer,
    front: Front,
    words: Rc<Words>,
    guard: RefCell<Guard>,
    shown: RefCell<Option<Shown>>,
    /// What is asked, while the fields for the recovery code are in its place.
    question: RefCell<Option<Screen>>,
    /// Whether an answer is under way.
    busy: Cell<bool>,
    /// Counts what was waited for, so that a wait which is out of date does nothing.
    waits: Cell<u64>,
    tell: Box<dyn Fn(Gesture)>,
}

struct Shown {
    screen: Screen,
    since: Instant,
}

impl Window {
    /// A window that is not shown yet; what is done in it goes to `tell`.
    pub fn new(application: &adw::Application, words: Rc<Words>, tell: impl Fn(Gesture) + 'static) -> Self {
        let (body, footer) = (Body::new(), Footer::new());
        body.pin.weigh(Rc::clone(&words));
        body.code.check(Rc::clone(&words));
        let content = gtk::Box::new(gtk::Orientation::Vertical, 0);
        let header = adw::HeaderBar::builder()
            .css_classes(["flat"])
            .decoration_layout(":close")
            .title_widget(&gtk::Box::default())
            .build();
        content.append(&header);
        content.append(body.widget());
        content.append(footer.widget());
        let window = adw::ApplicationWindow::builder()
            .application(application)
            .content(&content)
            .default_width(WIDTH)
            .build();
        let parts = Rc::new(Parts {
            front: Front::new(application, &window, Rc::clone(&words)),
            window,
            content,
            header,
            body,
            footer,
            words,
            guard: RefCell::default(),
            shown: RefCell::default(),
            question: RefCell::default(),
            busy: Cell::default(),
            waits: Cell::default(),
            tell: Box::new(tell),
        });
        keys::listen(&parts);
        parts.listen();
        Self(parts)
    }

    /// The widget.
    pub fn widget(&self) -> &adw::ApplicationWindow {
        &self.0.window
    }

    /// Draws the screen and brings the window up. What was typed for another question is gone.
    pub fn show(&self, screen: Screen, change: Change) {
        let screen = self.0.through_form(screen, change);
        self.0.show(screen, change);
    }

    /// What the broker says of the answer that it did not take.
    pub fn not_taken(&self, why: &str) {
        self.0.busy.set(false);
        self.0.body.problem.tell(Some(&Told {
            text: why.to_owned(),
            tone: Tone::Error,
        }));
        self.0.update();
    }

    /// Nothing is asked any more: from now on nothing counts. Says whether the person had just agreed.
    pub fn close(&self) -> Closing {
        let parts = &self.0;
        parts.guard.borrow_mut().hides();
        parts.front.withdraw();
        let answered = parts.busy.get() && parts.window.is_visible();
        if answered {
            Closing::Answered
        } else {
            Closing::Withdrawn
        }
    }

    /// Says that it worked, in the place of the question.
    pub fn succeed(&self, words: &str) {
        self.0.shown.take();
        self.0.busy.set(false);
        self.0.window.set_title(Some(words));
        self.0.body.succeed(words);
        self.0.footer.widget().set_visible(false);
    }

    /// Takes the window away, and what was typed into it.
    pub fn hide(&self) {
        let parts = &self.0;
        parts.guard.borrow_mut().hides();
        parts.shown.take();
        parts.question.take();
        parts.body.forget_typed();
        parts.busy.set(false);
        parts.window.set_visible(false);
        // What it showed is not for the next one to see, not even for a frame.
        parts.body.clear();
    }
}

impl Parts {
    fn show(self: &Rc<Self>, screen: Screen, change: Change) {
        let now = Instant::now();
        let same = change == Change::Same;
        let unchanged = same
            && self
                .shown
                .borrow()
                .as_ref()
                .is_some_and(|shown| shown.screen.asks_the_same_as(&screen));
        // What had the focus may be gone.
        let other_field = {
            let name = |screen: &Screen| screen.pin.as_ref().map(|field| field.label.clone());
            let before = self.shown.borrow();
            before.as_ref().and_then(|shown| name(&shown.screen)) != name(&screen)
        };
        let wrong = screen.problem.is_some();
        self.busy.set(false);
        if !unchanged {
            self.guard.borrow_mut().shows(change, now);
        }
        if !same {
            self.body.forget_typed();
        }
        self.window.set_title(Some(&screen.title));
        self.body.draw(&screen, same);
        self.footer.draw(&screen);
        self.footer.widget().set_visible(true);
        let (since, title) = (now, screen.title.clone());
        let asker = screen.asker.as_ref().map(|asker| AskersWindow {
            program: asker.executable.as_ref().map(PathBuf::from),
            handle: asker.window.clone(),
            pid: asker.pid,
        });
        let asker = asker.unwrap_or_default();
        self.shown.replace(Some(Shown { screen, since }));
        self.update();
        if !unchanged {
            self.fit();
            let parts = Rc::downgrade(self);
            glib::timeout_add_local_once(LAID_OUT, move || {
                if let Some(parts) = parts.upgrade() {
                    parts.fit();
                }
            });
        }
        if !same {
            self.front.bring(&title, &asker);
        }
        // What was wrong is typed anew from the first field on.
        if !same || other_field || (wrong && self.body.pin.is_empty() && self.body.code.is_empty()) {
            self.focus_first();
        }
    }

    /// Makes the window as high as what there is to say, and not higher than the screen; a person's own width stays.
    fn fit(&self) {
        let width = self.window.default_width();
        let natural = |of: &gtk::Widget, orientation, size| of.measure(orientation, size).1;
        let window = self.window.upcast_ref();
        let content = self.content.upcast_ref();
        let frame = |orientation| natural(window, orientation, -1) - natural(content, orientation, -1);
        let inside = width - frame(gtk::Orientation::Horizontal);
        let around = [self.header.upcast_ref(), self.footer.widget().upcast_ref()];
        let around = around.map(|part: &gtk::Widget| natural(part, gtk::Orientation::Vertical, inside));
        let height = frame(gtk::Orientation::Vertical) + around.iter().sum::<i32>() + self.body.height(inside);
        let monitors = WidgetExt::display(&self.window).monitors();
        let monitors = monitors.iter::<gdk::Monitor>().filter_map(Result::ok);
        let highest = monitors.map(|monitor| monitor.geometry().height()).min();
        let highest = highest.map_or(i32::MAX, |height| height / 10 * 9);
        self.window.set_default_size(width, height.min(highest));
    }

    /// Connects what is done in the window with what it means.
    fn listen(self: &Rc<Self>) {
        let parts = Rc::downgrade(self);
        let with = move |act: fn(&Rc<Self>)| {
            let parts = parts.clone();
            move || {
                if let Some(parts) = parts.upgrade() {
                    act(&parts);
                }
            }
        };
        self.footer.when_agreed(with(Self::agree));
        self.footer.when_refused(with(Self::leave));
        self.footer.when_refused_for_a_while(with(|parts| parts.refuse(true)));
        self.body.when_recovering(with(Self::open_form));
        self.body.code.when_entered(with(|parts| parts.body.pin.focus()));
        self.body.pin.when_entered(with(Self::agree));
        self.body.choices.when_activated(with(Self::choose));
        self.body.when_said(with(|parts| {
            let parts = Rc::downgrade(parts);
            // The label is not visible yet.
            glib::idle_add_local_once(move || {
                if let Some(parts) = parts.upgrade() {
                    parts.fit();
                }
            });
        }));
        let close = with(|parts| parts.refuse(false));
        self.window.connect_close_request(move |_| {
            close();
            glib::Propagation::Stop
        });
        let active = with(|parts| {
            let has = parts.window.is_active();
            parts.guard.borrow_mut().focus(has, Instant::now());
            parts.update();
        });
        self.window.connect_is_active_notify(move |_| active());
    }

    /// How long no PIN is looked at, in words.
    fn waiting(&self, shown: &Shown) -> Option<String> {
        shown.screen.pin.as_ref()?.waiting(shown.since.elapsed(), &self.words)
    }

    /// Lets do what counts now, and comes again when that changes.
    fn update(self: &Rc<Self>) {
        let now = Instant::now();
        let guard = self.guard.borrow();
        let shown = self.shown.borrow();
        let Some(shown) = shown.as_ref() else { return };
        let waiting = self.waiting(shown);
        let busy = self.busy.get();
        self.footer.allow(guard.may_approve(now) && waiting.is_none() && !busy);
        self.body.allow_recovery(guard.may_approve(now) && !busy);
        self.footer
            .working(busy.then(|| self.words.say(&Message::Working {})).as_deref());
        let may_type = !guard.is_deaf(now) && !busy;
        self.body.code.allow(may_type);
        self.body
            .pin
            .allow(may_type, waiting.as_deref(), shown.screen.pin.as_ref());
        let second = waiting.is_some().then_some(Duration::from_millis(250));
        let next = [guard.opens_in(now), guard.listens_in(now), second];
        let next = next.into_iter().flatten().filter(|left| !left.is_zero()).min();
        self.waits.set(self.waits.get().wrapping_add(1));
        let Some(left) = next else { return };
        let (parts, wait) = (Rc::downgrade(self), self.waits.get());
        glib::timeout_add_local_once(left, move || {
            if let Some(parts) = parts.upgrade().filter(|parts| parts.waits.get() == wait) {
                parts.update();
            }
        });
    }

    /// Puts the focus where a person goes on, but on nothing that agrees.
    fn focus_first(&self) {
        if !self.body.focus_field() && !self.body.choices.focus() {
            gtk::prelude::GtkWindowExt::set_focus(&self.window, None::<&gtk::Widget>);
        }
    }
}
