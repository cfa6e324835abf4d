//! `portcullis jobs …`: the scheduler's jobs, for cron.

use anyhow::{Result, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use portcullis_issuer::Issuer;
use portcullis_issuer::actions::Idle;
use portcullis_issuer::schedule::{DEFAULT_KEY_AGE_DAYS, Job, Options};
use portcullis_issuer::time_format::rfc3339_millis;
use serde::Serialize;

use super::exit::Exit;
use super::output::{Out, field, table};
use super::retention::RetentionArgs;

/// Run the scheduler's jobs by hand or from cron
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  portcullis jobs run expiry-notices")]
pub(crate) enum Jobs {
    /// List the jobs and their last runs
    #[command(after_help = "Example:\n  portcullis jobs list --json")]
    List,
    Run(Run),
}

/// Run a job now. Exit code: 0 done, 1 another process runs it, 2 failed
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis jobs run expiry-notices\n  \
                        portcullis jobs run key-age --days 180\n  \
                        portcullis jobs run idle-keys --dry-run\n  \
                        portcullis jobs run key-age --days 180 --rotate-with /media/usb/root.key\n  \
                        portcullis jobs run trim-events --keep-events 400d")]
pub(crate) struct Run {
    /// The job
    #[arg(value_parser = PossibleValuesParser::new(Job::ALL.map(Job::name))
        .try_map(|name| Job::from_name(&name).ok_or("no job")))]
    job: Job,
    /// For key-age: the age in days at which a signing key is reported
    #[arg(long, value_name = "N", default_value_t = DEFAULT_KEY_AGE_DAYS)]
    days: u32,
    /// For key-age: rotate the reported keys with the root key in this file. Successors are
    /// announced first; HMAC signers wait until you have distributed their secrets and promote them
    #[arg(long, value_name = "ROOT_KEY")]
    rotate_with: Option<std::path::PathBuf>,
    /// For idle-keys: only show how many keys it would suspend
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    retention: RetentionArgs,
}

impl Jobs {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        match self {
            Self::List => list(issuer, out).await,
            Self::Run(run) if run.dry_run => run.preview(issuer, out).await,
            Self::Run(run) => {
                let options = Options {
                    key_age_days: run.days,
                    rotate_with: run.rotate_with.clone(),
                    retention: match run.job {
                        Job::TrimEvents => run.retention.retention(issuer.now())?,
                        Job::ExpiryNotices | Job::Prune | Job::KeyAge | Job::IdleKeys => None,
                    },
                };
                let done = issuer.jobs().run(run.job, &options).await?;
                out.answer(&done, |o| field(o, "Done", done.summary()))?;
                Ok(Exit::Done)
            }
        }
    }
}

impl Run {
    async fn preview(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        if self.job != Job::IdleKeys {
            bail!("--dry-run is for the job idle-keys alone");
        }
        let idle = issuer.keys().preview_idle().await?;
        let kinds = idle.iter().filter_map(|(class, idle)| {
            let kind = class.name();
            match idle {
                Idle::Off => None,
                Idle::Waits(why) => Some(IdleOfKind { idle: 0, kind, waits: Some(why) }),
                Idle::Keys(many) => Some(IdleOfKind { idle: *many, kind, waits: None }),
            }
        });
        let answer = IdleAnswer { dry_run: true, job: "idle-keys", kinds: kinds.collect() };
        out.answer(&answer, |o| {
            field(o, "Dry run", "nothing was changed")?;
            for (class, idle) in &idle {
                let class = class.name();
                match idle {
                    Idle::Off => field(o, class, "not asked")?,
                    Idle::Waits(why) => field(o, class, format_args!("none, because {why}"))?,
                    Idle::Keys(many) => field(o, class, format_args!("{many} keys"))?,
                }
            }
            Ok(())
        })?;
        Ok(Exit::Done)
    }
}

/// How many keys of each kind the job would suspend.
#[derive(Serialize)]
struct IdleAnswer<'a> {
    dry_run: bool,
    job: &'static str,
    kinds: Vec<IdleOfKind<'a>>,
}

#[derive(Serialize)]
struct IdleOfKind<'a> {
    idle: u64,
    kind: &'static str,
    /// The reason why no key is suspended yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<&'a str>,
}

#[derive(Serialize)]
struct JobsAnswer<'a> {
    jobs: Vec<JobView<'a>>,
}

#[derive(Serialize)]
struct JobView<'a> {
    ended_at: &'a Option<String>,
    error: &'a Option<String>,
    every_seconds: u64,
    job: &'static str,
    state: &'static str,
}

async fn list(issuer: &Issuer, out: &Out) -> Result<Exit> {
    let known = issuer.jobs().list().await?;
    let now = issuer.now();
    let rows = Job::ALL.map(|job| {
        let record = known.iter().find(|record| record.name == job.name());
        let ended = record.and_then(|record| record.ended).map(rfc3339_millis);
        let error = record.and_then(|record| record.error.clone());
        let held = record.filter(|record| record.holder.is_some() && now < record.until);
        let state = match (held, &ended, &error) {
            (Some(_), ..) => "running",
            (None, None, _) => "never ran",
            (None, Some(_), Some(_)) => "failed",
            (None, Some(_), None) => "ended",
        };
        (job, state, ended, error)
    });
    let views = rows.iter().map(|(job, state, ended_at, error)| JobView {
        ended_at,
        error,
        every_seconds: job.period_millis() / 1000,
        job: job.name(),
        state,
    });
    let answer = JobsAnswer { jobs: views.collect() };
    out.answer(&answer, |o| {
        let mut lines = vec![["JOB", "STATE", "ENDED", "ERROR"].map(String::from)];
        lines.extend(rows.iter().map(|(job, state, ended, error)| {
            let [ended, error] = [ended, error].map(|text| text.clone().unwrap_or_default());
            [job.name().to_owned(), (*state).to_owned(), ended, error]
        }));
        table(o, &lines)
    })?;
    Ok(Exit::Done)
}
