//! The operations on the Admin API and the shapes of their answers, checked against
//! `schema.graphql` when compiled. Nothing here leaves this client.

mod caller;
mod cancel;
mod fulfillments;
mod notes;
mod orders;
mod profile;
mod stock;

pub(super) use caller::*;
pub(super) use cancel::*;
pub(super) use fulfillments::*;
pub(super) use notes::*;
pub(super) use orders::*;
pub(super) use profile::*;
pub(super) use stock::*;

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
#[cynic(graphql_type = "SortOrder")]
pub enum SortOrder {
    #[cynic(rename = "ASC")]
    Asc,
    #[cynic(rename = "DESC")]
    Desc,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Channel")]
pub struct ChannelToken {
    #[expect(dead_code, reason = "read by the channel check")]
    pub code: String,
    #[expect(dead_code, reason = "read by the channel check")]
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

// Logging in.

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
    CurrentUser(#[expect(dead_code, reason = "a fragment needs a field")] CurrentUser),
    InvalidCredentialsError(InvalidCredentialsError),
    NativeAuthStrategyError(NativeAuthStrategyError),
    #[cynic(fallback)]
    Other,
}

#[derive(cynic::QueryFragment, Debug)]
pub struct CurrentUser {
    #[expect(dead_code, reason = "a fragment needs a field")]
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
