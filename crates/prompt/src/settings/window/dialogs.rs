//! The dialogs: what a passkey is, its new name, what deleting it means, and a rule for a site.

use std::rc::Rc;

use adw::prelude::*;
use claviger_prompt_api::manage::{Passkey, Provider};

use super::sheet::{Sheet, Tell};
use super::widgets::wrapping;
use crate::drawing::ROOM;
use crate::settings::model::call::Call;
use crate::settings::model::page::Act;
use crate::settings::model::{passkeys, providers};
use crate::settings::text::{Speech, Text};

/// The answer that does nothing.
const CANCEL: &str = "cancel";

/// The answer that does it.
const GO: &str = "go";

/// What a dialog needs: the window that it belongs to, its words, and who is told.
pub struct Dialogs {
    /// The window.
    pub parent: adw::ApplicationWindow,
    /// The words.
    pub speech: Rc<Speech>,
    /// Who is told.
    pub tell: Tell,
}

impl Dialogs {
    /// All there is to know of a passkey.
    pub fn details(&self, passkey: &Passkey) {
        let window = adw::Window::builder()
            .transient_for(&self.parent)
            .modal(true)
            .title(self.speech.say(&Text::Passkey {}))
            .default_width(420)
            .default_height(620)
            .build();
        let (tell, shown) = (Rc::clone(&self.tell), window.downgrade());
        let sheet = Sheet::new(Rc::new(move |act| {
            shown.upgrade().iter().for_each(GtkWindowExt::close);
            tell(act);
        }));
        sheet.draw(&passkeys::details(passkey, &self.speech));
        let content = gtk::Box::new(gtk::Orientation::Vertical, 0);
        let header = adw::HeaderBar::builder().css_classes(["flat"]).build();
        content.append(&header);
        content.append(sheet.widget());
        window.set_content(Some(&content));
        let keys = gtk::EventControllerKey::new();
        let closing = window.downgrade();
        keys.connect_key_pressed(move |_, key, _, _| {
            if key == gtk::gdk::Key::Escape {
                closing.upgrade().iter().for_each(GtkWindowExt::close);
            }
            gtk::glib::Propagation::Proceed
        });
        window.add_controller(keys);
        window.present();
    }

    /// Asks for a passkey's new name.
    pub fn rename(&self, provider: String, id: String, present: &str) {
        let entry = gtk::Entry::builder().text(present).activates_default(true).build();
        let dialog = self.dialog(
            &Text::RenameHeading {},
            None,
            &Text::Rename {},
            adw::ResponseAppearance::Suggested,
        );
        dialog.set_extra_child(Some(&self.form(&[(Text::NewName {}, entry.upcast_ref())])));
        dialog.set_response_enabled(GO, !present.is_empty());
        only_with_text(&dialog, &entry);
        self.when_agreed(&dialog, move || {
            let name = entry.text().trim().to_owned();
            Call::Rename {
                provider: provider.clone(),
                id: id.clone(),
                name,
            }
        });
    }

    /// Says what deleting a passkey means, and does it.
    pub fn delete(&self, provider: String, id: String, account: String, site: String) {
        let body = Text::DeleteBody { site: site.clone() };
        let heading = Text::DeleteHeading { account, site };
        let dialog = self.dialog(
            &heading,
            Some(&body),
            &Text::Delete {},
            adw::ResponseAppearance::Destructive,
        );
        self.when_agreed(&dialog, move || Call::Delete {
            provider: provider.clone(),
            id: id.clone(),
        });
    }

    /// Asks for a site and the provider that is offered first there.
    pub fn add_rule(&self, choices: &[Provider]) {
        let names: Vec<String> = choices.iter().map(providers::name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let ids: Vec<String> = choices.iter().map(|provider| provider.id.clone()).collect();
        let entry = gtk::Entry::builder().activates_default(true).build();
        let provider = gtk::DropDown::from_strings(&names);
        let form = self.form(&[
            (Text::RuleSite {}, entry.upcast_ref()),
            (Text::RuleProvider {}, provider.upcast_ref()),
        ]);
        let dialog = self.dialog(
            &Text::AddRuleRow {},
            None,
            &Text::AddRule {},
            adw::ResponseAppearance::Suggested,
        );
        dialog.set_extra_child(Some(&form));
        dialog.set_response_enabled(GO, false);
        only_with_text(&dialog, &entry);
        self.when_agreed(&dialog, move || {
            let chosen = usize::try_from(provider.selected()).ok().and_then(|nth| ids.get(nth));
            Call::SetRule {
                site: entry.text().trim().to_owned(),
                provider: chosen.cloned().unwrap_or_default(),
            }
        });
    }

    /// Fields below each other, each under its name.
    fn form(&self, fields: &[(Text, &gtk::Widget)]) -> gtk::Box {
        let form = gtk::Box::new(gtk::Orientation::Vertical, ROOM / 2);
        for (label, field) in fields {
            let label = wrapping(&self.speech.say(label), &["caption"]);
            label.set_mnemonic_widget(Some(*field));
            form.append(&label);
            form.append(*field);
        }
        form
    }

    fn dialog(
        &self,
        heading: &Text,
        body: Option<&Text>,
        go: &Text,
        look: adw::ResponseAppearance,
    ) -> adw::MessageDialog {
        let body = body.map(|body| self.speech.say(body));
        let dialog = adw::MessageDialog::new(Some(&self.parent), Some(&self.speech.say(heading)), body.as_deref());
        dialog.add_responses(&[
            (CANCEL, &self.speech.say(&Text::Cancel {})),
            (GO, &self.speech.say(go).replace(" …", "")),
        ]);
        dialog.set_response_appearance(GO, look);
        // What takes something away is not what Enter does.
        let usual = if look == adw::ResponseAppearance::Destructive {
            CANCEL
        } else {
            GO
        };
        dialog.set_default_response(Some(usual));
        dialog.set_close_response(CANCEL);
        dialog
    }

    fn when_agreed(&self, dialog: &adw::MessageDialog, call: impl Fn() -> Call + 'static) {
        let tell = Rc::clone(&self.tell);
        dialog.connect_response(Some(GO), move |_, _| tell(Act::Do(call())));
        dialog.present();
    }
}

/// Lets agree only when there is something to agree to.
fn only_with_text(dialog: &adw::MessageDialog, entry: &gtk::Entry) {
    let dialog = dialog.downgrade();
    entry.connect_changed(move |entry| {
        if let Some(dialog) = dialog.upgrade() {
            dialog.set_response_enabled(GO, !entry.text().trim().is_empty());
        }
    });
}
