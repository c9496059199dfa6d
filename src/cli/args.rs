//! Arguments that several commands take. Pure.

use chrono::{DateTime, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::{app::SetupError, domain::OrderCode};

pub(super) fn word_parser<T: Clone + Send + Sync + 'static>(
    words: impl IntoIterator<Item = &'static str>,
    parse: fn(&str) -> Option<T>,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words)
        .try_map(move |text| parse(&text).ok_or("this is not one of the possible values"))
}

pub(super) fn parse_timestamp(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .map_err(|_| {
            "not a timestamp with its offset, such as 2026-03-08T00:00:00-08:00 or 2026-03-08T08:00:00Z"
                .into()
        })
}

pub(super) fn parse_order_code(text: &str) -> Result<OrderCode, SetupError> {
    OrderCode::parse(text).map_err(|problem| SetupError(problem.to_string()))
}

/// The order that `--order` names, if it is given.
pub(super) fn parse_order_flag(order: Option<String>) -> Result<Option<OrderCode>, SetupError> {
    order
        .map(OrderCode::parse)
        .transpose()
        .map_err(|problem| SetupError(format!("--order: {problem}")))
}
