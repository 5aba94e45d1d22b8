//! Would this mail be stopped by a list? Six lists, read live, and which entry decides.

use crate::{
    api::forms::domain_page,
    components::{Cx, Field, Icon, alert, badge, icon, note, page, page::Page, policy_badge},
    islands::CopyButton,
    pages::{
        entries::{failures, read_state},
        explain_change::{changes, explain_here},
        lists::unknown_recipient,
    },
    server::actor::Need,
};
use desk::{Age, DeskError, Tiers, Whose};
use inbound::{
    lists::{List, Mail, Outcome, Place, Rules, Step, Tier, Walk, lower, walk},
    name::EmailAddress,
    sender::Warning,
    words,
};
use leptos::prelude::*;
use std::{net::IpAddr, sync::Arc, time::Duration};

/// Hits shown of one list; the rest is counted, so that the page stays small.
const HITS_SHOWN: usize = 10;
const DNS_MORE: Duration = Duration::from_millis(50); // DNS may take this much longer than the lists.

/// What is asked, as typed; all of it in the URL.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Sender address.
    pub from: String,
    /// Sending IP.
    pub ip: String,
    /// Recipient.
    pub to: String,
    /// Whether domain entries are taken to reach sub-domains.
    pub subdomains: bool,
    /// The list to try: `safelist` or `blocklist`; empty lets the verdict choose.
    pub want: String,
}

/// A question that can be answered.
pub struct Asked {
    /// The mail.
    pub mail: Mail,
    /// Its recipient.
    pub to: EmailAddress,
    /// How lists match.
    pub rules: Rules,
}

impl Question {
    fn of(cx: &Cx) -> Self {
        let get = |name: &str| cx.query(name).unwrap_or_default().trim().to_owned();
        Self { from: get("from"), ip: get("ip"), to: get("to"), subdomains: get("sub") == "yes", want: get("want") }
    }

    /// Whether anything was asked.
    fn is_empty(&self) -> bool {
        self.from.is_empty() && self.ip.is_empty() && self.to.is_empty()
    }

    /// Checks it: the errors of each field, in the order sender, IP, recipient.
    fn check(&self) -> Result<Asked, [Option<String>; 3]> {
        let from = EmailAddress::parse(&self.from).map(|address| lower(&address));
        let to = EmailAddress::parse(&self.to).map(|address| lower(&address));
        let ip = if self.ip.is_empty() {
            Ok(None)
        } else {
            let text = self.ip.trim_start_matches('[').trim_end_matches(']');
            text.parse::<IpAddr>().map(|ip| Some(ip.to_canonical()))
        };
        match (from, ip, to) {
            (Ok(sender), Ok(ip), Ok(to)) => {
                Ok(Asked { mail: Mail { sender, ip }, to, rules: Rules { subdomains: self.subdomains } })
            }
            (from, ip, to) => Err([
                from.err().map(|error| error.to_string()),
                ip.err().map(|_| "That is not an IP address. Write it like 192.0.2.7 or 2001:db8::7.".to_owned()),
                to.err().map(|error| error.to_string()),
            ]),
        }
    }
}

/// The page.
#[component]
pub fn Explain() -> impl IntoView {
    page("/explain", Need::Read, async |cx: Arc<Cx>| {
        let question = Question::of(&cx);
        if cx.keys().await?.refs().is_empty() {
            return Ok(Page::new("Explain", view! { {note(cx.flash.as_ref())}{crate::pages::provision::no_key()} }));
        }
        let paste = crate::pages::explain_paste::view(&cx).await;
        let mut errors = [None, None, None];
        let mut answer = None;
        if !question.is_empty() {
            match question.check() {
                Err(found) => errors = found,
                Ok(asked) => match read(&cx, &asked).await {
                    Ok((tiers, careful)) => {
                        answer = Some(result(&cx, &question, &asked, &tiers, careful).into_any());
                    }
                    Err(DeskError::NotFound(_)) => {
                        errors[2] = Some(format!(
                            "None of your keys reaches {}. It isn't provisioned (mail to it bounces with 554 5.7.1 Relay access denied), or it is locked to a key you don't hold.",
                            asked.to.domain()
                        ));
                    }
                    Err(error) => return Err(error),
                },
            }
        }
        Ok::<_, DeskError>(Page::new("Explain", body(&cx, &question, errors, paste, answer)))
    })
}

