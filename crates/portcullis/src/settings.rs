//! `portcullis settings …`: what the issuer requires of its keys.

use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use portcullis_api::view::settings::{SettingsChangedView, SettingsView};
use portcullis_issuer::actions::{Effect, KindChange, SettingsChange};
use portcullis_issuer::settings::{Class, KindSettings};
use portcullis_issuer::{Error, Issuer};

use super::args::{self, By};
use super::exit::Exit;
use super::output::{Out, field};

/// Show and change the issuer's requirements for its keys: lifetimes, owners, reasons, and use
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  portcullis settings set --kind secret --max-lifetime 90d")]
pub(crate) enum Settings {
    /// Show the settings
    #[command(after_help = "Example:\n  portcullis settings show --json")]
    Show,
    Set(Set),
}

/// Change settings, for all servers and commands on this database. Existing keys do not change
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    portcullis settings set --kind secret --max-lifetime 90d --default-lifetime 30d --dry-run\n  \
    portcullis settings set --kind secret --kind publishable --owner-required true\n  \
    portcullis settings set --kind secret --idle-days 90 --yes\n  \
    portcullis settings set --kind secret --max-lifetime none\n  \
    portcullis settings set --reason-required true --if-version 3")]
pub(crate) struct Set {
    /// The kind of keys that the settings apply to; repeatable
    #[arg(long = "kind", value_name = "KIND",
          value_parser = PossibleValuesParser::new(Class::ALL.map(Class::name))
              .try_map(|name| Class::from_name(&name).ok_or("no kind")))]
    kinds: Vec<Class>,
    /// The longest lifetime of a new key, or none. With a limit, every new key expires
    #[arg(long, value_name = "DURATION|none", requires = "kinds", value_parser = lifetime)]
    max_lifetime: Option<Number>,
    /// The default lifetime of a new key, or none
    #[arg(long, value_name = "DURATION|none", requires = "kinds", value_parser = lifetime)]
    default_lifetime: Option<Number>,
    /// Suspend a key that has not been used for this many days, 7 to 365, or none
    #[arg(long, value_name = "N|none", requires = "kinds", value_parser = days)]
    idle_days: Option<Number>,
    /// Whether each new key must have an owner
    #[arg(long, value_name = "BOOL", requires = "kinds")]
    owner_required: Option<bool>,
    /// Whether revoking, suspending, rolling, deleting and undoing require a reason
    #[arg(long, value_name = "BOOL")]
    reason_required: Option<bool>,
    /// Change the settings only if this is their version
    #[arg(long, value_name = "N")]
    if_version: Option<u32>,
    /// Only show the effects of the change
    #[arg(long)]
    dry_run: bool,
    /// Don't ask for confirmation before idle keys are suspended
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    #[command(flatten)]
    by: By,
    /// The reason, for the audit trail
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// A number, or `none`. Not an `Option`, which clap takes for an argument that may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number(Option<u32>);

fn lifetime(text: &str) -> Result<Number, String> {
    if text == "none" {
        return Ok(Number(None));
    }
    let long: Duration = args::duration(text)?;
    if long.subsec_nanos() > 0 || long.is_zero() {
        return Err("write whole seconds, 1s or more, or none".into());
    }
    let seconds = u32::try_from(long.as_secs());
    seconds.map(|seconds| Number(Some(seconds))).map_err(|_| "write 136 years at most".into())
}

fn days(text: &str) -> Result<Number, String> {
    if text == "none" {
        return Ok(Number(None));
    }
    let days = text.parse().map_err(|_| "write a number of days, or none".to_owned())?;
    Ok(Number(Some(days)))
}

impl Settings {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        match self {
            Self::Show => {
                let view = SettingsView::new(&issuer.settings().show().await?);
                out.answer(&view, |o| write_settings(o, &view))?;
                Ok(Exit::Done)
            }
            Self::Set(set) => set.run(issuer, out).await,
        }
    }
}

impl Set {
    fn change(&self) -> SettingsChange {
        let given = KindChange {
            max_lifetime_seconds: self.max_lifetime.map(|number| number.0),
            default_lifetime_seconds: self.default_lifetime.map(|number| number.0),
            idle_days: self.idle_days.map(|number| number.0),
            owner_required: self.owner_required,
        };
        let of = |class| if self.kinds.contains(&class) { given } else { KindChange::default() };
        SettingsChange {
            kinds: Class::ALL.map(of),
            reason_required: self.reason_required,
            if_version: self.if_version,
            by: self.by.owned(),
        }
    }

