//! VeraCore, in the styles it is spoken.

pub mod rest;
