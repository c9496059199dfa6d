//! The operations on the Admin API and the shapes of their responses, checked against
//! `schema.graphql` when compiled. Private to this client.

#![expect(
    dead_code,
    reason = "a field is there to be requested; lists and the channel are parsed on their own"
)]

mod caller;
mod fulfillments;
mod order_changes;
mod orders;
mod profile;
mod stock;

pub(super) use caller::*;
pub(super) use fulfillments::*;
pub(super) use order_changes::*;
pub(super) use orders::*;
pub(super) use profile::*;
pub(super) use stock::*;

use super::error::{StorefrontError, rejected};

#[cynic::schema("vendure")]
mod schema {}

#[derive(cynic::Scalar, Debug, Clone)]
pub struct DateTime(pub String);

#[derive(cynic::Scalar, Debug, Clone)]
pub struct CurrencyCode(pub String);

/// An integer in the shop's smallest unit of money.
#[derive(cynic::Scalar, Debug, Clone, Copy)]
pub struct Money(pub i64);

#[derive(cynic::Enum, Debug, Clone, Copy)]
pub enum SortOrder {
    Asc,
    Desc,
}

/// Checked in every response that has it.
#[derive(cynic::QueryFragment, Debug)]
pub struct Channel {
    pub code: String,
    pub token: String,
}

#[derive(cynic::InputObject, Debug, Default)]
#[cynic(graphql_type = "IDOperators")]
pub struct IdOperators {
    #[cynic(rename = "in", skip_serializing_if = "Option::is_none")]
    pub any_of: Option<Vec<String>>,
}

#[derive(cynic::InputObject, Debug, Default)]
pub struct StringOperators {
    #[cynic(rename = "in", skip_serializing_if = "Option::is_none")]
    pub any_of: Option<Vec<String>>,
}

#[derive(cynic::Scalar, Debug, Clone)]
pub struct ErrorCode(pub String);

/// Members of result unions that say why a mutation was not done, each with the field that has the
/// reason. (The `message` of some is a key without a text.)
macro_rules! error_results {
    ($($name:ident { $reason:ident })+) => {$(
        #[derive(cynic::QueryFragment, Debug)]
        pub struct $name {
            pub error_code: ErrorCode,
            pub $reason: String,
        }

        impl $name {
            pub fn rejected(&self, operation: &'static str) -> StorefrontError {
                rejected(operation, &self.error_code.0, &self.$reason)
            }
        }
    )+};
}

error_results! {
    CancelActiveOrderError { message }
    CreateFulfillmentError { fulfillment_handler_error }
    EmptyOrderLineSelectionError { message }
    FulfillmentStateTransitionError { transition_error }
    InsufficientStockOnHandError { message }
    InvalidFulfillmentHandlerError { message }
    ItemsAlreadyFulfilledError { message }
    MultipleOrderError { message }
    OrderStateTransitionError { transition_error }
    QuantityTooGreatError { message }
}

#[derive(cynic::QueryVariables)]
pub struct LoginVariables {
    pub username: String,
    pub password: String,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Mutation", variables = "LoginVariables")]
pub struct Login {
    #[arguments(username: $username, password: $password, rememberMe: false)]
    pub login: LoginResult,
}

#[derive(cynic::InlineFragments, Debug)]
#[cynic(graphql_type = "NativeAuthenticationResult")]
pub enum LoginResult {
    CurrentUser(CurrentUser),
    InvalidCredentialsError(InvalidCredentialsError),
    NativeAuthStrategyError(NativeAuthStrategyError),
    #[cynic(fallback)]
    Other,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct CurrentUser {
    pub id: cynic::Id,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct InvalidCredentialsError {
    pub message: String,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct NativeAuthStrategyError {
    pub message: String,
}
