//! Spam handling: policy, override, and the header of `flag`.

use std::fmt;

/// What happens to spam `[spec]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// The sender gets a bounce.
    Block,
    /// A header is added and it is delivered.
    Flag,
    /// Held up to 7 days; the recipient gets a digest.
    Quarantine,
}

impl Policy {
    /// Reads a policy, however it is capitalised.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Block, Self::Flag, Self::Quarantine]
            .into_iter()
            .find(|policy| policy.as_str().eq_ignore_ascii_case(text.trim()))
    }

    /// The service's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Flag => "flag",
            Self::Quarantine => "quarantine",
        }
    }
}

/// The form as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsFields {
    /// `block`, `flag`, `quarantine`.
    pub policy: String,
    /// Anything but empty means yes.
    pub override_recipient: String,
    /// Header name.
    pub header_name: String,
    /// Header value.
    pub header_value: String,
}

/// Checked settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The policy.
    pub policy: Option<Policy>,
    /// Whether it overrides recipients' own choice.
    pub override_recipient: Option<bool>,
    /// Header added under `flag`.
    pub header_name: Option<String>,
    /// Its value.
    pub header_value: Option<String>,
}

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsField {
    /// The policy.
    Policy,
    /// Whether it overrides recipients' own choice.
    OverrideRecipient,
    /// The header's name.
    HeaderName,
    /// The header's value.
    HeaderValue,
}

impl fmt::Display for SettingsField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "policy",
            Self::OverrideRecipient => "override_recipient",
            Self::HeaderName => "header_name",
            Self::HeaderValue => "header_value",
        })
    }
}

impl SettingsField {
    /// Its name for people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Policy => "Policy",
            Self::OverrideRecipient => "Overrides recipients",
            Self::HeaderName => "Header name",
            Self::HeaderValue => "Header value",
        }
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// The field.
    pub field: SettingsField,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// Longest header name: with colon and a space it stays within 78, the line that should not be
/// exceeded (RFC 5322 2.1.1).
const NAME_MAX: usize = 76;
/// Longest header value in bytes: with the name it stays within 998, the line that must not be
/// exceeded (RFC 5322 2.1.1).
const VALUE_MAX: usize = 900;

impl SettingsFields {
    /// Checks the form; every error at once.
    ///
    /// Name and value of the header mean something under `flag` only. They are checked and kept under
    /// the other policies too, so that going to `block` and back loses nothing.
    pub fn parse(&self) -> Result<Settings, Vec<SettingsError>> {
        let mut errors = Vec::new();
        let mut wrong = |field, message: &str| errors.push(SettingsError { field, message: message.to_owned() });
        let policy = Policy::parse(&self.policy);
        if policy.is_none() {
            wrong(SettingsField::Policy, "Choose what happens to spam.");
        }
        let (name, value) = (self.header_name.trim(), self.header_value.trim());
        // ftext of RFC 5322 2.2: printable ASCII without the colon.
        if !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            wrong(
                SettingsField::HeaderName,
                "A header name has letters, digits and hyphens. Remove spaces, colons and others.",
            );
        } else if name.len() > NAME_MAX {
            wrong(SettingsField::HeaderName, "The header name is longer than 76 characters. Shorten it.");
        } else if name.is_empty() && !value.is_empty() {
            wrong(SettingsField::HeaderName, "Enter the name of the header that has this value.");
        }
        if value.chars().any(char::is_control) {
            wrong(SettingsField::HeaderValue, "The value has a line break or control character. Remove it.");
        } else if value.len() > VALUE_MAX {
            wrong(SettingsField::HeaderValue, "The value is longer than 900 bytes. Shorten it.");
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Settings {
            policy,
            override_recipient: Some(!self.override_recipient.is_empty()),
            header_name: some(name),
            header_value: some(value),
        })
    }
}

/// One setting that differs, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The field.
    pub field: SettingsField,
    /// What it was.
    pub before: String,
    /// What it becomes.
    pub after: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.field.label(), self.before, self.after)
    }
}

