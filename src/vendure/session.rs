//! Our session in the shop: made at the first call, renewed when it was refused, by one login at a
//! time however many calls wait for it.

use cynic::MutationBuilder;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::{
    StorefrontError, VendureClient,
    client::{Does, Login, body_of},
    operations::{self, LoginResult, LoginVariables},
};
use crate::domain::text::one_line;

/// What a call shows to be let in.
#[derive(Debug, Clone)]
pub(super) enum Pass {
    /// `generation` tells whether it is still the newest one.
    Session {
        token: SecretString,
        generation: u64,
    },
    ApiKey(SecretString),
}

impl Pass {
    pub(super) const fn can_be_renewed(&self) -> bool {
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
    current: Mutex<Option<Pass>>,
}

impl Session {
    /// The present pass, or a first one.
    pub(super) async fn pass(&self, client: &VendureClient) -> Result<Pass, StorefrontError> {
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
        refused: &Pass,
    ) -> Result<Pass, StorefrontError> {
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

async fn log_in(client: &VendureClient, generation: u64) -> Result<Pass, StorefrontError> {
    let (username, password) = match &client.settings.login {
        Login::ApiKey(key) => return Ok(Pass::ApiKey(key.clone())),
        Login::Password { username, password } => (username, password),
    };
    let message = match enter(client, username, password).await? {
        Entered::With(token) => return Ok(Pass::Session { token, generation }),
        Entered::WithoutToken => {
            "it gave no session token. The shop's authOptions.tokenMethod must include 'bearer'"
                .into()
        }
        Entered::Refused(message) => message,
    };
    client.upstream.refuses_us(&message);
    Err(StorefrontError::Credentials { message })
}

/// What came of a login.
enum Entered {
    With(SecretString),
    WithoutToken,
    /// Why the shop does not let this user in.
    Refused(String),
}

async fn enter(
    client: &VendureClient,
    username: &str,
    password: &SecretString,
) -> Result<Entered, StorefrontError> {
    let operation = operations::Login::build(LoginVariables {
        username: username.to_owned(),
        password: password.expose_secret().to_owned(),
    });
    let data = client
        .post("login", Does::Enter, body_of("login", &operation)?, None)
        .await?;
    let message = match data.parse::<operations::Login>()?.login {
        LoginResult::CurrentUser(_) => {
            return Ok(data
                .session_token()
                .map_or(Entered::WithoutToken, Entered::With));
        }
        LoginResult::InvalidCredentialsError(error) => error.message,
        LoginResult::NativeAuthStrategyError(error) => error.message,
        LoginResult::Other => "it answered with something unknown".into(),
    };
    Ok(Entered::Refused(one_line(&message, 200)))
}

/// What came of somebody's login.
#[derive(Debug)]
pub enum LogIn {
    /// His session's token.
    Known(SecretString),
    /// He is known, and the shop gives its tokens as cookies only.
    WithoutToken,
    Unknown,
}

impl VendureClient {
    /// Logs somebody in, apart from our own session.
    ///
    /// # Errors
    /// When the shop does not answer.
    pub async fn log_in_as(
        &self,
        username: &str,
        password: &SecretString,
    ) -> Result<LogIn, StorefrontError> {
        match enter(self, username, password).await {
            Ok(Entered::With(token)) => Ok(LogIn::Known(token)),
            Ok(Entered::WithoutToken) => Ok(LogIn::WithoutToken),
            Ok(Entered::Refused(_)) | Err(StorefrontError::Forbidden { .. }) => Ok(LogIn::Unknown),
            Err(other) => Err(other),
        }
    }
}
