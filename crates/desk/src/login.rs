//! Domain Console login links: minted on click, never stored or logged, audited for whom.

use crate::{
    Asker, Desk, DeskError, FieldError,
    audit::Intent,
    error::{Result, is_lost, may_be_done},
    reach::Opened,
};
use inbound::name::DomainName;
use mailchannels::{CommentedLoginLink, Error as Upstream, LoginLinks};

/// A login link. Whoever holds it is that domain's admin, so it prints as nothing.
pub struct MintedLink(String);

impl MintedLink {
    /// The address, for the one page that shows it.
    pub fn into_url(self) -> String {
        self.0
    }
}

impl std::fmt::Debug for MintedLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MintedLink(…)")
    }
}

impl Desk {
    /// Mints a login link for a domain. The inner error is that none came: what happened and the next step.
    pub async fn login_link(
        &self,
        asker: &Asker,
        domain: &str,
    ) -> Result<std::result::Result<MintedLink, (String, String)>> {
        let (opened, _) = self.reach_domain(asker, domain).await?;
        let intent = self.intend_link(asker, &opened, domain).await?;
        match opened.session().login_link(domain).await {
            Ok(link) => {
                self.conclude(intent, "done").await;
                Ok(Ok(MintedLink(link.into_url())))
            }
            Err(error) => {
                // A GET is repeated, so a connection that was refused last may have been lost before.
                let lost = is_lost(&error);
                self.conclude(intent, &ending(lost, &error)).await;
                Ok(Err(no_link(lost, &error)))
            }
        }
    }
}

/// How a link that did not come ends in the audit log.
fn ending(lost: bool, error: &Upstream) -> String {
    format!("{}: {error}", if lost { "unknown" } else { "failed" })
}

/// Why no link came, and what to do.
fn no_link(lost: bool, error: &Upstream) -> (String, String) {
    if lost {
        let next = if *error == Upstream::RateLimited { "Ask again in a minute." } else { "Ask again." };
        return (
            "No link came. One may have been made that nobody received; it expires by itself.".into(),
            next.into(),
        );
    }
    DeskError::before(error.clone()).words()
}

/// Most domains of one form; their page has to stay readable.
pub const LINKS_MAX: usize = 100;

/// What became of one domain of several.
pub struct LinkOutcome {
    /// The domain, as it was typed.
    pub domain: String,
    /// The link, or what happened and the next step.
    pub link: std::result::Result<MintedLink, (String, String)>,
}

/// Domains of a form, one a line or with commas between; each error with its line.
fn names(text: &str) -> Result<Vec<DomainName>> {
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for word in line.split([',', ';', ' ', '\t']).filter(|word| !word.is_empty()) {
            match DomainName::parse(word) {
                Ok(name) if found.contains(&name) => {}
                Ok(name) => found.push(name),
                Err(error) => {
                    errors.push(FieldError::new("domains", format!("Line {}, “{word}”: {error}", index + 1)));
                }
            }
        }
    }
    if errors.is_empty() && found.is_empty() {
        errors.push(FieldError::new("domains", "Enter at least one domain."));
    }
    if found.len() > LINKS_MAX {
        errors.push(FieldError::new("domains", format!("{} domains; at most {LINKS_MAX} at a time.", found.len())));
    }
    if errors.is_empty() { Ok(found) } else { Err(DeskError::Invalid(errors)) }
}

impl Desk {
    /// Mints login links for several domains, a call for each key that holds some of them.
    pub async fn login_links(&self, asker: &Asker, text: &str) -> Result<Vec<LinkOutcome>> {
        let mut outcomes = Vec::new();
        let mut by_key: Vec<(Opened, Vec<(String, i64)>)> = Vec::new();
        for name in names(text)? {
            let (opened, _) = match self.reach_domain(asker, name.as_str()).await {
                Ok(found) => found,
                Err(error) => {
                    outcomes.push(LinkOutcome { domain: name.to_unicode(), link: Err(error.words()) });
                    continue;
                }
            };
            let intent = self.intend_link(asker, &opened, name.as_str()).await?;
            let known = by_key.iter().position(|(key, _)| key.key.fingerprint == opened.key.fingerprint);
            let entry = (name.as_str().to_owned(), intent);
            match known {
                Some(at) => by_key[at].1.push(entry),
                None => by_key.push((opened, vec![entry])),
            }
        }
        for (opened, domains) in by_key {
            let names: Vec<_> = domains.iter().map(|(name, _)| name.as_str()).collect();
            let answer = opened.session().login_links(&names).await;
            for (domain, intent) in &domains {
                let link = Self::link_of(domain, &answer);
                self.conclude(*intent, &Self::link_ending(link.is_ok(), &answer)).await;
                outcomes.push(LinkOutcome { domain: domain.clone(), link });
            }
        }
        Ok(outcomes)
    }

    async fn intend_link(&self, asker: &Asker, opened: &Opened, domain: &str) -> Result<i64> {
        let intent = Intent {
            action: "domain.login-link",
            object_kind: "domain",
            object: domain,
            account: Some(&opened.key.account),
            fingerprint: Some(&opened.key.fingerprint),
            before: None,
            after: None,
        };
        self.intend(asker, intent).await
    }

    /// One domain's part of a batch's answer.
    pub(crate) fn link_of(
        domain: &str,
        answer: &std::result::Result<LoginLinks, Upstream>,
    ) -> std::result::Result<MintedLink, (String, String)> {
        let answer = answer.as_ref().map_err(|error| no_link(may_be_done(error), error))?;
        let is = |item: &&CommentedLoginLink| DomainName::parse(&item.domain).is_ok_and(|name| name.as_str() == domain);
        if let Some(link) = answer.successes.iter().find(is).and_then(|item| item.login_link.clone()) {
            return Ok(MintedLink(link));
        }
        let said = answer.errors.iter().find(is).and_then(|item| item.comment.clone());
        let said = said.map(|said| format!(" It said: “{said}”.")).unwrap_or_default();
        Err((format!("MailChannels gave no link.{said}"), "Open the domain and try it there.".into()))
    }

    /// How one domain's part of a batch ends in the audit log.
    pub(crate) fn link_ending(came: bool, answer: &std::result::Result<LoginLinks, Upstream>) -> String {
        match answer {
            _ if came => "done".into(),
            Err(error) => ending(may_be_done(error), error),
            Ok(_) => "failed: no link came".into(),
        }
    }
}
