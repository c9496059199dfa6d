//! Telling others what happened: events are delivered to the receiver, and noted on the shop's
//! orders.
//!
//! Owns when an event is tried again and when it is given up, and what a note says. What happened is
//! written down by those who did it, in the ledger. Must not decide anything about an order.

mod deliver;
mod note_text;
mod notes;
mod receiver;
mod retry;

pub use deliver::{EventDeliverer, deliver_events};
pub use notes::{NoteSettings, NoteWriter, write_notes};
pub use receiver::EventReceiver;