/// The six lists, and beside them what DNS says of the sending IP: asked meanwhile, hardly waited for.
async fn read(cx: &Cx, asked: &Asked) -> Result<(Tiers, Option<Warning>), DeskError> {
    let whose = Whose::User(asked.to.clone());
    let dns = match asked.mail.ip {
        Some(ip) => {
            let scope = cx.desk.scope(&cx.actor.person, &whose).await?;
            let desk = cx.desk.clone();
            Some(tokio::spawn(async move { desk.careful_with_ip(&scope, ip).await }))
        }
        None => None,
    };
    let tiers = cx.desk.tiers(&cx.actor.person, &whose, Age::Now).await?;
    let careful = match dns {
        // Late or not at all: that it was not checked is said, for silence would read as harmless.
        Some(dns) => {
            tokio::time::timeout(DNS_MORE, dns).await.ok().and_then(Result::ok).unwrap_or(Some(Warning::IpNotChecked))
        }
        None => None,
    };
    Ok((tiers, careful))
}

fn body(
    cx: &Cx,
    question: &Question,
    [from, ip, to]: [Option<String>; 3],
    paste: AnyView,
    answer: Option<AnyView>,
) -> impl IntoView + use<> {
    // From a domain's page: its part of the address is known.
    let recipient = match (question.to.as_str(), cx.query("at")) {
        ("", Some(domain)) => format!("@{domain}"),
        (to, _) => to.to_owned(),
    };
    view! {
        <div class="row page-head">
            <div><h1>"Would this mail be stopped?"</h1><p>"Walks all six lists for one mail and shows which entry decides."</p></div>
        </div>
        {note(cx.flash.as_ref())}
        {paste}
        <form class="ask" action="/explain" aria-label="Mail">
            <Field name="from" label="Sender" mono=true value=question.from.clone() error=from/>
            <Field name="ip" label="Sending IP (optional)" mono=true value=question.ip.clone() error=ip/>
            <Field name="to" label="Recipient" mono=true value=recipient error=to/>
            <button class="btn btn-primary">"Check"</button>
            <label class="check full">
                <input type="checkbox" name="sub" value="yes" checked=question.subdomains/>
                <span>"Take domain entries to match sub-domains too"<small>"MailChannels does not say whether they do"</small></span>
            </label>
        </form>
        {answer}
    }
}

fn place_words(tiers: &Tiers, place: Place) -> String {
    match place.tier {
        Tier::Account => format!("account {} of {}", place.list.as_str(), tiers.scope.account_name),
        tier => format!("{} {} of {}", tier.as_str(), place.list.as_str(), tiers.scope.name_at(tier)),
    }
}

fn result(
    cx: &Cx,
    question: &Question,
    asked: &Asked,
    tiers: &Tiers,
    careful: Option<Warning>,
) -> impl IntoView + use<> {
    let lists = tiers.entries();
    let walked = walk(&lists, &asked.mail, asked.rules);
    let failed = tiers.failed();
    // A list that could not be read may hold the entry that decides, unless an earlier one decided already.
    let unread = failed.iter().any(|(place, _)| walked.decides().is_none_or(|step| *place < step.place));
    let unsure = if unread {
        Some("an earlier list could not be read")
    } else {
        walked.unsure().map(|_| "an entry of an earlier list is not understood and may match")
    };
    let other = Rules { subdomains: !asked.rules.subdomains };
    let otherwise = walk(&lists, &asked.mail, other).outcome();
    let differs = (otherwise != walked.outcome()).then(|| {
        let (now, then) = if asked.rules.subdomains { ("do not reach", "reach") } else { ("reach", "do not reach") };
        let text = format!(
            "If domain entries {now} sub-domains, the result is “{}”. Shown is the result if they {then} them.",
            outcome_word(otherwise)
        );
        alert("info", "It depends on sub-domains, and MailChannels does not say", text, None)
    });
    let alias = tiers.scope.alias.as_ref().map(|alias| {
        let name = tiers.scope.name_at(Tier::Domain);
        view! { <p class="hint">{format!("{} is an alias of {name}: the lists are those of {}.", alias.to_unicode(), tiers.scope.name_at(Tier::User))}</p> }
    });
    let steps =
        walked.steps.iter().enumerate().map(|(index, step)| step_row(tiers, &walked, index, step)).collect_view();
    view! {
        <div class="split">
            <div class="stack">
                {verdict(tiers, &walked, unsure)}
                {differs}
                {failures(tiers)}
                {tiers.unknown_recipient.then(|| unknown_recipient(&tiers.scope.whose.to_string()))}
                {alias}
                <section class="card" aria-labelledby="h-walk">
                    <header><h2 id="h-walk">"Lists in order"</h2><span class="hint">"The first match decides"</span></header>
                    <div class="tw"><ol class="walk">{steps}</ol></div>
                </section>
                {changes(cx, question, asked, tiers, (&walked, careful))}
            </div>
            <aside class="stack" aria-label="Context">{context(asked, tiers, &walked, unsure.is_some())}</aside>
        </div>
    }
}

