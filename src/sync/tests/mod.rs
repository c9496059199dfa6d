//! Tests of several modules together.

mod balance;
