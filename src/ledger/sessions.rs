//! Sessions of the dashboard.

use chrono::{DateTime, TimeDelta, Utc};

use super::handle::Ledger;
use crate::{crash, ledger::db::error::LedgerError};

const IDLE_TIMEOUT: TimeDelta = TimeDelta::minutes(30);
const MAX_AGE: TimeDelta = TimeDelta::hours(12);

/// Uses within this time of the last recorded one are not recorded.
const TOUCH_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// A token encrypted with the secret in the cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedToken {
    pub nonce: Vec<u8>,
    pub text: Vec<u8>,
}

impl Ledger {
    /// Inserts a session under the digest of its secret, and deletes expired ones.
    pub async fn insert_web_session(
        &self,
        digest: &str,
        token: &SealedToken,
    ) -> Result<(), LedgerError> {
        let now = self.now();
        let statement = sqlx::query!(
            "with over as (delete from veracore_web_session
                 where used_at < $5 or created_at < $6 or used_at > $7)
             insert into veracore_web_session (digest, nonce, sealed_token, created_at, used_at)
             values ($1, $2, $3, $4, $4)",
            digest,
            token.nonce,
            token.text,
            now,
            now - IDLE_TIMEOUT,
            now - MAX_AGE,
            now + IDLE_TIMEOUT,
        );
        self.write("insert_web_session", statement).await.map(drop)
    }

    /// Returns the token of a valid session. With `is_use`, a user action extends the session.
    pub async fn resume_web_session(
        &self,
        digest: &str,
        is_use: bool,
    ) -> Result<Option<SealedToken>, LedgerError> {
        let now = self.now();
        let row = sqlx::query!(
            "select nonce, sealed_token, used_at from veracore_web_session
             where digest = $1 and used_at between $2 and $3 and created_at > $4",
            digest,
            now - IDLE_TIMEOUT,
            // Later times are of a clock that was set back.
            now + IDLE_TIMEOUT,
            now - MAX_AGE,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        if is_use && row.used_at < now - TOUCH_INTERVAL {
            self.touch_web_session(digest, now).await?;
        }
        Ok(Some(SealedToken {
            nonce: row.nonce,
            text: row.sealed_token,
        }))
    }

    async fn touch_web_session(&self, digest: &str, now: DateTime<Utc>) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "touch_web_session");
        sqlx::query!(
            "update veracore_web_session set used_at = $2 where digest = $1",
            digest,
            now,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn delete_web_session(&self, digest: &str) -> Result<(), LedgerError> {
        let statement = sqlx::query!("delete from veracore_web_session where digest = $1", digest);
        self.write("delete_web_session", statement).await.map(drop)
    }
}
