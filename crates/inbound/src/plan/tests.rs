use super::*;
use crate::{
    facet::{Snapshot, Whole},
    lists::{List, Target, Whose},
    name::DomainName,
};
use proptest::{collection::vec, prelude::*, sample::subsequence};
use std::collections::BTreeMap;

const ACCOUNT: &str = "account";

fn list(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    subsequence(of, 0..=of.len()).prop_map(|items| items.into_iter().map(str::to_owned).collect())
}

fn servers() -> impl Strategy<Value = Vec<String>> {
    list(&["10 100 25 a.example", "20 100 25 b.example", "30 1 2525 c.example"])
}

fn policy() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::sample::select(vec!["block", "flag", "quarantine"]).prop_map(str::to_owned))
}

fn whole() -> impl Strategy<Value = Whole> {
    let settings = (policy(), prop::option::of(any::<bool>()), prop::option::of("[a-z]{1,3}"));
    (settings, servers(), list(&["x@a.example", "y@a.example"]), list(&["m.example", "n.example"])).prop_map(
        |((policy, override_recipient, header_name), servers, admins, aliases)| Whole {
            subscription: "s".into(),
            policy,
            override_recipient,
            header_name,
            header_value: None,
            servers,
            admins,
            aliases,
            locked: false,
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let header = prop::option::of(("[a-z]{0,3}", Just(String::new())));
    let how = prop::sample::select(vec![How::Add, How::Remove, How::Replace]);
    prop_oneof![
        any::<bool>().prop_map(|update| Act::Provision {
            subscription: "s".into(),
            fingerprint: "f".into(),
            account: ACCOUNT.into(),
            lock: false,
            update
        }),
        Just(Act::Deprovision),
        (policy(), prop::option::of(any::<bool>()), header).prop_map(|(policy, override_recipient, header)| {
            Act::Settings(SettingsChange { policy, override_recipient, header })
        }),
        servers().prop_map(|servers| Act::Servers { servers }),
        (how, list(&["x@a.example", "z@a.example"])).prop_map(|(how, admins)| Act::Admins { how, admins }),
        any::<bool>().prop_map(|present| Act::Aliases { present }),
        prop::sample::select(vec!["f", "g"])
            .prop_map(|key| Act::Associate { fingerprint: key.into(), account: ACCOUNT.into() }),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let admins = list(&["w@a.example", "y@a.example"]);
    (prop::option::of(servers()), policy(), list(&["m.example", "o.example"]), admins).prop_map(
        |(servers, policy, aliases, admins)| Wish {
            line: 1,
            object: "d.example".into(),
            servers: servers.filter(|servers| !servers.is_empty()),
            policy,
            aliases,
            admins,
            entry: None,
        },
    )
}

/// A domain of a small world, and who holds it.
type World = BTreeMap<String, (Whole, Option<String>)>;

fn known(world: &World, name: &str) -> Option<Known> {
    let (whole, holder) = world.get(name)?;
    Some(Known {
        name: name.to_owned(),
        account: ACCOUNT.into(),
        whole: whole.clone(),
        holder: holder.clone(),
        via_alias: false,
    })
}

/// The state of what a snapshot speaks of.
fn state(world: &World, name: &str, of: &Snapshot) -> Snapshot {
    match (world.get(name), of) {
        (Some((_, holder)), Snapshot::Holder { .. }) => Snapshot::Holder { fingerprint: holder.clone() },
        (Some((whole, _)), of) => whole.facet(of).unwrap(),
        (None, _) => Snapshot::Provisioned { present: false },
    }
}

/// Does what a decision says.
fn perform(world: &mut World, decision: &Decision) {
    let Some(after) = &decision.after else { return };
    let name = decision.object.clone();
    match after {
        Snapshot::Domain(whole) => {
            let holder = world.get(&name).and_then(|(_, holder)| holder.clone());
            world.insert(name, (whole.clone(), holder));
        }
        Snapshot::Provisioned { .. } => drop(world.remove(&name)),
        other => {
            let (whole, holder) = world.get_mut(&name).unwrap();
            match other.clone() {
                Snapshot::Settings { policy, override_recipient, header_name, header_value } => {
                    *whole = Whole { policy, override_recipient, header_name, header_value, ..whole.clone() };
                }
                Snapshot::Servers { servers } => whole.servers = servers,
                Snapshot::Admins { admins } => whole.admins = admins,
                Snapshot::Alias { alias, present } => {
                    whole.aliases.retain(|known| *known != alias);
                    if present {
                        whole.aliases.push(alias);
                        whole.aliases.sort();
                    }
                }
                Snapshot::Holder { fingerprint } => *holder = fingerprint,
                _ => unreachable!(),
            }
        }
    }
}

proptest! {
    /// Once done there is nothing left to do, each step settles as done, and undone it is as it was.
    #[test]
    fn done_then_nothing_is_left_and_undone_it_is_as_before(
        act in act(), wish in wish(), there in prop::option::of((whole(), prop::option::of(Just("f".to_owned())))),
    ) {
        let mut world: World = there.into_iter().map(|there| ("d.example".to_owned(), there)).collect();
        let start = world.clone();
        let decisions = decide(&act, &wish, known(&world, "d.example").as_ref());
        prop_assert!(!decisions.is_empty());
        for decision in &decisions {
            prop_assert_eq!(decision.verdict.acts(), decision.after.is_some());
            let Some(after) = &decision.after else { continue };
            let now = state(&world, "d.example", after);
            prop_assert_eq!(settle(decision.before.as_ref(), after, &now), Settled::NotDone);
            perform(&mut world, decision);
            let now = state(&world, "d.example", after);
            prop_assert_eq!(settle(decision.before.as_ref(), after, &now), Settled::Done);
        }
        // A domain that is gone is out of reach, which is not the same as nothing to do.
        let again = decide(&act, &wish, known(&world, "d.example").as_ref());
        prop_assert!(again.iter().all(|decision| !decision.verdict.acts()), "{:?}", again);
        for decision in decisions.iter().rev() {
            let Some(after) = &decision.after else { continue };
            let back = undo("d.example", decision.before.as_ref(), after, known(&world, "d.example").as_ref());
            if decision.before == Some(Snapshot::Holder { fingerprint: None }) {
                prop_assert_eq!(back.verdict, Verdict::Forbidden);
                return Ok(());
            }
            prop_assert!(back.verdict.acts(), "{:?}", back);
            perform(&mut world, &back);
        }
        let contents = |world: &World| world.values().map(|(whole, _)| whole.clone()).collect::<Vec<_>>();
        prop_assert_eq!(contents(&world), contents(&start));
    }

    /// What somebody else changed meanwhile is never overwritten by an undo.
    #[test]
    fn undo_refuses_what_has_moved_on(act in act(), wish in wish(), there in whole(), meanwhile in whole()) {
        let start: World = [("d.example".to_owned(), (there, Some("f".to_owned())))].into();
        for decision in decide(&act, &wish, known(&start, "d.example").as_ref()) {
            let (Some(before), Some(after)) = (&decision.before, &decision.after) else { continue };
            let mut world = start.clone();
            perform(&mut world, &decision);
            let Some((whole, _)) = world.get_mut("d.example") else { continue };
            *whole = meanwhile.clone();
            let now = state(&world, "d.example", after);
            let back = undo("d.example", Some(before), after, known(&world, "d.example").as_ref());
            let same = |one: &Snapshot| match (one, &now) {
                (Snapshot::Domain(one), Snapshot::Domain(now)) => one.same_content(now),
                (one, now) => one == now,
            };
            prop_assert_eq!(back.verdict.acts(), same(after), "{:?}", back);
            prop_assert_eq!(settle(Some(before), after, &now) == Settled::Moved, !same(after) && !same(before));
        }
    }

    /// Rows that failed come back from their CSV as they were.
    #[test]
    fn failed_rows_are_imported_unedited(wishes in vec(wish(), 1..6)) {
        let outcomes: Vec<_> = wishes.into_iter().enumerate().map(|(index, wish)| Outcome {
            wish: Wish {
                object: format!("d{index}.example"),
                aliases: wish.aliases.iter().map(|alias| format!("a{index}.{alias}")).collect(),
                line: index + 2,
                ..wish
            },
            reason: "-1, \"limit\" reached".into(),
            next: "=Retry".into(),
            ..Outcome::default()
        }).collect();
        let csv = failed_csv(Kind::Servers, outcomes.iter());
        prop_assert!(csv.contains("'-1"));
        let input = read(Kind::Servers, &csv, None).unwrap();
        prop_assert_eq!(&input.wrong, &[]);
        prop_assert_eq!(&input.ignored, &Vec::<String>::new());
        prop_assert_eq!(input.wishes, outcomes.into_iter().map(|outcome| outcome.wish).collect::<Vec<_>>());
    }
}

proptest! {
    // Each case is read by every kind.
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,200}") {
        for kind in Kind::ALL {
            let entry = (List::Safelist, "a.example".to_owned());
            let _ = read(kind, &text, Some(&entry));
            let _ = read(kind, &text, None);
        }
    }
}

fn one(act: &Act, wish: &Wish, known: Option<&Known>) -> Decision {
    decide(act, wish, known).remove(0)
}

fn there(name: &str) -> Known {
    Known {
        name: name.into(),
        account: ACCOUNT.into(),
        whole: Whole { servers: vec!["10 100 25 a.example".into()], ..Whole::default() },
        holder: None,
        via_alias: false,
    }
}

fn named(object: &str) -> Wish {
    Wish { line: 1, object: object.into(), ..Wish::default() }
}

#[test]
fn an_alias_is_named_and_its_domain_left_alone() {
    let known = Known { via_alias: true, ..there("d.example") };
    for act in [
        Act::Deprovision,
        Act::Servers { servers: vec!["10 100 25 b.example".into()] },
        Act::Associate { fingerprint: "f".into(), account: ACCOUNT.into() },
    ] {
        let decision = one(&act, &named("alias.example"), Some(&known));
        assert_eq!((decision.verdict, decision.after), (Verdict::Invalid, None));
        assert!(decision.note.contains("d.example"));
    }
}

#[test]
fn a_recipient_of_an_alias_has_the_lists_of_the_canonical_one() {
    let entry = Some((List::Safelist, "x@y.example".to_owned()));
    let known = Known { via_alias: true, ..there("d.example") };
    let wish = Wish { entry, ..named("b@alias.example") };
    let decision = one(&Act::Entries { present: true }, &wish, Some(&known));
    let Some(Snapshot::Entry { target, present: true }) = decision.after else { panic!("{decision:?}") };
    assert_eq!(target.whose.to_string(), "b@d.example");
    assert!(decision.note.contains("alias"));
    let domain = Wish { object: "alias.example".into(), ..wish };
    let Some(Snapshot::Entry { target, .. }) = one(&Act::Entries { present: true }, &domain, Some(&known)).after else {
        panic!()
    };
    assert_eq!(target.whose, Whose::Domain(DomainName::parse("d.example").unwrap()));
}

#[test]
fn servers_are_never_cleared_in_bulk_and_domains_stay_in_their_account() {
    let none = one(&Act::Servers { servers: vec![] }, &named("d.example"), Some(&there("d.example")));
    assert_eq!(none.verdict, Verdict::Invalid);
    let act = Act::Associate { fingerprint: "f".into(), account: "other".into() };
    assert_eq!(one(&act, &named("d.example"), Some(&there("d.example"))).verdict, Verdict::Forbidden);
}

#[test]
fn what_is_out_of_reach_is_forbidden_or_new() {
    let act = Act::Provision {
        subscription: "s".into(),
        fingerprint: "f".into(),
        account: ACCOUNT.into(),
        lock: true,
        update: false,
    };
    assert_eq!(one(&act, &named("d.example"), None).verdict, Verdict::New);
    assert_eq!(one(&Act::Deprovision, &named("d.example"), None).verdict, Verdict::Forbidden);
}

#[test]
fn several_aliases_are_several_rows() {
    let text = "domain,alias\nd.example,m.example\nd.example,n.example|o.example\n";
    let input = read(Kind::AddAliases, text, None).unwrap();
    assert_eq!(input.wrong, []);
    let known = there("d.example");
    let rows: Vec<_> =
        input.wishes.iter().flat_map(|wish| decide(&Act::Aliases { present: true }, wish, Some(&known))).collect();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.verdict == Verdict::Change));
    assert_eq!(read(Kind::Deprovision, "d.example\nd.example", None).unwrap().wrong.len(), 1, "elsewhere it is a slip");
}

