//! Domain Console login links: minted on click, never stored or logged, audited for whom.

use crate::{Asker, Desk, audit::Intent, error::Result};

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
    /// Mints a login link for a domain.
    pub async fn login_link(&self, asker: &Asker, domain: &str) -> Result<MintedLink> {
        let (opened, _) = self.reach_domain(asker, domain).await?;
        let intent = self
            .intend(
                asker,
                Intent {
                    action: "domain.login-link",
                    object_kind: "domain",
                    object: domain,
                    account: Some(&opened.key.account),
                    fingerprint: Some(&opened.key.fingerprint),
                    before: None,
                    after: None,
                },
            )
            .await?;
        match opened.session().login_link(domain).await {
            Ok(link) => {
                self.conclude(intent, "done").await;
                Ok(MintedLink(link.into_url()))
            }
            Err(error) => {
                self.conclude(intent, &format!("failed: {error}")).await;
                Err(error.into())
            }
        }
    }
}