    async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let issuer = &issuer.because(self.reason.as_deref())?;
        let change = self.change();
        let asks = change.kinds.iter().any(|kind| *kind != KindChange::default());
        if !asks && change.reason_required.is_none() {
            bail!("say what to set, such as --max-lifetime 90d; --help lists it all");
        }
        let preview = issuer.settings().preview(&change).await?;
        if self.dry_run {
            return answer(&SettingsChangedView::new(&preview, true), out);
        }
        let idle: u64 = preview.effects.iter().map(|effect| effect.idle).sum();
        let newly = self.idle_days.is_some_and(|days| days.0.is_some());
        if newly && idle > 0 && !self.yes && !confirmed(idle, out)? {
            return Ok(Exit::Refused);
        }
        let changed = issuer.settings().change(&change).await?;
        answer(&SettingsChangedView::new(&changed, false), out)
    }
}

/// Requests confirmation that this many keys may be suspended.
fn confirmed(idle: u64, out: &Out) -> Result<bool> {
    let what = format!("the job idle-keys then suspends {idle} keys that were not used");
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Error::NotConfirmed { what }.into());
    }
    let mut stderr = anstream::stderr();
    writeln!(stderr, "{what}; `portcullis keys resume` lets one count again.")?;
    write!(stderr, "Type the number of keys to go on: ")?;
    stderr.flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let meant = line.trim() == idle.to_string();
    if !meant {
        out.note("Nothing was changed.");
    }
    Ok(meant)
}

fn answer(view: &SettingsChangedView, out: &Out) -> Result<Exit> {
    out.answer(view, |o| {
        if view.dry_run {
            field(o, "Dry run", "nothing was changed; the settings would be")?;
        }
        write_settings(o, &view.settings)?;
        view.effects.iter().try_for_each(|effect| write_effect(o, effect))
    })?;
    Ok(Exit::Done)
}

fn write_settings(out: &mut dyn Write, view: &SettingsView) -> io::Result<()> {
    field(out, "Version", view.version)?;
    for class in Class::ALL {
        let mut label = class.name().to_owned();
        if let Some(first) = label.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        field(out, &label, requirements(view.of(class)))?;
    }
    let reasons = if view.reason_required { "required" } else { "not required" };
    field(out, "Reasons", reasons)
}

/// A duration such as `90d`, `36h`, `90s`: in the largest unit that divides it.
fn long(seconds: u32) -> String {
    let units = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "m"), (1, "s")];
    let (unit, name) =
        units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit)).unwrap_or((1, "s"));
    format!("{}{name}", seconds / unit)
}

/// The requirements on keys of a kind, in a few words.
fn requirements(kind: &KindSettings) -> String {
    let parts = [
        kind.max_lifetime_seconds.map(|max| format!("live {} at most", long(max.get()))),
        kind.default_lifetime_seconds.map(|secs| format!("live {} by default", long(secs.get()))),
        kind.idle_days.map(|days| format!("are suspended when not used for {days} days")),
        kind.owner_required.then(|| "have an owner".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "as they like".into() } else { parts.join(", ") }
}

fn write_effect(out: &mut dyn Write, effect: &Effect) -> io::Result<()> {
    let kind = effect.kind;
    if effect.beyond_maximum > 0 {
        let many = effect.beyond_maximum;
        field(out, "Stay", format_args!("{many} {kind} keys that live longer than new ones may"))?;
    }
    if effect.without_owner > 0 {
        let many = effect.without_owner;
        field(out, "Stay", format_args!("{many} {kind} keys without an owner"))?;
    }
    if effect.idle > 0 {
        let many = effect.idle;
        field(out, "Suspended", format_args!("{many} {kind} keys, by the next run of idle-keys"))?;
    }
    if let Some(why) = &effect.idle_waits {
        field(out, "Waits", format_args!("no idle {kind} key is suspended, because {why}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_whole_seconds_or_none() {
        assert_eq!(lifetime("90d"), Ok(Number(Some(7_776_000))));
        assert_eq!(lifetime("none"), Ok(Number(None)));
        assert_eq!(lifetime("1s"), Ok(Number(Some(1))));
        for bad in ["0s", "1500ms", "200years", "never", "", "-1d", "90"] {
            assert!(lifetime(bad).is_err(), "{bad}");
        }
        for text in ["90d", "36h", "90m", "61s", "4294967295s"] {
            assert_eq!(lifetime(text).map(|number| long(number.0.unwrap())), Ok(text.to_owned()));
        }
        assert_eq!(days("none"), Ok(Number(None)));
        assert!(days("-1").is_err() && days("").is_err() && days("4294967296").is_err());
    }
}
