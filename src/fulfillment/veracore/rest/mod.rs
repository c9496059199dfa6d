//! The style `rest`.
