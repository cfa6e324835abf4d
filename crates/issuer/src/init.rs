//! Creates an issuer: keys, keyring, database, the first list and the first admin key.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::crypto::{IssuerId, PublicKey};
use portcullis_core::issue::{KeyringDraft, SigningKey};
use portcullis_core::keyring::{Purpose, State};
use portcullis_core::list::Body;
use portcullis_core::token::{Algorithm, Environment, Kind, Label};
use zeroize::Zeroizing;

use crate::actions::{MAX_LABELS, Minted, NewKey, scopes};
use crate::clock::Clock;
use crate::error::Error;
use crate::files::FileError;
use crate::files::{self, Privacy};
use crate::home::Home;
use crate::keystore::{Keystore, StoredKey, Vault};
use crate::record::KeyPurpose;
use crate::store::bulk::EffectiveKey;
use crate::store::{Database, Store, lists, shards};
use crate::{issuer::Issuer, publish::DEFAULT_VALID_FOR};

const YEAR_MILLIS: u64 = 365 * 24 * 60 * 60 * 1000;
const MAX_VALIDITY_SECS: u32 = 24 * 60 * 60;

/// The options of a new issuer.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The labels that tokens can have, one to four, the default first. [`Label::NONE`] is for no
    /// label.
    pub labels: Vec<Label>,
    /// The path of the root key, if not in the folder.
    pub root: Option<PathBuf>,
    /// Whether to encrypt the keystore and the root key with the secret of the folder's files.
    pub encrypt: bool,
}

/// The new issuer.
#[derive(Debug)]
pub struct Initialised {
    /// The issuer's id.
    pub issuer: IssuerId,
    /// The root's public key, which verifiers pin.
    pub root: PublicKey,
    /// The path of the root key.
    pub root_key: PathBuf,
    /// The first admin key.
    pub admin: EffectiveKey,
    /// Its token, which is stored nowhere.
    pub admin_token: Zeroizing<String>,
}

/// Creates an issuer in `home`, all or nothing.
///
/// # Errors
/// As [`init_for`].
pub async fn init(home: &Home, plan: &Plan, clock: Arc<dyn Clock>) -> Result<Initialised, Error> {
    init_for(home, plan, clock, DEFAULT_VALID_FOR).await
}

/// Like [`init`], with the validity of the first list.
///
/// # Errors
/// [`Error::AlreadyInitialised`] and [`Error::RootExists`] instead of overwriting anything,
/// [`Error::Invalid`] for labels that a keyring can't list, [`Error::ValidFor`], [`FileError::Io`],
/// [`Error::Random`].
pub async fn init_for(
    home: &Home,
    plan: &Plan,
    clock: Arc<dyn Clock>,
    valid_for: Duration,
) -> Result<Initialised, Error> {
    let repeats = |(at, label)| plan.labels.iter().take(at).any(|other| other == label);
    if !(1..=MAX_LABELS).contains(&plan.labels.len()) || plan.labels.iter().enumerate().any(repeats)
    {
        let reason = "must be 1 to 4, each of them once; \"\" for no label";
        return Err(Error::Invalid { field: "label", reason });
    }
    match home.check_keystore() {
        Err(Error::NotInitialised { .. }) => {}
        Ok(()) => return Err(Error::AlreadyInitialised { home: home.path().to_owned() }),
        Err(lost) => return Err(lost),
    }
    let root_key = plan.root.clone().unwrap_or_else(|| home.root_key());
    if root_key.exists() {
        return Err(Error::RootExists { path: root_key });
    }
    let io_error = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| FileError::Io { path, source }
    };
    let beside = files::folder_of(home.path());
    fs::create_dir_all(&beside).map_err(io_error(&beside))?;
    let tag = crate::random::below_power_of_two(1 << 31)?;
    let draft = Home::new(beside.join(format!(".portcullis-init-{tag:08x}")));
    let draft = draft.with_unlock(home.unlock().clone());
    let draft = match home.database() {
        Database::File(_) => draft,
        server @ Database::Server(_) => draft.with_database(server),
    };
    files::create_private_folder(draft.path()).map_err(io_error(draft.path()))?;
    let discarding = Arc::clone(&clock);
    let made = async {
        let made = make(&draft, plan, clock, valid_for).await?;
        if let Err(error) = take_place(&draft, home, plan.root.as_deref()) {
            Store::open(&draft.database(), made.issuer, discarding).await?.discard().await;
            return Err(error);
        }
        Ok(made)
    };
    let made: Result<Made, Error> = made.await;
    if made.is_err() {
        // A partial draft is useless. Report the first error.
        let _ = fs::remove_dir_all(draft.path());
    }
    let Made { issuer, root, admin } = made?;
    Ok(Initialised { issuer, root, root_key, admin: admin.record, admin_token: admin.token })
}

