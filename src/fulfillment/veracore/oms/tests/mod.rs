//! The client against servers that answer well, badly and not at all.
