//! What prompts, the native host and files in the user's directories hand to the platform: nothing crashes.
#![no_main]

use claviger_account::item::Item;
use claviger_broker::rules::Rules;
use claviger_prompt_api::action::Action;
use claviger_prompt_api::sanitise;
use claviger_pin::Pin;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Rules::parse(bytes);
    let _ = Item::from_json(bytes);
    let _ = Pin::from_utf8(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Action::parse(text);
        let shown = sanitise::line(text, 64);
        assert!(shown.chars().count() <= 64 && !shown.chars().any(char::is_control));
    }
});