/// What saving `after` in place of `before` changes, for display and audit.
///
/// Not said is `not set`; a header text stands in quotes, so that a header called `not set` differs.
#[must_use]
pub fn changes(before: &Settings, after: &Settings) -> Vec<Change> {
    let not_set = || "not set".to_owned();
    let words = |settings: &Settings| {
        let quoted = |text: &Option<String>| text.as_ref().map_or_else(not_set, |text| format!("{text:?}"));
        let yes = settings.override_recipient.map(|yes| if yes { "yes" } else { "no" });
        [
            (SettingsField::Policy, settings.policy.map_or_else(not_set, |policy| policy.as_str().to_owned())),
            (SettingsField::OverrideRecipient, yes.map_or_else(not_set, str::to_owned)),
            (SettingsField::HeaderName, quoted(&settings.header_name)),
            (SettingsField::HeaderValue, quoted(&settings.header_value)),
        ]
    };
    words(before)
        .into_iter()
        .zip(words(after))
        .filter(|(before, after)| before != after)
        .map(|((field, before), (_, after))| Change { field, before, after })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(policy: &str, name: &str, value: &str) -> SettingsFields {
        SettingsFields {
            policy: policy.into(),
            header_name: name.into(),
            header_value: value.into(),
            override_recipient: String::new(),
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let wrong = |fields: SettingsFields| {
            fields.parse().unwrap_err().into_iter().map(|error| error.field.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(wrong(fields("", "X Spam", "a\nb")), ["policy", "header_name", "header_value"]);
        assert_eq!(wrong(fields("flag", "", "yes")), ["header_name"]);
        assert_eq!(wrong(fields("flag", "X:", "")), ["header_name"]);
        assert_eq!(fields("Flag", " X-Spam ", "yes").parse().unwrap().header_name.as_deref(), Some("X-Spam"));
    }

    #[test]
    fn lengths_have_their_edges() {
        let wrong = |name: usize, value: usize| fields("flag", &"n".repeat(name), &"v".repeat(value)).parse().is_err();
        assert!(!wrong(76, 900) && wrong(77, 900) && wrong(76, 901));
    }

    #[test]
    fn changes_in_words() {
        let before = fields("block", "", "").parse().unwrap();
        let after = SettingsFields { override_recipient: "on".into(), ..fields("flag", "X-Spam", "a \"b\"") };
        let said: Vec<_> = changes(&before, &after.parse().unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "Policy: block → flag",
                "Overrides recipients: no → yes",
                "Header name: not set → \"X-Spam\"",
                "Header value: not set → \"a \\\"b\\\"\""
            ]
        );
    }

    fn settings() -> impl Strategy<Value = Settings> {
        let policy = proptest::sample::select(vec![None, Some(Policy::Block), Some(Policy::Flag)]);
        let text = || proptest::option::of("not set|a|b");
        (policy, any::<Option<bool>>(), text(), text()).prop_map(
            |(policy, override_recipient, header_name, header_value)| Settings {
                policy,
                override_recipient,
                header_name,
                header_value,
            },
        )
    }

    proptest! {
        #[test]
        fn a_change_for_each_field_that_differs(before in settings(), after in settings()) {
            let named: Vec<_> = changes(&before, &after).iter().map(|change| change.field).collect();
            let differs = [
                (SettingsField::Policy, before.policy != after.policy),
                (SettingsField::OverrideRecipient, before.override_recipient != after.override_recipient),
                (SettingsField::HeaderName, before.header_name != after.header_name),
                (SettingsField::HeaderValue, before.header_value != after.header_value),
            ];
            let expected: Vec<_> = differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect();
            prop_assert_eq!(named, expected);
        }

        #[test]
        fn policies_read_back(text in "\\PC{0,12}|(?i:block|flag|quarantine)") {
            if let Some(policy) = Policy::parse(&text) {
                prop_assert_eq!(policy.as_str(), text.trim().to_ascii_lowercase());
            }
        }

        #[test]
        fn what_passes_cannot_start_a_header_of_its_own(name in "\\PC{0,90}", value in any::<String>()) {
            if let Ok(settings) = fields("flag", &name, &value).parse() {
                let line = format!("{}: {}", settings.header_name.unwrap_or_default(), settings.header_value.unwrap_or_default());
                prop_assert!(!line.contains(['\r', '\n', '\0']));
            }
        }
    }
}
