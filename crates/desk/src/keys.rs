//! A person's own API keys: add, check, rename, replace, remove.

use crate::{
    Asker, Desk, DeskError, Person,
    audit::Intent,
    error::Result,
    reach::{key_ref, seal_context},
};
use inbound::keymap::Counts;
use mailchannels::{AccountId, ApiKey, Error as Upstream, Lane};
use std::time::Duration;
use tracing::Instrument;

/// How a key fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Stored, not yet used.
    Unchecked,
    /// The last call worked.
    Working,
    /// MailChannels rejects it: deleted in the Host Console, or never valid.
    Rejected,
    /// The last call failed for another reason, in words.
    Unreachable(String),
}

/// A key as its owner sees it. The secret is never among it.
#[derive(Clone, Debug)]
pub struct KeyView {
    /// Id.
    pub id: String,
    /// The owner's label.
    pub label: String,
    /// Who lets the person use it, where it isn't theirs.
    pub shared_by: Option<String>,
    /// Last four characters.
    pub last_four: String,
    /// Fingerprint, full form.
    pub fingerprint: String,
    /// Name of the account it belongs to.
    pub account: String,
    /// Domains locked to it.
    pub locked: u64,
    /// Free domains it sees.
    pub free: u64,
    /// Domains it saw that are locked to another key since.
    pub elsewhere: u64,
    /// All domains it sees.
    pub total: u64,
    /// How it fares.
    pub health: Health,
    /// When that was found, unix milliseconds.
    pub health_at: Option<i64>,
    /// When its domains were last mirrored.
    pub synced_at: Option<i64>,
    /// When it last carried a request of a person.
    pub last_used_at: Option<i64>,
    /// When it was added or replaced.
    pub since: i64,
}

impl KeyView {
    /// What it sees, by part: with a single key of an account that is all undecided.
    pub fn counts(&self) -> Counts {
        Counts::of_total(self.total, self.locked, self.free, self.elsewhere)
    }
}

/// What became of the first reading of a key's domains, which a person waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstSync {
    /// Its domains are in the mirror.
    Done,
    /// It takes long, and goes on in the background.
    UnderWay,
    /// It failed; the next one comes by itself.
    Failed,
}

/// Longest label, in characters.
const LABEL_MAX: usize = 40;
/// How long a person waits for a sync; a longer one goes on in the background.
const SYNC_WAIT: Duration = Duration::from_secs(8);

struct Checked {
    secret: ApiKey,
    fingerprint: String,
    account: String,
    last_four: String,
}

impl Desk {
    /// The keys that a person may use, their own and those that others share with them.
    pub async fn keys(&self, person: &Person) -> Result<Vec<KeyView>> {
        Ok(self.key_rows(person).await?.into_iter().map(view).collect())
    }

    /// Lets others use a key: everybody of at least a role (`role:agent`), or one person (`person:` and their id).
    /// They never see it, and what they do with it names both in the audit log.
    pub async fn share_key(&self, asker: &Asker, id: &str, with: &str) -> Result<()> {
        let rows = self.own_rows(&asker.person).await?;
        let row = rows.iter().find(|row| row.id == id).ok_or_else(|| DeskError::Gone("such key".into()))?;
        let unknown = || DeskError::field("with", "Choose a role or a person from the list.");
        let (with, name) = match with.split_once(':') {
            Some(("role", role)) => {
                let role = crate::Role::parse(role).ok_or_else(unknown)?.as_str();
                (store::ShareWith::Role(role), format!("everybody of the role {role} and above"))
            }
            Some(("person", person)) if person == asker.person.id => {
                return Err(DeskError::field("with", "It is your own key already."));
            }
            Some(("person", person)) => {
                let found = self.person(person).await?.filter(|person| !person.disabled).ok_or_else(unknown)?;
                (store::ShareWith::Person(person), found.name)
            }
            _ => return Err(unknown()),
        };
        let intent = self.key_intent(asker, "key.share", id, Some(&row.fingerprint), None, Some(&name)).await?;
        let new = self.0.store.share_key(&asker.person.id, id, with, self.now_ms()).await?;
        self.conclude(intent, if new { "done" } else { "done: it was so already" }).await;
        Ok(())
    }

    /// Withdraws a share, at once: also a job that is running uses the key no more. `false` when it is withdrawn already.
    pub async fn withdraw_share(&self, asker: &Asker, id: &str, share: &str) -> Result<bool> {
        let rows = self.own_rows(&asker.person).await?;
        let row = rows.iter().find(|row| row.id == id).ok_or_else(|| DeskError::Gone("such key".into()))?;
        let intent = self.key_intent(asker, "key.unshare", id, Some(&row.fingerprint), Some(share), None).await?;
        let gone = self.0.store.withdraw_share(&asker.person.id, id, share).await?;
        self.conclude(intent, if gone.is_some() { "done" } else { "done: it was withdrawn already" }).await;
        Ok(gone.is_some())
    }

