//! What the URL of the audit log asks for.

use crate::{
    components::Cx,
    server::actor::{Need, query_value},
};
use desk::day_start;
use leptos::prelude::*;
use store::{AuditCursor, AuditFilter};

/// What the URL asks for; everything as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// `person`: their id.
    pub person: String,
    /// `action`
    pub action: String,
    /// `kind` of object.
    pub kind: String,
    /// `object`: its name or id.
    pub object: String,
    /// `account`: its id.
    pub account: String,
    /// `key`: its fingerprint.
    pub key: String,
    /// `outcome`: a word.
    pub outcome: String,
    /// `job`: its number.
    pub job: String,
    /// `request`: its id.
    pub request: String,
    /// `from`: a day of UTC.
    pub from: String,
    /// `to`: the last day of UTC.
    pub to: String,
    /// `after`: where the page begins.
    pub after: String,
}

impl View {
    /// Reads a query string.
    pub fn of_query(query: &str) -> Self {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self::read(|name| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()))
    }

    /// Reads values by name.
    pub fn read<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        let get = |name: &str| get(name).unwrap_or_default().trim().to_owned();
        Self {
            person: get("person"),
            action: get("action"),
            kind: get("kind"),
            object: get("object"),
            account: get("account"),
            // The short form that pages show is grouped; whoever copies it means its digits.
            key: get("key").replace(' ', ""),
            outcome: get("outcome"),
            job: get("job"),
            request: get("request"),
            from: get("from"),
            to: get("to"),
            after: get("after"),
        }
    }

    fn pairs(&self) -> [(&'static str, &String); 11] {
        [
            ("person", &self.person),
            ("action", &self.action),
            ("kind", &self.kind),
            ("object", &self.object),
            ("account", &self.account),
            ("key", &self.key),
            ("outcome", &self.outcome),
            ("job", &self.job),
            ("request", &self.request),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    /// The filters as a query string, without the place.
    pub fn query(&self) -> String {
        let pairs = self.pairs().into_iter().filter(|(_, value)| !value.is_empty());
        pairs.map(|(name, value)| format!("{name}={}", query_value(value))).collect::<Vec<_>>().join("&")
    }

    /// The address of this view at a path, at a place.
    pub fn url(&self, path: &str, after: Option<AuditCursor>) -> String {
        let mut query = self.query();
        if let Some(after) = after {
            let and = if query.is_empty() { "" } else { "&" };
            query = format!("{query}{and}after={after}");
        }
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// Whether any filter is on.
    pub fn is_filtered(&self) -> bool {
        self.pairs().iter().any(|(_, value)| !value.is_empty())
    }

    /// As the store takes it.
    ///
    /// # Errors
    /// In words, when a value is none.
    pub fn filter(&self) -> Result<AuditFilter, String> {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let day = |text: &String, later| match text.as_str() {
            "" => Ok(None),
            text => day_start(text, later)
                .map(Some)
                .ok_or_else(|| "A day is written as year, month, day: 2026-01-31.".to_owned()),
        };
        let job = match self.job.as_str() {
            "" => None,
            job => Some(job.parse().map_err(|_| "A job is a number.".to_owned())?),
        };
        Ok(AuditFilter {
            person: some(&self.person),
            action: some(&self.action),
            kind: some(&self.kind),
            object: some(&self.object),
            account: some(&self.account),
            fingerprint: some(&self.key),
            outcome: some(&self.outcome),
            job,
            request: some(&self.request),
            from: day(&self.from, 0)?,
            to: day(&self.to, 1)?,
        })
    }

    /// Where the page begins; a place that is none is the beginning.
    pub fn place(&self) -> Option<AuditCursor> {
        self.after.parse().ok()
    }
}

/// A link to the rows about one thing, for those who may read them.
pub fn link(cx: &Cx, kind: &str, object: &str) -> Option<AnyView> {
    to(cx, &View { kind: kind.to_owned(), object: object.to_owned(), ..View::default() })
}

/// The same for a job and its rows.
pub fn of_job(cx: &Cx, job: i64) -> Option<AnyView> {
    to(cx, &View { job: job.to_string(), ..View::default() })
}

fn to(cx: &Cx, view: &View) -> Option<AnyView> {
    let url = view.url("/audit", None);
    cx.actor.may(Need::ReadAudit).then(|| view! { <a class="linkish" href=url>"In the audit log"</a> }.into_any())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_its_address() {
        let view = View {
            person: "p & q".into(),
            object: "<a>=b+c%d".into(),
            job: "7".into(),
            from: "2026-01-31".into(),
            to: "2026-01-31".into(),
            ..View::default()
        };
        let url = view.url("/audit", None);
        assert_eq!(View::of_query(url.split_once('?').unwrap().1), view);
        let filter = view.filter().unwrap();
        assert_eq!(filter.to.unwrap() - filter.from.unwrap(), 86_400_000);
        assert_eq!(filter.job, Some(7));
        let place = AuditCursor { at: 5, id: 6 };
        let next = view.url("/audit", Some(place));
        assert_eq!(View::of_query(next.split_once('?').unwrap().1).place(), Some(place));
        assert_eq!(View::default().url("/audit", None), "/audit");
    }

    #[test]
    fn what_is_no_day_and_no_number_is_told() {
        for (from, job) in [("31.1.2026", ""), ("2026-02-30", ""), ("", "seven")] {
            let view = View { from: from.into(), job: job.into(), ..View::default() };
            assert!(view.filter().is_err(), "{from} {job}");
        }
        assert_eq!(View { after: "x".into(), ..View::default() }.place(), None);
    }
}