/// An outcome in one word.
pub fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed => "Allowed",
        Outcome::Blocked => "Blocked",
        Outcome::Undecided => "No list decides",
    }
}

/// `unsure`: why the entry that decides may not be the one that was found.
fn verdict(tiers: &Tiers, walked: &Walk, unsure: Option<&'static str>) -> AnyView {
    let outcome = walked.outcome();
    let (tone, which) = match outcome {
        _ if unsure.is_some() => ("warn", Icon::CircleHelp),
        Outcome::Allowed => ("ok", Icon::Check),
        Outcome::Blocked => ("bad", Icon::Ban),
        Outcome::Undecided => ("info", Icon::Minus),
    };
    let title = if unsure.is_some() { "Not sure" } else { outcome_word(outcome) };
    let text = match walked.decides() {
        Some(step) => {
            let hit = step.hits.first().map_or_else(String::new, |hit| tiers.at(step.place)[hit.index].shown());
            let rest =
                unsure.map_or_else(|| ", and no list before it matches.".to_owned(), |why| format!(", but {why}."));
            view! { "The "{place_words(tiers, step.place)}" has "<b class="mono">{hit}</b>{rest} }.into_any()
        }
        None if !tiers.failed().is_empty() => {
            "Not every list could be read, and none that was read matches.".into_any()
        }
        None if unsure.is_some() => {
            "No entry that Sluice understands matches, but there are others, which may.".into_any()
        }
        None => {
            "None of the six lists matches, so the filter judges by content and the sender’s authentication.".into_any()
        }
    };
    view! {
        <section class="alert verdict" data-tone=tone role="status" aria-labelledby="v">
            {icon(which)}
            <div><h2 id="v">{title}</h2><p>{text}</p></div>
        </section>
    }
    .into_any()
}

fn step_row(tiers: &Tiers, walked: &Walk, index: usize, step: &Step) -> AnyView {
    let decided = walked.decides().map(|step| step.place);
    let here = decided == Some(step.place);
    let after = decided.is_some_and(|decided| decided < step.place);
    let name = tiers.scope.name_at(step.place.tier);
    let head = match (step.place.tier, step.place.list) {
        (Tier::User, List::Safelist) => "User safelist",
        (Tier::User, List::Blocklist) => "User blocklist",
        (Tier::Domain, List::Safelist) => "Domain safelist",
        (Tier::Domain, List::Blocklist) => "Domain blocklist",
        (Tier::Account, List::Safelist) => "Account safelist",
        (Tier::Account, List::Blocklist) => "Account blocklist",
    };
    let read = matches!(tiers.lists[index], Some(Ok(_)));
    let counted = match step.entries {
        _ if !read => "Could not be read".to_owned(),
        0 => "Empty".to_owned(),
        count if step.hits.is_empty() => {
            let which = if step.odd.is_empty() { "none matches" } else { "none that is understood matches" };
            format!("{}, {which}", words::count(count as u64, "entry", "entries"))
        }
        count => format!(
            "{} of {}",
            words::thousands(step.hits.len() as u64),
            words::count(count as u64, "entry", "entries")
        ),
    };
    let hits = step
        .hits
        .iter()
        .take(HITS_SHOWN)
        .enumerate()
        .map(|(at, hit)| {
            let text = tiers.at(step.place)[hit.index].shown();
            let why = match (at, after) {
                (_, true) => format!("{}, but step {} already decided", hit.why, decided.map_or(0, Place::order) + 1),
                (0, false) => hit.why.to_owned(),
                (_, false) => format!("{}, as the entry above does", hit.why),
            };
            if after {
                view! { <s class="mono">{text}</s><small>{why}</small> }.into_any()
            } else {
                view! { <span class="mono">{text}</span><small>{why}</small> }.into_any()
            }
        })
        .collect_view();
    let more = step.hits.len().saturating_sub(HITS_SHOWN);
    let odd: Vec<_> = step.odd.iter().take(HITS_SHOWN).map(|index| tiers.at(step.place)[*index].shown()).collect();
    let odd = (!odd.is_empty()).then(|| {
        let counted = words::count(step.odd.len() as u64, "entry is", "entries are");
        view! { <small>{counted}" not understood, so may match: "<span class="mono">{odd.join(", ")}</span></small> }
    });
    let (tone, chip) = match (here, step.place.list) {
        (true, List::Safelist) => ("ok", chip("ok", Icon::Check, "Decides: allow")),
        (true, List::Blocklist) => ("bad", chip("bad", Icon::Ban, "Decides: block")),
        _ if !read => ("warn", chip("warn", Icon::TriangleAlert, "Not read")),
        _ if step.hits.is_empty() && !step.odd.is_empty() => ("", badge(Icon::CircleHelp, "Not sure")),
        _ if step.hits.is_empty() => ("", badge(Icon::Minus, "No match")),
        _ => ("", badge(Icon::CircleSlash, "Shadowed")),
    };
    view! {
        <li data-tone=(!tone.is_empty()).then_some(tone) class:gone=after && !step.hits.is_empty()>
            <div><b>{head}</b><small>{name}</small></div>
            <div>{if step.hits.is_empty() { counted.into_any() } else { hits.into_any() }}
                {(more > 0).then(|| view! { <small>{format!("and {} more", words::thousands(more as u64))}</small> })}{odd}</div>
            {chip}
        </li>
    }
    .into_any()
}