    /// With whom one of the person's keys is shared.
    pub async fn shares(&self, person: &Person, id: &str) -> Result<Vec<store::ShareRow>> {
        Ok(self.0.store.shares_of(&person.id, id).await?)
    }

    /// The person's own keys: those that they may change.
    pub(crate) async fn own_rows(&self, person: &Person) -> Result<Vec<store::KeyRow>> {
        Ok(self.key_rows(person).await?.into_iter().filter(|row| row.shared_by.is_none()).collect())
    }

    /// Stores a key, after asking MailChannels whether it works; then mirrors what it sees.
    pub async fn add_key(&self, asker: &Asker, label: &str, secret: &str) -> Result<FirstSync> {
        let label = check_label(label);
        let secret_given = check_secret(secret);
        let (label, secret) = match (label, secret_given) {
            (Ok(label), Ok(secret)) => (label, secret),
            (label, secret) => {
                return Err(DeskError::Invalid(label.err().into_iter().chain(secret.err()).collect()));
            }
        };
        let rows = self.own_rows(&asker.person).await?;
        if rows.iter().any(|row| row.label == label) {
            return Err(DeskError::field(
                "label",
                format!("You already have a key labelled {label}. Choose another label."),
            ));
        }
        let checked = self.check(secret).await?;
        if let Some(row) = rows.iter().find(|row| row.fingerprint == checked.fingerprint) {
            return Err(DeskError::field("secret", format!("You already have this key, as {}.", row.label)));
        }
        let id = self.new_id();
        let intent = self.key_intent(asker, "key.add", &id, Some(&checked.fingerprint), None, Some(&label)).await?;
        let sealed = self.seal(&id, &asker.person.id, &checked.secret)?;
        self.0
            .store
            .add_key(&store::NewKey {
                id: &id,
                owner_id: &asker.person.id,
                label: &label,
                fingerprint: &checked.fingerprint,
                last_four: &checked.last_four,
                sealed: &sealed,
                account_id: Some(&checked.account),
                now: self.now_ms(),
            })
            .await?;
        self.conclude(intent, "done").await;
        Ok(self.sync_soon(&checked.fingerprint).await)
    }

    /// Gives a key another label.
    pub async fn rename_key(&self, asker: &Asker, id: &str, label: &str) -> Result<()> {
        let label = check_label(label).map_err(|error| DeskError::Invalid(vec![error]))?;
        let rows = self.own_rows(&asker.person).await?;
        let row = rows.iter().find(|row| row.id == id).ok_or_else(|| DeskError::Gone("such key".into()))?;
        if rows.iter().any(|other| other.id != id && other.label == label) {
            return Err(DeskError::field(
                "label",
                format!("You already have a key labelled {label}. Choose another label."),
            ));
        }
        let intent =
            self.key_intent(asker, "key.rename", id, Some(&row.fingerprint), Some(&row.label), Some(&label)).await?;
        self.0.store.rename_key(&asker.person.id, id, &label).await?;
        self.conclude(intent, "done").await;
        Ok(())
    }

    /// Replaces a key's secret, after the same check. The label stays.
    pub async fn replace_key(&self, asker: &Asker, id: &str, secret: &str) -> Result<()> {
        let secret = check_secret(secret).map_err(|error| DeskError::Invalid(vec![error]))?;
        let rows = self.own_rows(&asker.person).await?;
        let row = rows.iter().find(|row| row.id == id).ok_or_else(|| DeskError::Gone("such key".into()))?;
        let checked = self.check(secret).await?;
        if let Some(same) = rows.iter().find(|other| other.fingerprint == checked.fingerprint) {
            return Err(DeskError::field("secret", format!("This is the key you already have as {}.", same.label)));
        }
        let intent = self
            .key_intent(
                asker,
                "key.replace",
                id,
                Some(&checked.fingerprint),
                Some(&row.fingerprint),
                Some(&checked.fingerprint),
            )
            .await?;
        let sealed = self.seal(id, &asker.person.id, &checked.secret)?;
        self.0
            .store
            .replace_key(&store::ReplaceKey {
                owner_id: &asker.person.id,
                id,
                sealed: &sealed,
                fingerprint: &checked.fingerprint,
                last_four: &checked.last_four,
                account_id: Some(&checked.account),
                now: self.now_ms(),
            })
            .await?;
        self.conclude(intent, "done").await;
        self.sync_soon(&checked.fingerprint).await;
        Ok(())
    }

