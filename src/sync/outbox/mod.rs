//! Delivers events to the receiver, and writes notes on orders in Vendure.
//!
//! Decides when to retry, when to give up, and the text of a note. The ledger records the events
//! together with what they report.

mod deliver;
mod note_text;
mod notes;
mod receiver;
mod retry;

pub use deliver::{EventDeliverer, deliver_events};
pub use notes::{NoteSettings, NoteWriter, write_notes};
pub use receiver::EventReceiver;
