//! The rows of the list of domains, as text: as views, fifty of them are two thousand nodes that are made only to be
//! written once. What a cell shows is still its view's, asked once for each value that occurs.

use crate::{
    api::forms::domain_page,
    components::{Icon, age, policy_badge, put_escaped, state},
    pages::{domain_mx, domains::holder},
};
use desk::KeyRef;
use leptos::prelude::*;
use std::{collections::HashMap, fmt::Write, hash::Hash};
use store::DomainRow;

/// What rows are shown with.
pub struct Look<'a> {
    /// The person's keys.
    pub keys: &'a [KeyRef],
    /// Whether MX records are shown.
    pub checks_mx: bool,
    /// Whether rows can be ticked.
    pub picking: bool,
    /// Now, unix milliseconds.
    pub now: i64,
}

/// What was written for each value so far.
struct Written<K>(HashMap<K, String>);

impl<K: Hash + Eq> Written<K> {
    fn new() -> Self {
        Self(HashMap::new())
    }

    fn of(&mut self, value: K, write: impl FnOnce() -> String) -> &str {
        self.0.entry(value).or_insert_with(write)
    }
}

/// The body of the table.
pub fn body(rows: &[DomainRow], look: &Look<'_>) -> String {
    let (mut held, mut policies, mut mx, mut servers, mut ages) =
        (Written::new(), Written::new(), Written::new(), Written::new(), Written::new());
    let mut out = String::with_capacity(1_024 * (rows.len() + 1));
    out.push_str(r#"<tbody role="rowgroup">"#);
    for row in rows {
        out.push_str(r#"<tr role="row">"#);
        if look.picking {
            out.push_str(r#"<td role="cell" class="pick"><input type="checkbox" name="pick" value=""#);
            put_escaped(&mut out, &row.name);
            out.push_str(r#"" aria-label="Tick "#);
            put_escaped(&mut out, &row.display);
            out.push_str(r#""></td>"#);
        }
        out.push_str(r#"<th role="rowheader" scope="row" class="main wide"><a href=""#);
        put_escaped(&mut out, &domain_page(&row.name, ""));
        out.push_str(r#"" class="mono">"#);
        put_escaped(&mut out, &row.display);
        out.push_str(r#"</a></th><td role="cell" data-l="Key">"#);
        let (association, key) = (row.association.as_str(), row.holder.as_ref());
        out.push_str(held.of((association, key), || holder(association, key, look.keys).to_html()));
        out.push_str(r#"</td><td role="cell" data-l="Policy">"#);
        let policy = row.policy.as_deref();
        out.push_str(policies.of(policy, || policy_badge(policy).to_html()));
        out.push_str("</td>");
        if look.checks_mx {
            let value = (row.mx.verdict.as_str(), row.mx.checked_at, row.mx.muted);
            out.push_str(mx.of(value, || domain_mx::cell(&row.mx, look.now).to_html()));
        }
        out.push_str(r#"<td role="cell" data-l="Subscription" class="lo nw">"#);
        put_escaped(&mut out, &row.subscription);
        out.push_str(r#"</td><td role="cell" data-l="Servers" class="num">"#);
        out.push_str(servers.of(row.servers, || match row.servers {
            0 => state(Icon::TriangleAlert, "warn", "0").to_html(),
            some => some.to_string(),
        }));
        // Memory takes everything.
        let _ = write!(out, r#"</td><td role="cell" data-l="Aliases" class="num lo">{}</td>"#, row.aliases);
        out.push_str(r#"<td role="cell" data-l="Synced" class="num lo muted nw">"#);
        out.push_str(ages.of(row.synced_at, || age(look.now, row.synced_at)));
        out.push_str("</td></tr>");
    }
    out.push_str("</tbody>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{MirrorDetail, MxState};

    fn row(name: &str) -> DomainRow {
        DomainRow {
            id: 1,
            account_id: "a".into(),
            name: name.into(),
            display: name.into(),
            subscription: r#"<i>"&'</i>"#.into(),
            policy: Some("<b>odd</b>".into()),
            policy_override: None,
            header_name: None,
            header_value: None,
            servers: 0,
            aliases: 3,
            detail: MirrorDetail::default(),
            association: "free".into(),
            holder: None,
            seen_by_keys: Vec::new(),
            synced_at: 0,
            mx: MxState { verdict: "here".into(), checked_at: None, muted: false },
        }
    }

    #[test]
    fn nothing_of_a_row_is_ever_markup() {
        let look = Look { keys: &[], checks_mx: true, picking: true, now: 60_000 };
        let html = body(&[row("shop.example"), row(r#"x"><script>.example"#)], &look);
        assert_eq!(html.matches("<tr ").count(), 2);
        for markup in ["<i>", "<b>", "<script>", r#"x">"#] {
            assert!(!html.contains(markup), "{markup} in {html}");
        }
        assert!(html.contains("&lt;i&gt;&quot;&amp;&#x27;&lt;/i&gt;"), "{html}");
        assert!(html.contains(r#"value="shop.example" aria-label="Tick shop.example""#));
        let plain = Look { checks_mx: false, picking: false, ..look };
        let html = body(&[row("shop.example")], &plain);
        assert!(!html.contains("MX") && !html.contains("checkbox"), "{html}");
    }
}
