//! What both styles read and write alike.

pub(crate) mod dates;
pub(crate) mod error_body;
pub(crate) mod fields;
pub(crate) mod rows;
pub(crate) mod webhooks;
