//! Our session in the shop: made at the first call, renewed when it was refused, by one login at a
//! time however many calls wait for it.

use cynic::MutationBuilder;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::{
    StorefrontError, VendureClient,
    client::{OperationKind, VendureCredentials, request_body},
    operations::{self, LoginResult, LoginVariables},
};
use crate::domain::text::one_line;

/// What a call shows to be let in.
#[derive(Debug, Clone)]
pub(super) enum AuthToken {
    /// `generation` tells whether it is still the newest one.
    Session {
        token: SecretString,
        generation: u64,
    },
    ApiKey(SecretString),
}

impl AuthToken {
    pub(super) const fn is_renewable(&self) -> bool {
        matches!(self, Self::Session { .. })
    }

    const fn generation(&self) -> u64 {
        match self {
            Self::Session { generation, .. } => *generation,
            Self::ApiKey(_) => 0,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Session {
    current: Mutex<Option<AuthToken>>,
}

impl Session {
    /// The present pass, or a first one.
    pub(super) async fn token(&self, client: &VendureClient) -> Result<AuthToken, StorefrontError> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(pass) => Ok(pass.clone()),
            None => log_in(client, 1)
                .await
                .inspect(|pass| *current = Some(pass.clone())),
        }
    }

    /// Another pass than `refused`: the one that somebody fetched meanwhile, or a new one.
    pub(super) async fn renew(
        &self,
        client: &VendureClient,
        refused: &AuthToken,
    ) -> Result<AuthToken, StorefrontError> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(pass) if pass.generation() > refused.generation() => Ok(pass.clone()),
            _ => {
                // Forgotten first: should the login fail, the next call tries it again.
                *current = None;
                let pass = log_in(client, refused.generation() + 1).await?;
                tracing::info!("Vendure: logged in again, the session had been refused");
                *current = Some(pass.clone());
                Ok(pass)
            }
        }
    }
}

async fn log_in(client: &VendureClient, generation: u64) -> Result<AuthToken, StorefrontError> {
    let (username, password) = match &client.settings.credentials {
        VendureCredentials::ApiKey(key) => return Ok(AuthToken::ApiKey(key.clone())),
        VendureCredentials::Password { username, password } => (username, password),
    };
    let message = match send_login(client, username, password).await? {
        LoginOutcome::Token(token) => return Ok(AuthToken::Session { token, generation }),
        LoginOutcome::NoToken => {
            "it gave no session token. The shop's authOptions.tokenMethod must include 'bearer'"
                .into()
        }
        LoginOutcome::Refused(message) => message,
    };
    client.upstream.mark_unauthorized(&message);
    Err(StorefrontError::LoginRefused { message })
}

/// What came of a login.
enum LoginOutcome {
    Token(SecretString),
    NoToken,
    /// Why the shop does not let this user in.
    Refused(String),
}

async fn send_login(
    client: &VendureClient,
    username: &str,
    password: &SecretString,
) -> Result<LoginOutcome, StorefrontError> {
    let operation = operations::Login::build(LoginVariables {
        username: username.to_owned(),
        password: password.expose_secret().to_owned(),
    });
    let data = client
        .post(
            "login",
            OperationKind::Login,
            request_body("login", &operation)?,
            None,
        )
        .await?;
    let message = match data.parse::<operations::Login>()?.login {
        LoginResult::CurrentUser(_) => {
            return Ok(data
                .session_token()
                .map_or(LoginOutcome::NoToken, LoginOutcome::Token));
        }
        LoginResult::InvalidCredentialsError(error) => error.message,
        LoginResult::NativeAuthStrategyError(error) => error.message,
        LoginResult::Other => "it answered with something unknown".into(),
    };
    Ok(LoginOutcome::Refused(one_line(&message, 200)))
}

/// What came of somebody's login.
#[derive(Debug)]
pub enum CallerLogin {
    /// His session's token.
    Accepted(SecretString),
    /// He is known, and the shop gives its tokens as cookies only.
    NoToken,
    Rejected,
}

impl VendureClient {
    /// Logs somebody in, apart from our own session.
    ///
    /// # Errors
    /// When the shop does not answer.
    pub async fn log_in_caller(
        &self,
        username: &str,
        password: &SecretString,
    ) -> Result<CallerLogin, StorefrontError> {
        match send_login(self, username, password).await {
            Ok(LoginOutcome::Token(token)) => Ok(CallerLogin::Accepted(token)),
            Ok(LoginOutcome::NoToken) => Ok(CallerLogin::NoToken),
            Ok(LoginOutcome::Refused(_)) | Err(StorefrontError::Forbidden { .. }) => {
                Ok(CallerLogin::Rejected)
            }
            Err(other) => Err(other),
        }
    }
}
