//! The passkeys of all providers in one list: searched, sorted, grouped by site. And what there is to know of one.
//!
//! The list stays fast with tens of thousands: what is searched is prepared once for each answer of the broker, and a
//! [line](Line) is a number or a heading, so that a window draws only what is in sight.

use std::cmp::Reverse;
use std::collections::HashMap;

use claviger_prompt_api::manage::Passkey;
use claviger_prompt_api::sanitise;

use super::call::Call;
use super::page::{Act, Group, Page, Row, Tone, Weight};
use super::shown;
use crate::settings::text::{Speech, Text};

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The site, then the account.
    #[default]
    Site,
    /// The account, then the site.
    Account,
    /// What was used last comes first; what never was, last.
    LastUsed,
    /// The newest first.
    Created,
    /// Who keeps it.
    Provider,
}

impl Order {
    /// All of them, in the order in which they are on offer.
    pub const ALL: [Self; 5] = [Self::Site, Self::Account, Self::LastUsed, Self::Created, Self::Provider];

    /// Its name.
    pub fn text(self) -> Text {
        match self {
            Self::Site => Text::OrderSite {},
            Self::Account => Text::OrderAccount {},
            Self::LastUsed => Text::OrderLastUsed {},
            Self::Created => Text::OrderCreated {},
            Self::Provider => Text::OrderProvider {},
        }
    }
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The site of the passkeys that follow.
    Heading(String),
    /// A passkey, by its place in the answer.
    Passkey(usize),
}

/// The passkeys with what is searched in them.
#[derive(Debug, Default)]
pub struct Passkeys {
    all: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    passkey: Passkey,
    /// The site, the account and the provider's name in lower case, to sort by.
    keys: [String; 3],
    /// All that is searched, in lower case.
    words: String,
}