struct Made {
    issuer: IssuerId,
    root: PublicKey,
    admin: Minted,
}

async fn make(
    draft: &Home,
    plan: &Plan,
    clock: Arc<dyn Clock>,
    valid_for: Duration,
) -> Result<Made, Error> {
    let now = clock.now();
    // The root key, in its own file.
    let issuer = IssuerId(*crate::random::secret()?);
    let seed = crate::random::secret()?;
    let root = SigningKey::from_seed(&seed);
    let public = root.public()?;
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(seed.as_slice()));
    let root_key = Vault::new(draft.root_key(), draft.unlock().clone());
    let secret = plan.encrypt.then(|| draft.unlock().new_secret(&draft.keystore())).transpose()?;
    let write = |vault: &Vault, bytes: &[u8]| match &secret {
        Some(secret) => vault.write_sealed(bytes, secret),
        None => Ok(vault.write_plain(bytes)?),
    };
    write(&root_key, text.as_bytes())?;

    // The signing keys, and a keyring that lists them, signed by the root.
    let keystore = Keystore::new(issuer, public, first_keys()?);
    let entries = keystore.keys().iter().map(|key| key.entry(issuer));
    let keyring = KeyringDraft {
        issuer,
        version: 1,
        not_after: now.plus_millis(YEAR_MILLIS),
        epoch: 1,
        max_validity_secs: MAX_VALIDITY_SECS,
        successor: None,
        labels: plan.labels.clone(),
        entries: entries.collect::<Result<_, _>>()?,
    };
    let document = keyring.sign(&root)?;
    let keystore = keystore.with_new_salt()?;
    write(&draft.keystore_vault(), &keystore.encode(&draft.keystore())?)?;

    // The database, with its first contents.
    let store = Store::create(&draft.database(), issuer, Arc::clone(&clock)).await?;
    let made = fill(draft, &store, (&keyring, &document), clock, valid_for).await;
    if made.is_err() {
        store.discard().await;
    }
    store.close().await;
    Ok(Made { issuer, root: public, admin: made? })
}

/// Writes the first keyring, shard, list and key to an empty store.
async fn fill(
    draft: &Home,
    store: &Store,
    (keyring, document): (&KeyringDraft, &[u8]),
    clock: Arc<dyn Clock>,
    valid_for: Duration,
) -> Result<Minted, Error> {
    let mut writing = store.bookkeeping().await?;
    let now = writing.clock();
    lists::insert_keyring(&mut writing, keyring.version, document, now).await?;
    shards::insert_shard(&mut writing, 0, Body::MAX_CAPACITY).await?;
    writing.save().await?;

    // From here on use the regular path: the list is published before the first serial is used.
    let with_issuer = Issuer::open(draft, clock, valid_for).await?;
    with_issuer.list().publish().await?;
    let admin = with_issuer.keys().create(&first_admin_key()).await?;
    with_issuer.store().close().await;
    Ok(admin)
}

fn first_admin_key() -> NewKey {
    NewKey {
        purpose: KeyPurpose::Admin,
        admin_scopes: vec![scopes::EVERYTHING.into()],
        created_by: Some("portcullis init".into()),
        ..NewKey::titled("First admin key")
    }
}

