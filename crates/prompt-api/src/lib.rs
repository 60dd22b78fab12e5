//! What a prompt or a settings window needs, without the daemon.
//!
//! The broker makes the values of this crate and a window draws them, so both use it and neither needs the other's half.
//! Nothing here decides anything: who may answer, what is verified and what an action leads to is the broker's.
//!
//! * You write a prompt: attach with [`dbus::Prompt1Proxy`], draw each [`view::View`] with the words of [`messages::Messages`], send back an [`action::Action`].
//! * You write a settings window or a command: [`dbus::Manage1Proxy`], and [`manage`] for what it answers.
//! * You are the broker: [`sanitise`] what others named before it goes into a view, call providers by [`names`], and say everything by a [`message::Message`] ([`text`]).

pub mod action;
pub mod browsers;
pub mod dbus;
pub mod fault;
pub mod logo;
pub mod manage;
pub mod message;
pub mod messages;
pub mod names;
pub mod sanitise;
pub mod text;
pub mod trouble;
pub mod view;
mod word;
