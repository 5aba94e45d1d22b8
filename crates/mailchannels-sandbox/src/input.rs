//! Reading queries and bodies strictly: a wrong type is a 400, never a guess.

use crate::world::{Downstream, Reply, Sections, bad, name_of};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// The query, decoded, in order.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Result<Self, Reply> {
        let decode = |text: &str| {
            percent_decode_str(&text.replace('+', " "))
                .decode_utf8()
                .map(String::from)
                .map_err(|_| bad("the query is not UTF-8"))
        };
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decode(name)?, decode(value)?));
        }
        Ok(Self(pairs))
    }

    /// All values of a name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// A single value; twice is a 400.
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, Reply> {
        match self.all(name).as_slice() {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(bad(&format!("{name} is given twice"))),
        }
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Reply> {
        self.one(name)?.ok_or_else(|| bad(&format!("{name} is required")))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Reply> {
        match self.one(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(bad(&format!("{name} must be a boolean"))),
        }
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Reply> {
        self.one(name)?
            .map(|text| text.parse::<i32>().map(i64::from).map_err(|_| bad(&format!("{name} must be an integer"))))
            .transpose()
    }
}

/// The body as an object.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, Reply> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(bad("the body must be a JSON object")),
    }
}

pub(crate) fn string<'a>(map: &'a Map<String, Value>, name: &str) -> Result<&'a str, Reply> {
    map.get(name).and_then(Value::as_str).ok_or_else(|| bad(&format!("{name} is required and must be a string")))
}

/// A list of strings; null counts as absent only where told.
pub(crate) fn strings(map: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, Reply> {
    let wrong = || bad(&format!("{name} must be a list of strings"));
    let Some(value) = map.get(name) else {
        return Ok(None);
    };
    let items = value.as_array().ok_or_else(wrong)?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect::<Result<_, _>>().map(Some)
}

/// A list of objects.
pub(crate) fn objects<'a>(
    map: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<Vec<&'a Map<String, Value>>>, Reply> {
    let wrong = || bad(&format!("{name} must be a list of objects"));
    let Some(value) = map.get(name) else {
        return Ok(None);
    };
    let items = value.as_array().ok_or_else(wrong)?;
    items.iter().map(|item| item.as_object().ok_or_else(wrong)).collect::<Result<_, _>>().map(Some)
}

/// Downstream addresses; at most 10 where `limited` `[spec]`.
pub(crate) fn downstreams(
    map: &Map<String, Value>,
    name: &str,
    limited: bool,
) -> Result<Option<Vec<Downstream>>, Reply> {
    let Some(items) = objects(map, name)? else {
        return Ok(None);
    };
    if limited && items.len() > 10 {
        return Err(bad("at most 10 downstream addresses"));
    }
    let number = |item: &Map<String, Value>, name: &str| {
        item.get(name)
            .and_then(whole)
            .ok_or_else(|| bad(&format!("{name} is required and must be a non-negative integer")))
    };
    let read = |item: &Map<String, Value>| {
        let target = string(item, "target")?;
        if target.chars().count() > 255 {
            return Err(bad("target is longer than 255"));
        }
        let target = target.strip_suffix('.').unwrap_or(target).to_owned();
        Ok(Downstream {
            priority: number(item, "priority")?,
            weight: number(item, "weight")?,
            port: number(item, "port")?,
            target,
        })
    };
    items.into_iter().map(read).collect::<Result<_, _>>().map(Some)
}

/// A whole number; JSON's `1.0` is one too (JSON Schema, `integer`).
fn whole(value: &Value) -> Option<u64> {
    if let Some(number) = value.as_u64() {
        return Some(number);
    }
    // Numbers beyond 64 bits are kept at the largest: the description sets no maximum.
    let number = value.as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole and not negative; the cast saturates"
    )]
    (number >= 0.0 && number.fract() == 0.0).then_some(number as u64)
}

/// The keys of DomainSettings that are there, each null or of its type.
pub(crate) fn settings(map: &Map<String, Value>) -> Result<Vec<(String, Value)>, Reply> {
    let mut found = Vec::new();
    for name in ["abusePolicy", "abusePolicyOverride", "spamHeaderName", "spamHeaderValue"] {
        let Some(value) = map.get(name) else { continue };
        let fits = match (name, value) {
            (_, Value::Null) | ("abusePolicyOverride", Value::Bool(_)) => true,
            ("abusePolicy", Value::String(word)) => ["block", "flag", "quarantine"].contains(&word.as_str()),
            ("spamHeaderName" | "spamHeaderValue", Value::String(text)) => !text.is_empty(),
            _ => false,
        };
        if !fits {
            return Err(bad(&format!("{name} is not valid")));
        }
        found.push((name.to_owned(), value.clone()));
    }
    Ok(found)
}

/// The sections of a body that are there; absent ones are none.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) settings: Option<Vec<(String, Value)>>,
    pub(crate) admins: Option<Vec<String>>,
    pub(crate) downstreams: Option<Vec<Downstream>>,
    pub(crate) aliases: Option<Vec<String>>,
}

impl Given {
    pub(crate) fn read(map: &Map<String, Value>, downstream_field: &str) -> Result<Self, Reply> {
        let settings_of = match map.get("settings") {
            None => None,
            Some(Value::Object(inner)) => Some(settings(inner)?),
            Some(_) => return Err(bad("settings must be an object")),
        };
        Ok(Self {
            settings: settings_of,
            admins: strings(map, "admins")?,
            downstreams: downstreams(map, downstream_field, false)?,
            aliases: strings(map, "aliases")?,
        })
    }

    /// Puts the given sections over what is there. Aliases are handled by the caller, who knows whose they are.
    pub(crate) fn apply(&self, sections: &mut Sections) {
        if let Some(settings) = &self.settings {
            for (name, value) in settings {
                if value.is_null() {
                    sections.settings.remove(name)
                } else {
                    sections.settings.insert(name.clone(), value.clone())
                };
            }
        }
        if let Some(admins) = &self.admins {
            sections.admins.clone_from(admins);
        }
        if let Some(downstreams) = &self.downstreams {
            sections.downstreams.clone_from(downstreams);
        }
    }
}

/// Names of aliases in A-label form.
pub(crate) fn alias_names(aliases: &[String]) -> Result<Vec<String>, Reply> {
    let mut names = Vec::new();
    for alias in aliases {
        let name = name_of(alias)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}