/// A chip with a tone.
pub fn chip(tone: &'static str, which: Icon, text: &'static str) -> AnyView {
    view! { <span class="badge" data-tone=tone>{icon(which)}{text}</span> }.into_any()
}

fn context(asked: &Asked, tiers: &Tiers, walked: &Walk, unsure: bool) -> impl IntoView + use<> {
    let domain = tiers.scope.row.as_ref();
    let name = domain.map(|row| row.name.clone()).unwrap_or_default();
    let policy = policy_badge(domain.and_then(|row| row.policy.as_deref()));
    let said = reply(asked, tiers, walked);
    let reply = (!unsure).then(|| {
        view! {
            <section class="card" aria-labelledby="h-say">
                <header><h2 id="h-say">"Reply for the customer"</h2><span class="push"><CopyButton text=said.clone() label="Copy the reply".into()/></span></header>
                <p class="body sm">{said.clone()}</p>
            </section>
        }
    });
    view! {
        {alert("", "Lists only", "Content scoring, SPF, DMARC, attachment rules, a blocked sending IP, greylisting and the limit of protected recipients can still stop or pass this mail. A DMARC policy of reject is always obeyed.", None)}
        <section class="card" aria-labelledby="h-fact">
            <header><h2 id="h-fact">"Recipient domain"</h2></header>
            <dl class="facts body">
                <dt>"Domain"</dt><dd><a class="mono" href=domain_page(&name, "")>{tiers.scope.name_at(Tier::Domain)}</a></dd>
                <dt>"Policy"</dt><dd>{policy}</dd>
                <dt>"Read with"</dt><dd>{badge(Icon::KeyRound, tiers.scope.key.label.clone())}</dd>
                <dt>"Lists"</dt><dd>{read_state(tiers)}</dd>
            </dl>
        </section>
        {reply}
        <p class="sm"><a href=explain_here("/reports", asked)>"The filter itself was wrong: report the message"</a></p>
    }
}

fn reply(asked: &Asked, tiers: &Tiers, walked: &Walk) -> String {
    let (sender, to) = (&asked.mail.sender, tiers.scope.name_at(Tier::User));
    let Some(step) = walked.decides() else {
        return format!(
            "No safelist or blocklist decides about mail from {sender} to {to}. If it is missing, the filter judged it by its content or by the sender’s settings; please send us the bounce or the message."
        );
    };
    let entry = step.hits.first().map_or_else(String::new, |hit| tiers.at(step.place)[hit.index].shown());
    let whose = match step.place.tier {
        Tier::User => format!("for {to}"),
        Tier::Domain => format!("for the domain {}", tiers.scope.name_at(Tier::Domain)),
        Tier::Account => "for all our customers".to_owned(),
    };
    let (done, by) = match step.place.list {
        List::Blocklist => ("stopped", "a block on"),
        List::Safelist => ("let through", "a safelist entry for"),
    };
    format!("Mail from {sender} to {to} is {done} by {by} {entry} set {whose}.")
}
