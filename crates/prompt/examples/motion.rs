//! Says whether the windows would move anything here. For tests.

use std::io::{Write as _, stdout};

use claviger_prompt::motion;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    gtk::init()?;
    motion::heed();
    let moves = gtk::Settings::default().is_some_and(|settings| settings.is_gtk_enable_animations());
    writeln!(stdout(), "{moves}")?;
    Ok(())
}