#[test]
fn entries_from_a_csv_or_the_same_for_everybody() {
    let csv = "tier,for,list,type,entry\r\ndomain,d.example,safelist,domain,good.example\r\naccount,,blocklist,domain,bad.example\r\nuser,b@d.example,blocklist,ip_address,192.0.2.7\r\n";
    let input = read(Kind::AddEntries, csv, None).unwrap();
    assert_eq!(input.wishes.len(), 2);
    assert!(input.wrong[0].message.contains("Lists page"));
    let entry = (List::Blocklist, "spam.example".to_owned());
    let input = read(Kind::AddEntries, "for\nd.example\nB@d.example\nd.example\nnot a name\n", Some(&entry)).unwrap();
    assert_eq!(input.wishes.iter().map(|wish| wish.object.as_str()).collect::<Vec<_>>(), ["d.example", "b@d.example"]);
    assert_eq!(input.wrong.iter().map(|wrong| wrong.line).collect::<Vec<_>>(), [4, 5]);
    assert!(read(Kind::AddEntries, "d.example", None).is_err(), "which entry?");
    let targets = input.wishes.iter().map(|wish| Target {
        whose: Whose::parse(&wish.object).unwrap().unwrap(),
        list: List::Blocklist,
        item: "spam.example".into(),
    });
    assert_eq!(targets.count(), 2);
}