    /// Removes a key from Sluice. At MailChannels nothing changes.
    pub async fn remove_key(&self, asker: &Asker, id: &str, typed: &str) -> Result<()> {
        let rows = self.own_rows(&asker.person).await?;
        let row = rows.iter().find(|row| row.id == id).ok_or_else(|| DeskError::Gone("such key".into()))?;
        if typed.trim() != row.label {
            return Err(DeskError::field("typed", format!("Type {} to remove it.", row.label)));
        }
        let intent = self.key_intent(asker, "key.remove", id, Some(&row.fingerprint), Some(&row.label), None).await?;
        self.0.store.remove_key(&asker.person.id, id).await?;
        self.conclude(intent, "done").await;
        Ok(())
    }

    fn seal(&self, id: &str, owner: &str, secret: &ApiKey) -> Result<Vec<u8>> {
        self.0
            .ring
            .seal(&seal_context(id, owner), secret.expose_for_sealing().as_bytes())
            .map_err(|error| DeskError::storage(&error))
    }

    pub(crate) async fn key_intent(
        &self,
        asker: &Asker,
        action: &str,
        id: &str,
        fingerprint: Option<&str>,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<i64> {
        self.intend(
            asker,
            Intent {
                action,
                object_kind: "key",
                object: id,
                account: None,
                fingerprint,
                before: before.map(str::to_owned),
                after: after.map(str::to_owned),
            },
        )
        .await
    }

    /// Asks MailChannels about a key that isn't stored yet.
    async fn check(&self, secret: ApiKey) -> Result<Checked> {
        let plain = secret.expose_for_sealing();
        let fingerprint = self.0.master.fingerprint(plain).full();
        let last_four = plain.chars().skip(plain.chars().count().saturating_sub(4)).collect();
        let account = self.0.client.account(&AccountId(format!("key:{fingerprint}")));
        let session = account.with_key(&secret, Lane::Interactive);
        let (subscriptions, domains) = futures::join!(session.subscriptions(), session.domains_page(1, 0));
        let answer = match domains {
            Ok(_) => subscriptions,
            Err(error) => Err(error),
        };
        let handles: Vec<_> = answer
            .map_err(|error| match error {
                Upstream::BadKey => DeskError::field(
                    "secret",
                    "MailChannels rejected this key. Copy it again from the Host Console; nothing was stored.",
                ),
                Upstream::Forbidden { .. } | Upstream::NotYours { .. } => DeskError::field(
                    "secret",
                    "MailChannels knows this key, but it lacks the inbound scope. Create one with that scope; nothing was stored.",
                ),
                other => DeskError::before(other),
            })?
            .into_iter()
            .map(|subscription| subscription.handle)
            .collect();
        let account = self.0.store.account_for_handles(&handles, &fingerprint, self.now_ms()).await?;
        Ok(Checked { secret, fingerprint, account, last_four })
    }

    /// Mirrors a key's domains, so that they are there when the page comes back.
    pub(crate) async fn sync_soon(&self, fingerprint: &str) -> FirstSync {
        let (desk, fingerprint) = (self.clone(), fingerprint.to_owned());
        let sync = tokio::spawn(async move { desk.sync_key(&fingerprint).await }.in_current_span());
        match tokio::time::timeout(SYNC_WAIT, sync).await {
            Ok(Ok(Ok(()))) => FirstSync::Done,
            // Why is on the key already, where its owner sees it.
            Ok(_) => FirstSync::Failed,
            Err(_) => {
                tracing::info!("a sync goes on in the background");
                FirstSync::UnderWay
            }
        }
    }
}

pub(crate) fn view(row: store::KeyRow) -> KeyView {
    let key = key_ref(&row);
    KeyView {
        health: match row.health.as_deref() {
            Some("working" | "slow") => Health::Working,
            Some("rejected") => Health::Rejected,
            Some("unreachable") => Health::Unreachable(row.detail.clone().unwrap_or_default()),
            _ => Health::Unchecked,
        },
        id: key.id,
        label: key.label,
        shared_by: row.shared_by,
        last_four: row.last_four,
        fingerprint: key.fingerprint,
        account: row.account_name.unwrap_or_default(),
        locked: row.locked,
        free: row.free,
        elsewhere: row.elsewhere,
        total: row.total,
        health_at: row.health_at,
        synced_at: row.synced_at,
        last_used_at: row.last_used_at,
        since: row.replaced_at.unwrap_or(row.created_at),
    }
}

fn check_label(label: &str) -> std::result::Result<String, crate::FieldError> {
    let label = label.trim();
    let message = if label.is_empty() {
        "Give the key a label, such as the server it belongs to."
    } else if label.chars().count() > LABEL_MAX {
        "The label is longer than 40 characters. Shorten it."
    } else if label.chars().any(char::is_control) {
        "The label has a control character. Remove it."
    } else {
        return Ok(label.to_owned());
    };
    Err(crate::FieldError::new("label", message))
}

fn check_secret(secret: &str) -> std::result::Result<ApiKey, crate::FieldError> {
    ApiKey::new(secret.to_owned()).map_err(|error| crate::FieldError::new("secret", error.to_string()))
}
