//! The daemon's session in the shop. It is created by the first call and renewed after a refusal, with
//! one login at a time for all calls that wait for it.

use cynic::MutationBuilder;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::{
    error::StorefrontError,
    operations::{self, LoginResult, LoginVariables},
    transport::{Credential, Transport, request_body},
};
use crate::{
    domain::{VendureCredentials, text::one_line},
    http::CallKind,
};

#[derive(Debug)]
pub enum LoginOutcome {
    Accepted(SecretString),
    /// The login is right, but the shop returns tokens as cookies only.
    NoToken,
    /// The shop's message.
    Rejected(String),
}

/// The daemon's own credential.
#[derive(Debug, Clone)]
pub(super) struct SessionToken {
    pub credential: Credential,
    /// The number of the login that returned it.
    generation: u64,
}

impl SessionToken {
    pub(super) const fn is_renewable(&self) -> bool {
        matches!(self.credential, Credential::Session(_))
    }
}

#[derive(Debug, Default)]
pub(super) struct Session {
    current: Mutex<Option<SessionToken>>,
}

impl Session {
    /// The current token, or that of a first login.
    pub(super) async fn token(
        &self,
        transport: &Transport,
    ) -> Result<SessionToken, StorefrontError> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(token) => Ok(token.clone()),
            None => Ok(current.insert(log_in(transport, 1).await?).clone()),
        }
    }

    /// A newer token than `refused`: the one that another call fetched meanwhile, or a new one.
    pub(super) async fn renew(
        &self,
        transport: &Transport,
        refused: &SessionToken,
    ) -> Result<SessionToken, StorefrontError> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(token) if token.generation > refused.generation => Ok(token.clone()),
            _ => {
                // Dropped first: if the login fails, the next call logs in again.
                *current = None;
                let token = log_in(transport, refused.generation + 1).await?;
                tracing::info!("Vendure session renewed after it was refused");
                Ok(current.insert(token).clone())
            }
        }
    }
}

async fn log_in(transport: &Transport, generation: u64) -> Result<SessionToken, StorefrontError> {
    let accepted = |credential| SessionToken {
        credential,
        generation,
    };
    let (username, password) = match &transport.settings.credentials {
        VendureCredentials::ApiKey(key) => return Ok(accepted(Credential::ApiKey(key.clone()))),
        VendureCredentials::Password { username, password } => (username, password),
    };
    let message = match send_login(transport, username, password).await? {
        LoginOutcome::Accepted(token) => return Ok(accepted(Credential::Session(token))),
        LoginOutcome::NoToken => {
            "the response has no session token. The shop's authOptions.tokenMethod must include 'bearer'"
                .into()
        }
        LoginOutcome::Rejected(message) => message,
    };
    transport.upstream.mark_unauthorized(&message);
    Err(StorefrontError::LoginRefused { message })
}

pub(super) async fn send_login(
    transport: &Transport,
    username: &str,
    password: &SecretString,
) -> Result<LoginOutcome, StorefrontError> {
    let operation = operations::Login::build(LoginVariables {
        username: username.to_owned(),
        password: password.expose_secret().to_owned(),
    });
    let body = request_body("login", &operation)?;
    let data = transport.post("login", CallKind::Login, body, None).await?;
    let message = match data.parse::<operations::Login>()?.login {
        LoginResult::CurrentUser(_) => {
            return Ok(data
                .session_token()
                .map_or(LoginOutcome::NoToken, LoginOutcome::Accepted));
        }
        LoginResult::InvalidCredentialsError(error) => error.message,
        LoginResult::NativeAuthStrategyError(error) => error.message,
        LoginResult::Other => "unknown response".into(),
    };
    Ok(LoginOutcome::Rejected(one_line(&message, 200)))
}