#[test]
fn words_come_back() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        assert!(read(kind, template(kind), None).unwrap().wrong.is_empty(), "{kind:?}");
    }
    for reason in Reason::ALL {
        assert_eq!(Reason::parse(reason.as_str()), Some(reason));
    }
    for verdict in Verdict::ALL {
        assert_eq!(Verdict::parse(verdict.as_str()), Some(verdict));
    }
    assert!(Kind::Deprovision.needs_count(1) && !Kind::Servers.needs_count(10) && Kind::Servers.needs_count(11));
}

#[test]
fn too_much_or_nothing_is_said_as_a_whole() {
    assert!(read(Kind::Deprovision, "\n# nothing\n", None).is_err());
    let many = (0..=ROWS_MAX).map(|index| format!("d{index}.example")).collect::<Vec<_>>().join("\n");
    assert!(read(Kind::Deprovision, &many, None).unwrap_err().contains("100,001"));
}

#[test]
fn a_safelist_entry_that_is_too_wide_is_said() {
    let note = |list: List, item: &str| {
        let wish = Wish { entry: Some((list, item.to_owned())), ..named("d.example") };
        one(&Act::Entries { present: true }, &wish, Some(&there("d.example"))).note
    };
    assert!(note(List::Safelist, "d.example").contains("own domain"));
    assert!(note(List::Safelist, "gmail.com").contains("whole address"));
    assert_eq!(note(List::Safelist, "somebody@gmail.com"), "");
    assert_eq!(note(List::Blocklist, "gmail.com"), "");
}
