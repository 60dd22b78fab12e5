//! What the pages show, as data: texts in the person's language, and what each switch and button calls.
//!
//! Each page is a function of the [`Snapshot`](state::Snapshot). [`page`] has what pages are made of. Lists that may be long
//! ([`passkeys`], [`activity`]) are rows of their own kinds, so that a window needs no widget for each.

pub mod about;
pub mod activity;
pub mod call;
pub mod first_run;
pub mod page;
pub mod passkeys;
pub mod providers;
pub mod shown;
pub mod state;
pub mod verification;
pub mod ways_in;

#[cfg(test)]
pub(crate) mod samples;
