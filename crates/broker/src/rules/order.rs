//! The order in which the user wants providers offered where nothing else tells them apart.

use claviger_joint::ProviderId;

use super::{RulesError, read_provider};

/// The most providers that can be put in order.
pub const MAX_ORDERED: usize = 1_000;

/// The providers that the user has put in order; all others come after them, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order(Vec<ProviderId>);

impl Order {
    /// This order.
    ///
    /// # Errors
    /// [`RulesError::TooMany`] beyond [`MAX_ORDERED`], [`RulesError::Malformed`] where a provider stands in it twice.
    pub fn new(providers: Vec<ProviderId>) -> Result<Self, RulesError> {
        if providers.len() > MAX_ORDERED {
            return Err(RulesError::TooMany);
        }
        let is_repeated = |(nth, provider)| providers.iter().take(nth).any(|before| before == provider);
        if providers.iter().enumerate().any(is_repeated) {
            return Err(RulesError::Malformed);
        }
        Ok(Self(providers))
    }

    /// A provider's place, from 0 on; what has none comes after what has one.
    pub fn place(&self, provider: &ProviderId) -> usize {
        self.0.iter().position(|one| one == provider).unwrap_or(usize::MAX)
    }

    pub(super) fn forget_provider(&mut self, provider: &ProviderId) {
        self.0.retain(|one| one != provider);
    }

    pub(super) fn read(saved: &[String]) -> Result<Self, RulesError> {
        if saved.len() > MAX_ORDERED {
            return Err(RulesError::TooMany);
        }
        let providers = saved.iter().map(|id| read_provider(id)).collect::<Result<_, _>>()?;
        Self::new(providers)
    }

    pub(super) fn saved(&self) -> Vec<String> {
        self.0.iter().map(ProviderId::to_string).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Rules;
    use super::*;

    fn id(text: &str) -> ProviderId {
        ProviderId::parse(&format!("org.example.{text}")).unwrap()
    }

    fn rules(order: &[&str]) -> Rules {
        let mut rules = Rules::default();
        rules.set_order(Order::new(order.iter().map(|name| id(name)).collect()).unwrap());
        rules
    }

    #[test]
    fn an_order_is_written_and_read_and_not_written_where_there_is_none() {
        let ordered = rules(&["Second", "First"]);
        assert_eq!(Rules::parse(ordered.to_json().as_bytes()).unwrap(), ordered);
        assert_eq!(ordered.order().place(&id("First")), 1);
        assert_eq!(ordered.order().place(&id("Other")), usize::MAX);
        assert!(!Rules::default().to_json().contains("order"));
    }

    #[test]
    fn a_provider_that_has_gone_leaves_the_order() {
        let mut ordered = rules(&["First", "Second"]);
        ordered.forget_provider(&id("First"));
        assert_eq!(ordered, rules(&["Second"]));
    }

    #[test]
    fn an_order_that_cannot_be_is_refused() {
        for (order, error) in [
            (r#"["org.example.A","org.example.A"]"#.to_owned(), RulesError::Malformed),
            (r#"["notebook"]"#.to_owned(), RulesError::Malformed),
            (
                format!("[{}]", vec!["\"\""; MAX_ORDERED + 1].join(",")),
                RulesError::TooMany,
            ),
        ] {
            let file = format!(r#"{{"version":1,"order":{order}}}"#);
            assert_eq!(Rules::parse(file.as_bytes()), Err(error));
        }
        let many = (0..=MAX_ORDERED).map(|number| id(&format!("P{number}"))).collect();
        assert_eq!(Order::new(many), Err(RulesError::TooMany));
    }
}
