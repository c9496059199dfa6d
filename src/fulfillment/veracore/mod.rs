//! VeraCore, in the styles it is spoken.

pub mod oms;
pub mod rest;
