//! Safelists and blocklists at three tiers.

use crate::{
    control::Control,
    input::{Query, object, string},
    route::{List, ListAct},
    switches::Switches,
    world::{Item, Key, Lists, Outcome, Reply, World, address_of, bad, missing, name_of},
};
use http::StatusCode;
use serde_json::{Value, json};
use std::net::IpAddr;

impl List {
    fn word(self) -> &'static str {
        match self {
            Self::Safe => "safelist",
            Self::Block => "blocklist",
        }
    }
}

impl Lists {
    fn of(&mut self, list: List) -> &mut Vec<Item> {
        match list {
            List::Safe => &mut self.safelist,
            List::Block => &mut self.blocklist,
        }
    }
}

pub(crate) fn item_json(item: &Item, list: &str) -> Value {
    json!({ "item": item.item, "item_type": item.kind, "action": list })
}

/// Finds what an entry is; the type is determined from the value `[spec]`.
pub(crate) fn entry(text: &str, switches: &Switches) -> Result<Item, Reply> {
    let refused = || bad("the list item is not a valid ip address, email address or domain");
    let item = |kind: &str, item: String| Ok(Item { item, kind: kind.to_owned() });
    if let Ok(ip) = text.parse::<IpAddr>() {
        return if ip.is_ipv6() && switches.is("ipv6", "rejected") {
            Err(refused())
        } else {
            item("ip_address", ip.to_string())
        };
    }
    if let Some((ip, bits)) = text.split_once('/') {
        let most = if ip.contains(':') { 128 } else { 32 };
        let valid = ip.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= most);
        return if valid && switches.is("cidr", "accepted") {
            item("ip_address", text.to_owned())
        } else {
            Err(refused())
        };
    }
    if text.contains('@') {
        let (address, _) = address_of(text).map_err(|_| refused())?;
        return item("email_address", address);
    }
    if let Some(rest) = text.strip_prefix("*.") {
        let name = name_of(rest).map_err(|_| refused())?;
        return if switches.is("wildcard", "accepted") { item("domain", format!("*.{name}")) } else { Err(refused()) };
    }
    let name = name_of(text).map_err(|_| refused())?;
    if name.contains('.') { item("domain", name) } else { Err(refused()) }
}

/// Works on one list, wherever it is.
fn act(lists: &mut Lists, act: ListAct, list: List, query: &Query, body: &[u8], switches: &Switches) -> Outcome {
    let items = lists.of(list);
    match act {
        ListAct::Get => Ok(Reply::read(items.iter().map(|item| item_json(item, list.word())).collect())),
        ListAct::Add => {
            let body = object(body)?;
            let item = entry(string(&body, "item")?, switches)?;
            let twice = items.contains(&item);
            if twice && switches.is("duplicate_entry", "409") {
                return Err(Reply::error(StatusCode::CONFLICT, "the item is on the list already", &[]));
            }
            let answer = item_json(&item, list.word());
            if !twice {
                items.push(item);
            }
            Ok(Reply { changed: !twice, ..Reply::wrote(StatusCode::CREATED, Some(answer)) })
        }
        ListAct::Remove => {
            let text = query.required("item")?;
            let wanted = entry(text, switches).map_or_else(|_| text.to_owned(), |item| item.item);
            let before = items.len();
            items.retain(|item| item.item != wanted);
            if items.len() == before && switches.is("missing_delete", "404") {
                return Err(missing("the item is not on the list"));
            }
            Ok(Reply { changed: items.len() != before, ..Reply::wrote(StatusCode::NO_CONTENT, None) })
        }
    }
}

impl World {
    /// `/lists/{listname}`. No 403 is documented, so any key of the customer works `[infer]`.
    pub(crate) fn account_list(
        &mut self,
        key: &Key,
        what: ListAct,
        list: List,
        query: &Query,
        body: &[u8],
        switches: &Switches,
    ) -> Outcome {
        let customer = self.customers.entry(key.customer.clone()).or_default();
        act(&mut customer.lists, what, list, query, body, switches)
    }

    /// `/domains/{domain}/lists/{listname}`
    #[expect(clippy::too_many_arguments, reason = "they are the parts of the request")]
    pub(crate) fn domain_list(
        &mut self,
        key: &Key,
        what: ListAct,
        name: &str,
        list: List,
        query: &Query,
        body: &[u8],
        switches: &Switches,
    ) -> Outcome {
        let name = self.reach(key, name)?;
        let domain = self.domains.get_mut(&name).ok_or_else(|| missing("the domain does not exist"))?;
        act(&mut domain.lists, what, list, query, body, switches)
    }

    /// `/users/{email}/lists/{listname}`
    #[expect(clippy::too_many_arguments, reason = "they are the parts of the request")]
    pub(crate) fn user_list(
        &mut self,
        key: &Key,
        what: ListAct,
        email: &str,
        list: List,
        query: &Query,
        body: &[u8],
        switches: &Switches,
    ) -> Outcome {
        // No 400 is documented for the address itself: what is no address has no account.
        let (address, domain) = address_of(email).map_err(|_| missing("account not found"))?;
        self.reach(key, &domain)?;
        let recipient = self.recipients.get_mut(&address).ok_or_else(|| missing("account not found"))?;
        act(&mut recipient.lists, what, list, query, body, switches)
    }
}

impl Control {
    /// The entries of a list: of a `user`, a `domain`, or an `account` by its customer.
    #[must_use]
    pub fn list(&self, tier: &str, whose: &str, list: &str) -> Vec<String> {
        let mut inner = self.lock();
        inner
            .world
            .lists_at(tier, whose)
            .map_or_else(Vec::new, |lists| lists.of(named(list)).iter().map(|item| item.item.clone()).collect())
    }

    /// Replaces a list. An entry that could not be added stands there as another type, for that is an open string
    /// `[spec]`; a place that is not there is left alone.
    pub fn set_list(&self, tier: &str, whose: &str, list: &str, items: &[&str]) {
        let mut inner = self.lock();
        let odd = |text: &str| Item { item: text.to_owned(), kind: "pattern".to_owned() };
        let items = items.iter().map(|item| entry(item, &inner.switches).unwrap_or_else(|_| odd(item))).collect();
        if let Some(lists) = inner.world.lists_at(tier, whose) {
            *lists.of(named(list)) = items;
        }
    }
}

fn named(list: &str) -> List {
    if list == "safelist" { List::Safe } else { List::Block }
}

impl World {
    fn lists_at(&mut self, tier: &str, whose: &str) -> Option<&mut Lists> {
        match tier {
            "user" => self.recipients.get_mut(whose).map(|recipient| &mut recipient.lists),
            "domain" => self.domains.get_mut(whose).map(|domain| &mut domain.lists),
            _ => self.customers.get_mut(whose).map(|customer| &mut customer.lists),
        }
    }
}
