//! Saves the record of what happened as a file that the person chooses.

use std::rc::Rc;

use adw::prelude::*;
use gtk::{gio, glib};

use super::Parts;
use crate::settings::link;
use crate::settings::model::activity::export;
use crate::settings::text::Text;

/// Asks where to, fetches the record and writes it.
pub fn save(parts: &Rc<Parts>) {
    let say = |text: Text| parts.speech.say(&text);
    let chooser = gtk::FileChooserNative::new(
        Some(say(Text::Export {}).as_str()),
        Some(&parts.frame.window),
        gtk::FileChooserAction::Save,
        None,
        None,
    );
    chooser.set_current_name(&say(Text::ExportName {}));
    chooser.set_modal(true);
    let (parts, open) = (Rc::clone(parts), std::cell::RefCell::new(Some(chooser.clone())));
    chooser.connect_response(move |chooser, response| {
        // It is a native dialog's own reference that keeps it; ours ends with its answer.
        open.take();
        let file = chooser.file().filter(|_| response == gtk::ResponseType::Accept);
        if let Some(file) = file {
            glib::spawn_future_local(write(Rc::clone(&parts), file));
        }
    });
    chooser.show();
}

async fn write(parts: Rc<Parts>, file: gio::File) {
    let problem = match link::audit_log().await {
        Err(failure) => Some(failure.to_string()),
        Ok(log) => {
            let text = export(&log).into_bytes();
            let flags = gio::FileCreateFlags::PRIVATE | gio::FileCreateFlags::REPLACE_DESTINATION;
            let written = file.replace_contents_future(text, None, false, flags).await;
            written.err().map(|(_, error)| error.to_string())
        }
    };
    let said = match problem {
        None => Text::Exported {},
        Some(problem) => Text::NotExported { problem },
    };
    parts.frame.notice(&parts.speech.say(&said));
}
