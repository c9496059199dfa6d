//! VeraCore, through its REST interface or its SOAP services.

mod common;
pub mod oms;
pub mod rest;

#[cfg(test)]
mod tests;

pub use self::common::{base_url::ClientBuildError, credentials::Credentials};
