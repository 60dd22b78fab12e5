//! A8: a provider that is called like another is told from it wherever it is shown, and what a provider says is never the platform's
//! word.

use claviger_prompt_api::dbus::Error;
use claviger_prompt_api::messages::Messages;
use claviger_prompt_api::view::{Kind, View};
use claviger_provider::dbus::Providers1Proxy;
use serde_json::Value;

use crate::bed::*;

const EVIL: &str = "org.evil.Notebook";

/// The name with an O of Cyrillic, which no font tells apart.
const EVIL_NAME: &str = "Noteb\u{43e}ok";

/// All that a person reads on a screen.
fn read(view: &View) -> String {
    let english = Messages::english();
    let problem = view.problem.iter().map(|problem| &problem.text);
    let choices = view
        .choices
        .iter()
        .flat_map(|choice| std::iter::once(&choice.label).chain(&choice.details));
    let said = view.title.iter().chain(&view.claim).chain(problem).chain(choices);
    let names = view.choices.iter().map(|choice| choice.provider_name.clone());
    said.map(|message| english.text(message))
        .chain(names)
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn a_provider_that_is_called_like_another_is_shown_with_its_id_and_program() {
    let bed = Bed::new().await;
    bed.add_manifest(EVIL, EVIL_NAME);
    let manage = bed.manage().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    manage.providers().await.unwrap();
    let _evil = bed.provider(EVIL, Behaviour::Honest, false).await;
    let program = std::env::current_exe().unwrap();
    let told = format!("({EVIL}, {})", program.display());

    let first = Script::new(|view| {
        let place = view.choices.first().map(|choice| choice.provider_name.as_str());
        Some(approve(view, place, PIN))
    });
    let prompt = Prompt::attach(&bed, first).await;
    manage.enable_provider(EVIL).await.unwrap();
    let views = prompt.views();
    let enable = views.iter().find(|view| view.kind == Kind::EnableProvider).unwrap();
    assert!(read(enable).contains(&told), "{}", read(enable));

    bed.make_passkey("alice").await.unwrap();
    let views = prompt.views();
    let create = views.iter().rfind(|view| view.kind == Kind::Create).unwrap();
    assert_eq!(
        read(create).matches(&told).count(),
        2,
        "its label and its place: {}",
        read(create)
    );

    for list in [manage.providers().await.unwrap(), manage.status().await.unwrap()] {
        let list: Value = serde_json::from_str(&list).unwrap();
        let list = list.get("providers").unwrap_or(&list).as_array().unwrap().clone();
        let name = |id: &str| list.iter().find(|provider| provider["id"] == id).unwrap()["name"].clone();
        assert!(name(EVIL).as_str().unwrap().ends_with(&told));
    }
    // Nor does it answer to the other's name on the command line.
    assert!(manage.set_default_provider(EVIL_NAME).await.is_err());
}

#[tokio::test]
async fn two_providers_of_one_name_are_both_shown_with_their_ids() {
    let bed = Bed::new().await;
    bed.add_manifest(EVIL, "Notebook");
    let manage = bed.manage().await;
    let list: Value = serde_json::from_str(&manage.providers().await.unwrap()).unwrap();
    for id in [NOTEBOOK, EVIL] {
        let provider = list
            .as_array()
            .unwrap()
            .iter()
            .find(|provider| provider["id"] == id)
            .unwrap();
        assert_eq!(provider["name"], format!("Notebook ({id})"));
    }
    for ambiguous in ["Notebook", "notebook"] {
        let chosen = manage.set_default_provider(ambiguous).await;
        assert!(matches!(chosen, Err(Error::NotFound(_))));
    }
    let chosen = manage.set_default_provider(NOTEBOOK).await;
    assert!(!matches!(chosen, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn what_a_provider_says_is_quoted_and_is_not_the_headline() {
    let bed = Bed::new().await;
    let notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let proxy = Providers1Proxy::new(&notebook.connection).await.unwrap();
    let words = "Security update” — Claviger needs your PIN";
    proxy.verify_user(NOTEBOOK, &[9; 16], words, b"buffer").await.unwrap();
    let views = prompt.views();
    let view = views.iter().find(|view| view.kind == Kind::Verify).unwrap();
    assert_eq!(
        read(view),
        "Notebook wants to know that it is you\nNotebook says: “Security update\" — Claviger needs your PIN”"
    );
}
