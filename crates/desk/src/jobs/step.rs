//! One row: looked at where that is needed, marked sent, sent, and what became of it.

use super::read;
use crate::{
    DeskError, Snapshot, Whole,
    apply::{merged, wire_server},
    entries,
    live::{self, servers_of, servers_snapshot},
    reach::Opened,
};
use inbound::{
    lists::Whose,
    plan::{Reason, Settled, settle},
};
use mailchannels::{CompleteSettings, Domain, DomainSettings, Error as Upstream, Provision, Provisioned, Session};

/// What a row is to be brought from and to.
pub(super) struct Step<'a> {
    pub(super) object: &'a str,
    pub(super) before: Option<Snapshot>,
    pub(super) after: Snapshot,
    pub(super) opened: &'a Opened,
    /// The key that it moves to.
    pub(super) target: Option<&'a Opened>,
    /// Refuses what is not as it was in the plan, also where nothing would have to be read for the change itself.
    pub(super) strict: bool,
}

/// What was found before sending.
pub(super) enum Ready {
    /// It can be sent; with what was read, where the change needs it.
    Go(Option<Box<Domain>>, Option<String>),
    /// It is like that already.
    Already,
    /// It is not as it was; what it is now.
    Moved(Snapshot),
}

/// How sending ended.
pub(super) enum Sent {
    /// Done; with the state that was reached, when that is another than the one wanted.
    Done(Option<Snapshot>),
    /// Not done, for this reason; and the service's words.
    Failed(Reason, String),
    /// The key was rejected: not done.
    BadKey,
    /// Not even sent.
    Unsent,
    /// Not done, and worth another try.
    Later,
    /// It may have been done.
    Unknown,
}

impl Step<'_> {
    /// Whether the state before must be read: to compare it, or because the change carries all of it.
    fn looks(&self) -> bool {
        match &self.after {
            Snapshot::Holder { .. } => false,
            Snapshot::Provisioned { .. } | Snapshot::Domain(_) => self.before.is_some() && self.strict_or_whole(),
            _ => true,
        }
    }

    fn strict_or_whole(&self) -> bool {
        self.strict || matches!(self.after, Snapshot::Domain(_))
    }

    /// Looks at what is there, where that is needed.
    pub(super) async fn ready(&self) -> Result<Ready, Upstream> {
        if !self.looks() {
            return Ok(Ready::Go(None, None));
        }
        let (now, wire, item) = match &self.after {
            Snapshot::Entry { target, .. } => {
                let item = entries::find(&self.opened.background(), target).await?;
                (Snapshot::Entry { target: target.clone(), present: item.is_some() }, None, item)
            }
            Snapshot::Settings { .. } | Snapshot::Admins { .. } | Snapshot::Domain(_) => {
                match live::read(self.opened.background(), self.object).await? {
                    Some(live) => {
                        let now = read::whole_of(&live).facet(&self.after);
                        (now.unwrap_or(Snapshot::Provisioned { present: true }), Some(Box::new(live.wire)), None)
                    }
                    None => (Snapshot::Provisioned { present: false }, None, None),
                }
            }
            // A strict deprovisioning compares all that it would take away.
            Snapshot::Provisioned { .. } => {
                let now = read::now(self.opened, self.object, &Snapshot::Domain(Whole::default()), None).await?;
                (now, None, None)
            }
            other => (read::now(self.opened, self.object, other, self.target).await?, None, None),
        };
        Ok(match settle(self.before.as_ref(), &self.after, &now) {
            Settled::Done => Ready::Already,
            Settled::NotDone if self.is_before(&now) => Ready::Go(wire, item),
            _ => Ready::Moved(now),
        })
    }

    /// Whether what is there is what the plan was made from; what was not known then can't differ.
    fn is_before(&self, now: &Snapshot) -> bool {
        match (&self.before, now) {
            (Some(Snapshot::Domain(before)), Snapshot::Domain(now)) => before.same_content(now),
            (Some(before), now) => before == now,
            (None, Snapshot::Provisioned { present: false }) => matches!(self.after, Snapshot::Domain(_)),
            (None, _) => true,
        }
    }

    /// Sends it. `wire` and `item` are what [`Self::ready`] found.
    pub(super) async fn send(&self, wire: Option<&Domain>, item: Option<String>) -> Sent {
        match self.call(wire, item).await {
            Ok(sent) => sent,
            Err(error) => self.failed(error),
        }
    }

    async fn call(&self, wire: Option<&Domain>, item: Option<String>) -> Result<Sent, Upstream> {
        let (session, object) = (self.opened.background(), self.object);
        match &self.after {
            Snapshot::Provisioned { present: false } => match session.deprovision(object).await {
                // Gone is what was wanted.
                Ok(()) | Err(Upstream::NotFound { .. }) => Ok(Sent::Done(None)),
                Err(error) => Err(error),
            },
            Snapshot::Servers { servers } => {
                let servers = lines(servers)?;
                // The answer says what is there now [spec].
                let stored = session.set_downstreams(object, &servers).await?;
                Ok(taken(servers_snapshot(&servers_of(&stored).0) == self.after))
            }
            Snapshot::Settings { .. } | Snapshot::Admins { .. } => {
                let wire = wire.ok_or(Upstream::Unavailable { status: None })?;
                session.set_settings(object, &merged(wire, &self.after)).await?;
                let now = read::now(self.opened, object, &self.after, None).await.map_err(lost)?;
                Ok(taken(now == self.after))
            }
            Snapshot::Alias { alias, present: true } => {
                session.add_alias(object, alias).await?;
                Ok(Sent::Done(None))
            }
            Snapshot::Alias { alias, present: false } => {
                session.remove_alias(object, alias).await?;
                Ok(Sent::Done(None))
            }
            Snapshot::Holder { .. } => {
                let Some(target) = self.target else { return Ok(Sent::Failed(Reason::NoKey, String::new())) };
                session.associate(object, &target.secret).await?;
                let seen = target.background().domain(object).await.map_err(lost)?;
                Ok(taken(seen.is_some()))
            }
            Snapshot::Entry { target, present } => {
                entries::send(&session, target, item.as_deref().unwrap_or(&target.item), *present).await?;
                Ok(Sent::Done(None))
            }
            Snapshot::Domain(whole) if self.before.is_some() => {
                let complete = CompleteSettings {
                    settings: settings(whole),
                    admins: whole.admins.clone(),
                    downstream_addresses: lines(&whole.servers)?,
                    aliases: whole.aliases.clone(),
                };
                session.set_settings(object, &complete).await?;
                let now = read::now(self.opened, object, &self.after, None).await.map_err(lost)?;
                Ok(taken(matches!(&now, Snapshot::Domain(now) if now.same_content(whole))))
            }
            Snapshot::Domain(whole) => self.provision(&session, whole).await,
            Snapshot::Provisioned { present: true } => Ok(Sent::Failed(Reason::Unexpected, String::new())),
        }
    }

    async fn provision(&self, session: &Session<'_>, whole: &Whole) -> Result<Sent, Upstream> {
        let domain = Domain {
            domain: self.object.to_owned(),
            subscription_handle: whole.subscription.clone(),
            settings: settings(whole),
            admins: whole.admins.clone(),
            downstream_addresses: lines(&whole.servers)?,
            aliases: whole.aliases.clone(),
        };
        let how = Provision { associate_key: whole.locked, overwrite: false };
        match session.provision(&domain, how).await? {
            Provisioned::Created(_) => Ok(Sent::Done(None)),
            Provisioned::Existed(_) => {
                Ok(Sent::Failed(Reason::Moved, "It is provisioned already; nothing was changed.".into()))
            }
        }
    }

    fn failed(&self, error: Upstream) -> Sent {
        // Only a POST must be looked at before it is sent again: a repeated PUT or DELETE comes to the same.
        let posts = matches!(
            self.after,
            Snapshot::Alias { present: true, .. } | Snapshot::Entry { present: true, .. } | Snapshot::Domain(_)
        );
        match &error {
            Upstream::BadKey => Sent::BadKey,
            Upstream::BreakerOpen => Sent::Unsent,
            Upstream::RateLimited if !posts => Sent::Later,
            Upstream::RateLimited | Upstream::Ambiguous | Upstream::Timeout | Upstream::Unavailable { .. } => {
                Sent::Unknown
            }
            // It was there a moment ago, or not: what reads back decides.
            Upstream::Conflict { .. } if matches!(self.after, Snapshot::Entry { present: true, .. }) => Sent::Unknown,
            Upstream::NotFound { .. } if matches!(&self.after, Snapshot::Entry { target, .. } if matches!(target.whose, Whose::User(_))) => {
                Sent::Failed(Reason::UnknownRecipient, words_of(&error))
            }
            _ => Sent::Failed(reason_of(&error), words_of(&error)),
        }
    }
}