fn first_keys() -> Result<Vec<StoredKey>, Error> {
    const LIVE: &[Environment] = &[Environment::Live];
    const TEST: &[Environment] = &[Environment::Test];
    const SECRET: &[Kind] = &[Kind::Secret];
    let key = |kid, algorithm, purpose, environments: &[Environment], kinds: &[Kind]| {
        Ok::<_, Error>(StoredKey {
            kid,
            algorithm,
            purpose,
            environments: environments.to_vec(),
            kinds: kinds.to_vec(),
            state: State::Active,
            secret: crate::random::secret()?,
        })
    };
    Ok(vec![
        key(1, Algorithm::HmacSha256, Purpose::Token, LIVE, SECRET)?,
        key(2, Algorithm::HmacSha256, Purpose::Token, TEST, SECRET)?,
        key(3, Algorithm::Ed25519, Purpose::Token, &Environment::ALL, &Kind::ALL)?,
        key(4, Algorithm::Ed25519, Purpose::Admin, LIVE, SECRET)?,
        key(5, Algorithm::Ed25519, Purpose::List, &[], &[])?,
    ])
}

/// Moves the finished draft to its place. A new folder is moved as a whole. Otherwise the files are
/// moved one by one, the keystore last, because its presence means that the issuer exists.
fn take_place(draft: &Home, home: &Home, root: Option<&Path>) -> Result<(), Error> {
    let mut made = Vec::new();
    let result = try_take_place(draft, home, root, &mut made);
    if result.is_err() {
        // Remove only what this run created.
        for path in &made {
            let _ = fs::remove_file(path);
        }
    }
    result
}

fn try_take_place(
    draft: &Home,
    home: &Home,
    root: Option<&Path>,
    made: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    let failed = |path: &Path, source: io::Error| {
        let taken = [io::ErrorKind::AlreadyExists, io::ErrorKind::DirectoryNotEmpty];
        if taken.contains(&source.kind()) {
            Error::AlreadyInitialised { home: home.path().to_owned() }
        } else {
            FileError::Io { path: path.to_owned(), source }.into()
        }
    };
    let remove = |path: &Path| fs::remove_file(path).map_err(|source| failed(path, source));
    if let Some(root) = root {
        copy_root(&draft.root_key(), root, made).map_err(|source| {
            let path = root.to_owned();
            if source.kind() == io::ErrorKind::AlreadyExists {
                Error::RootExists { path }
            } else {
                FileError::Io { path, source }.into()
            }
        })?;
        remove(&draft.root_key())?;
    }
    if home.path().exists() {
        let root_key = root.is_none().then(|| (draft.root_key(), home.root_key()));
        let file = matches!(home.database(), Database::File(_))
            .then(|| (draft.database_file(), home.database_file()));
        let rest = file.into_iter().chain([(draft.keystore(), home.keystore())]);
        for (from, to) in root_key.into_iter().chain(rest) {
            // Unlike a rename, a hard link fails if the target exists.
            fs::hard_link(&from, &to).map_err(|source| failed(&to, source))?;
            made.push(to);
        }
        fs::remove_dir_all(draft.path()).map_err(|source| failed(draft.path(), source))?;
    } else {
        fs::rename(draft.path(), home.path()).map_err(|source| failed(home.path(), source))?;
    }
    let above = files::folder_of(home.path());
    files::sync_folder(&above).map_err(|source| failed(&above, source))
}

/// Copies the root key, since it may go to another file system.
fn copy_root(from: &Path, to: &Path, made: &mut Vec<PathBuf>) -> io::Result<()> {
    use std::io::Write as _;
    let bytes = Zeroizing::new(fs::read(from)?);
    let mut file = files::create_new(to, Privacy::Secret)?;
    made.push(to.to_owned());
    file.write_all(&bytes)?;
    file.sync_all()
}
