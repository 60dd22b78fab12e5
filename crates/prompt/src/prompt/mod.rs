//! The prompt: one window that shows the broker's view and sends back what the person did.

pub mod app;
mod front;
pub mod guard;
pub mod link;
pub mod program;
pub mod screen;
pub mod typed;
pub mod window;