/// A change that was made, but whose reading back failed, is looked at again, never sent again.
fn lost(_: Upstream) -> Upstream {
    Upstream::Ambiguous
}

fn taken(taken: bool) -> Sent {
    if taken { Sent::Done(None) } else { Sent::Failed(Reason::NotTaken, String::new()) }
}

fn lines(servers: &[String]) -> Result<Vec<mailchannels::DownstreamAddress>, Upstream> {
    let invalid = |error: DeskError| Upstream::Invalid { messages: vec![error.words().1] };
    servers.iter().map(|line| wire_server(line).map_err(invalid)).collect()
}

fn settings(whole: &Whole) -> DomainSettings {
    DomainSettings {
        abuse_policy: whole.policy.as_deref().map(Into::into),
        abuse_policy_override: whole.override_recipient,
        spam_header_name: whole.header_name.clone(),
        spam_header_value: whole.header_value.clone(),
    }
}

/// The reason that an answer stands for.
pub(super) fn reason_of(error: &Upstream) -> Reason {
    match error {
        Upstream::LimitReached { .. } => Reason::LimitReached,
        Upstream::NotYourSubscription { .. } => Reason::NotYourSubscription,
        Upstream::Conflict { .. } => Reason::InUse,
        Upstream::Forbidden { .. } | Upstream::NotYours { .. } => Reason::Forbidden,
        Upstream::NotFound { .. } => Reason::NotFound,
        Upstream::Invalid { .. } => Reason::Refused,
        Upstream::Unexpected { .. } => Reason::Unexpected,
        _ => Reason::Unavailable,
    }
}

/// The service's own words, if it had any.
pub(super) fn words_of(error: &Upstream) -> String {
    match error {
        Upstream::LimitReached { message }
        | Upstream::NotYourSubscription { message }
        | Upstream::Conflict { message }
        | Upstream::Forbidden { message }
        | Upstream::NotYours { message }
        | Upstream::NotFound { message } => message.clone(),
        Upstream::Invalid { messages } => messages.join(" "),
        Upstream::Unexpected { status } => format!("Status {status}"),
        _ => String::new(),
    }
}

/// A domain that was made, but without the servers it was to have.
pub(super) fn lacks_servers(wanted: &Snapshot, now: &Snapshot) -> bool {
    match (wanted, now) {
        (Snapshot::Domain(wanted), Snapshot::Domain(now)) => {
            !wanted.servers.is_empty() && wanted.servers != now.servers
        }
        _ => false,
    }
}