impl Passkeys {
    /// Prepares an answer of the broker.
    pub fn new(passkeys: Vec<Passkey>) -> Self {
        Self {
            all: passkeys.into_iter().map(Entry::new).collect(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The passkey at this place.
    pub fn at(&self, place: usize) -> Option<&Passkey> {
        self.all.get(place).map(|entry| &entry.passkey)
    }

    /// The lines of what has every word of `query` somewhere in its site, account or provider, in any case.
    pub fn lines(&self, query: &str, order: Order, grouped: bool) -> Vec<Line> {
        let query = query.to_lowercase();
        let words: Vec<&str> = query.split_whitespace().collect();
        let fits = |entry: &Entry| words.iter().all(|word| entry.words.contains(word));
        let mut found: Vec<(usize, &Entry)> = self.all.iter().enumerate().filter(|(_, entry)| fits(entry)).collect();
        found.sort_by(|(_, one), (_, other)| Entry::compare(one, other, order));
        if grouped {
            by_site(&found)
        } else {
            found.iter().map(|(place, _)| Line::Passkey(*place)).collect()
        }
    }
}

impl Entry {
    fn new(passkey: Passkey) -> Self {
        let account = passkey.user_name.as_deref().or(passkey.display_name.as_deref());
        let keys = [
            passkey.rp_id.to_lowercase(),
            account.unwrap_or_default().to_lowercase(),
            passkey.provider_name.to_lowercase(),
        ];
        let more = [&passkey.rp_name, &passkey.display_name].into_iter().flatten();
        let words = keys.iter().cloned().chain(more.map(|text| text.to_lowercase()));
        let words = words.collect::<Vec<_>>().join("\n");
        Self { passkey, keys, words }
    }

    fn compare(&self, other: &Self, order: Order) -> std::cmp::Ordering {
        let [site, account, provider] = &self.keys;
        let [other_site, other_account, other_provider] = &other.keys;
        let (one, two) = (&self.passkey, &other.passkey);
        let first = match order {
            Order::Site => site.cmp(other_site),
            Order::Account => account.cmp(other_account),
            Order::LastUsed => Reverse(one.last_used_ms).cmp(&Reverse(two.last_used_ms)),
            Order::Created => Reverse(one.created_ms).cmp(&Reverse(two.created_ms)),
            Order::Provider => provider.cmp(other_provider),
        };
        first
            .then_with(|| site.cmp(other_site))
            .then_with(|| account.cmp(other_account))
    }
}

/// The same with a heading for each site: groups in the order of their first passkeys.
fn by_site(sorted: &[(usize, &Entry)]) -> Vec<Line> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
    for (place, entry) in sorted {
        let site = entry.passkey.rp_id.as_str();
        let at = *places.entry(site).or_insert(groups.len());
        match groups.get_mut(at) {
            Some((_, group)) => group.push(*place),
            None => groups.push((site, vec![*place])),
        }
    }
    let lines = groups.into_iter().flat_map(|(site, group)| {
        std::iter::once(Line::Heading(shown::name(site))).chain(group.into_iter().map(Line::Passkey))
    });
    lines.collect()
}

/// What the list shows of a passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The account.
    pub account: String,
    /// The site, the provider, the last use.
    pub details: String,
    /// Whether its site never confirmed it.
    pub unconfirmed: bool,
}

/// What the list shows of a passkey; without the site where that stands above.
pub fn summary(passkey: &Passkey, grouped: bool, speech: &Speech) -> Summary {
    let used = if passkey.confirmed {
        last_used(passkey, speech)
    } else {
        speech.say(&Text::Unconfirmed {})
    };
    let provider = shown::name(&passkey.provider_name);
    let site = (!grouped).then(|| shown::name(&passkey.rp_id));
    let hidden = passkey.hidden.then(|| speech.say(&Text::Hidden {}));
    let details: Vec<String> = site.into_iter().chain([provider, used]).chain(hidden).collect();
    Summary {
        account: account(passkey, speech),
        details: details.join(" · "),
        unconfirmed: !passkey.confirmed,
    }
}

/// All there is to know of one passkey, and what can be done with it.
pub fn details(passkey: &Passkey, speech: &Speech) -> Page {
    let (account, site) = (account(passkey, speech), shown::name(&passkey.rp_id));
    let row = |name: Text, value: Option<String>| value.map(|value| Row::new(speech.say(&name)).note(value));
    let time = |ms: Option<u64>| Some(ms.map_or_else(|| speech.say(&Text::Unknown {}), |ms| speech.time(ms)));
    // What says once more what stands above says nothing.
    let claim = |text: &Option<String>, of: &str| text.as_deref().filter(|text| *text != of).map(sanitise::quoted);
    let facts = [
        row(Text::FactSite {}, Some(site.clone())),
        row(Text::FactSiteName {}, claim(&passkey.rp_name, &passkey.rp_id)),
        row(Text::FactAccount {}, Some(account.clone())),
        row(Text::FactDisplayName {}, claim(&passkey.display_name, &account)),
        row(
            Text::FactProvider {},
            Some(format!(
                "{} ({})",
                shown::name(&passkey.provider_name),
                shown::name(&passkey.provider)
            )),
        ),
        row(Text::FactCreated {}, time(passkey.created_ms)),
        row(Text::FactLastUsed {}, Some(last_used(passkey, speech))),
        row(
            Text::FactCopies {},
            Some(speech.say(&if passkey.backed_up {
                Text::Synced {}
            } else {
                Text::ThisDeviceOnly {}
            })),
        ),
        row(
            Text::FactFound {},
            Some(speech.say(&if passkey.discoverable {
                Text::Discoverable {}
            } else {
                Text::NotDiscoverable {}
            })),
        ),
        row(Text::FactId {}, Some(shown::sentence(&passkey.id))),
    ];
    let unconfirmed = (!passkey.confirmed).then(|| {
        Row::new(speech.say(&Text::Unconfirmed {}))
            .note(speech.say(&Text::UnconfirmedMore {}))
            .in_tone(Tone::Warning)
    });
    let rename = Act::Rename {
        provider: passkey.provider.clone(),
        id: passkey.id.clone(),
        name: passkey.user_name.clone().unwrap_or_default(),
    };
    let delete = Act::Delete {
        provider: passkey.provider.clone(),
        id: passkey.id.clone(),
        account: account.clone(),
        site: site.clone(),
    };
    let (provider, id) = (passkey.provider.clone(), passkey.id.clone());
    let hide = if passkey.hidden {
        let act = Act::Do(Call::Unhide { provider, id });
        Row::new(speech.say(&Text::UnhideRow {}))
            .note(speech.say(&Text::UnhideRowMore {}))
            .button(speech.say(&Text::Unhide {}), &account, act, Weight::Plain)
    } else {
        let act = Act::Do(Call::Hide { provider, id });
        Row::new(speech.say(&Text::HideRow {}))
            .note(speech.say(&Text::HideRowMore {}))
            .button(speech.say(&Text::Hide {}), &account, act, Weight::Plain)
    };
    let todo = vec![
        hide,
        Row::new(speech.say(&Text::RenameRow {})).button(speech.say(&Text::Rename {}), &account, rename, Weight::Plain),
        Row::new(speech.say(&Text::DeleteRow {}))
            .note(speech.say(&Text::DeleteRowMore {}))
            .button(speech.say(&Text::Delete {}), &account, delete, Weight::Dangerous),
    ];
    Page {
        groups: vec![
            Group::new(
                String::new(),
                unconfirmed.into_iter().chain(facts.into_iter().flatten()).collect(),
            ),
            Group::new(String::new(), todo),
        ],
    }
}

/// The account as it is shown.
pub fn account(passkey: &Passkey, speech: &Speech) -> String {
    let named = passkey.user_name.as_deref().and_then(sanitise::label);
    let named = named.or_else(|| passkey.display_name.as_deref().and_then(sanitise::label));
    named.unwrap_or_else(|| speech.say(&Text::NoAccount {}))
}

fn last_used(passkey: &Passkey, speech: &Speech) -> String {
    match passkey.last_used_ms {
        Some(ms) => speech.say(&Text::LastUsed { time: speech.time(ms) }),
        None => speech.say(&Text::NeverUsed {}),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::super::page::Control;
    use super::super::samples::passkey;
    use super::*;

    fn three() -> Passkeys {
        let mut alice = passkey("example.org", "alice");
        alice.last_used_ms = Some(20);
        let mut bob = passkey("example.org", "bob");
        bob.created_ms = Some(30);
        let mut carol = passkey("a.example", "carol");
        carol.provider_name = "Notebook".into();
        carol.last_used_ms = Some(10);
        Passkeys::new(vec![alice, bob, carol])
    }

    fn accounts(passkeys: &Passkeys, lines: &[Line]) -> Vec<String> {
        let name = |line: &Line| match line {
            Line::Heading(site) => format!("[{site}]"),
            Line::Passkey(place) => passkeys.at(*place).unwrap().user_name.clone().unwrap(),
        };
        lines.iter().map(name).collect()
    }

    #[test]
    fn every_word_of_a_search_is_somewhere_in_what_it_finds_in_any_case() {
        let passkeys = three();
        let found = |query| accounts(&passkeys, &passkeys.lines(query, Order::Site, false));
        assert_eq!(found(""), ["carol", "alice", "bob"]);
        assert_eq!(found("EXAMPLE.org Ali"), ["alice"]);
        assert_eq!(found("notebook"), ["carol"]);
        assert!(found("alice notebook").is_empty());
    }

    #[test]
    fn the_newest_and_the_last_used_come_first_and_what_never_was_last() {
        let passkeys = three();
        let sorted = |order| accounts(&passkeys, &passkeys.lines("", order, false));
        assert_eq!(sorted(Order::LastUsed), ["alice", "carol", "bob"]);
        assert_eq!(sorted(Order::Created)[0], "bob");
        assert_eq!(sorted(Order::Account), ["alice", "bob", "carol"]);
        assert_eq!(sorted(Order::Provider)[2], "carol");
    }

    #[test]
    fn a_group_stands_where_its_first_passkey_would() {
        let passkeys = three();
        let lines = passkeys.lines("", Order::LastUsed, true);
        assert_eq!(
            accounts(&passkeys, &lines),
            ["[example.org]", "alice", "bob", "[a.example]", "carol"]
        );
    }

    #[test]
    fn ten_thousand_are_searched_without_a_site_in_two_groups() {
        let many = (0..10_000).map(|nth| passkey(&format!("site-{}.example", nth % 500), &format!("user {nth}")));
        let passkeys = Passkeys::new(many.collect());
        let lines = passkeys.lines("user", Order::Account, true);
        let headings = lines.iter().filter(|line| matches!(line, Line::Heading(_))).count();
        assert_eq!((lines.len(), headings), (10_500, 500));
        assert_eq!(passkeys.lines("user 9999", Order::Site, false).len(), 1);
    }

    #[test]
    fn deleting_says_what_it_means_and_is_dangerous() {
        let page = details(&passkey("example.org", "alice"), &Speech::in_language("en"));
        let controls: Vec<_> = page
            .groups
            .iter()
            .flat_map(|group| &group.rows)
            .flat_map(|row| &row.controls)
            .collect();
        assert!(controls.iter().any(|control| matches!(control,
            Control::Button { of, weight: Weight::Dangerous, act: Act::Delete { .. }, .. } if of == "alice")));
    }

    #[test]
    fn a_hidden_one_says_so_and_can_be_offered_again() {
        let speech = Speech::in_language("en");
        let acts = |passkey: &Passkey| {
            let page = details(passkey, &speech);
            format!("{:?}", page.groups[1].rows[0].controls)
        };
        let mut alice = passkey("example.org", "alice");
        assert!(acts(&alice).contains("Hide {") && !summary(&alice, true, &speech).details.contains("hidden"));
        alice.hidden = true;
        assert!(acts(&alice).contains("Unhide {") && summary(&alice, true, &speech).details.contains("hidden"));
    }

    #[test]
    fn names_that_others_chose_are_one_line_each_and_claims_in_quotation_marks() {
        let mut hostile = passkey("example.org", "evil\u{202e}\nname");
        hostile.rp_name = Some("Your “bank”\nreally".into());
        let page = details(&hostile, &Speech::in_language("en"));
        for note in page
            .groups
            .iter()
            .flat_map(|group| &group.rows)
            .flat_map(|row| &row.notes)
        {
            assert!(!note.contains(['\n', '\u{202e}']), "{note}");
        }
    }
}
