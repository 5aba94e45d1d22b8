//! At start: are the configured key-encryption keys the ones that sealed what is here?

use vault::{KekId, KeyRing, MasterKeys, MasterSecret, NoEntropy, OpenError, SealError};

use crate::{Store, StoreError, pool::Tx};

/// The database cannot be used with the configured KEKs.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// Something here is sealed under a KEK that is not configured.
    #[error("the database needs key-encryption key {0}, which is not configured: add it as a previous key")]
    MissingKek(KekId),
    /// The configured KEK of this id is not the one that was used.
    #[error("key-encryption key {0} does not open its check value: it is another key, or the database was changed")]
    WrongKek(KekId),
    /// There is sealed data but not what is needed to open it: part of the database is lost.
    #[error("the database holds sealed data but not its {0}: restore it from a backup")]
    Incomplete(&'static str),
    /// The master secret does not open although its KEK is right.
    #[error("the master secret does not open: the database was changed")]
    Master(#[source] OpenError),
    /// Nothing could be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The source of randomness failed.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for UnlockError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Whether every KEK that something is sealed under is in the ring and is the one that was used; `true` when the current
/// one is among those registered.
pub(crate) fn all_at_hand(
    ring: &KeyRing,
    registered: &[(String, Vec<u8>)],
    master: Option<&Vec<u8>>,
    sealed: &[Vec<u8>],
) -> Result<bool, UnlockError> {
    if registered.is_empty() && (master.is_some() || !sealed.is_empty()) {
        return Err(UnlockError::Incomplete("key-encryption key check values"));
    }
    let mut current_is_known = false;
    for (id, check) in registered {
        let id = KekId::parse(id).ok_or(UnlockError::Incomplete("key-encryption key ids"))?;
        current_is_known |= id == ring.current();
        ring.verify_check_value(id, check).map_err(|error| match error {
            OpenError::UnknownKek(id) => UnlockError::MissingKek(id),
            _ => UnlockError::WrongKek(id),
        })?;
    }
    // A row whose header can't be read is that row's trouble, not the start's.
    let ids = sealed.iter().chain(master).filter_map(|blob| ring.blob_kek(blob).ok());
    ids.into_iter().find(|id| !ring.has(*id)).map_or(Ok(current_is_known), |id| Err(UnlockError::MissingKek(id)))
}

impl Store {
    /// Checks the KEKs against the database and opens the master secret. The first start of an empty
    /// database makes it; where anything sealed exists, nothing is ever made in its stead. A new
    /// current KEK is registered.
    pub async fn unlock(&self, ring: &KeyRing, now: i64) -> Result<MasterKeys, UnlockError> {
        let mut tx = self.begin().await?;
        let registered: Vec<(String, Vec<u8>)> =
            self.rows("SELECT kek_id, check_value FROM keks ORDER BY created_at, kek_id").fetch_all(&mut *tx).await?;
        let master: Option<Vec<u8>> =
            self.scalar("SELECT value FROM meta WHERE key = 'master'").fetch_optional(&mut *tx).await?;
        let sealed: Vec<Vec<u8>> = self.scalar("SELECT sealed FROM api_keys ORDER BY id").fetch_all(&mut *tx).await?;

        let current_is_new = !all_at_hand(ring, &registered, master.as_ref(), &sealed)?;
        let secret = match &master {
            Some(blob) => MasterSecret::open(ring, blob).map_err(UnlockError::Master)?,
            None if registered.is_empty() => self.make_master(&mut tx, ring).await?,
            None => return Err(UnlockError::Incomplete("master secret")),
        };
        if current_is_new {
            self.sql("INSERT INTO keks (kek_id, check_value, created_at) VALUES (?1, ?2, ?3)")
                .bind(ring.current().to_string())
                .bind(ring.check_value(ring.current())?)
                .bind(now)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        let keys = MasterKeys::from_secret(&secret);
        let _ = self.audit_key_cell().set(keys.audit_key());
        self.adopt_audit(&keys.audit_key(), now).await?;
        Ok(keys)
    }

    /// Opens the master secret of a database that is only read.
    pub async fn unlock_to_read(&self, ring: &KeyRing) -> Result<MasterKeys, UnlockError> {
        let master: Option<Vec<u8>> =
            self.scalar("SELECT value FROM meta WHERE key = 'master'").fetch_optional(self.read()).await?;
        let blob = master.ok_or(UnlockError::Incomplete("master secret"))?;
        let secret = MasterSecret::open(ring, &blob).map_err(|error| match error {
            OpenError::UnknownKek(id) => UnlockError::MissingKek(id),
            other => UnlockError::Master(other),
        })?;
        Ok(MasterKeys::from_secret(&secret))
    }

    async fn make_master(&self, tx: &mut Tx, ring: &KeyRing) -> Result<MasterSecret, UnlockError> {
        let secret = MasterSecret::generate(ring.entropy())?;
        self.sql("INSERT INTO meta (key, value) VALUES ('master', ?1)")
            .bind(secret.seal(ring)?)
            .execute(&mut **tx)
            .await?;
        Ok(secret)
    }
}

#[cfg(test)]
mod tests;
