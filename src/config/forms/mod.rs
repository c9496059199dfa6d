//! The values of settings that are more than numbers and words: choices, URLs, times, names.
//!
//! Must not know the settings.

pub mod choices;
pub mod database_url;
pub mod names;
pub mod times;
pub mod urls;
