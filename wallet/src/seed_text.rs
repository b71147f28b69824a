//! What a seed file says.
//!
//! A text of one entry per line:
//!
//! ```text
//! navvy seed 1
//! network signet
//! birthday 213400
//! entropy <64 hex digits>
//! check <16 hex digits>
//! ```
//!
//! or, under a password, in place of `entropy`:
//!
//! ```text
//! sealed argon2id m=65536 t=3 p=1 <salt, 32 hex> <nonce, 48 hex> <sealed entropy, 96 hex>
//! ```
//!
//! The entropy is sealed with XChaCha20-Poly1305; its key is argon2id's of the password (memory in
//! KiB, passes, lanes), and the lines before it are authenticated with it. `check` is the start of
//! the SHA-256 of all lines before it: it tells a damaged file from a wrong password.

use crate::seed::Seed;
use argon2::{Algorithm, Argon2, Params, Version};
use bitcoin::Network;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::{DisplayHex, FromHex};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use std::fmt::Write;
use zeroize::Zeroizing;

/// A seed and where its coins can be.
#[derive(Clone, PartialEq, Eq)]
pub struct SeedFile {
    /// The seed.
    pub seed: Seed,
    /// The network that it is used on. One seed is one node.
    pub network: Network,
    /// A height before which it was never used.
    pub birthday: u32,
}

/// A password and the chance that goes with it. Salt and nonce are never used twice.
pub struct Protection<'a> {
    /// The password, as bytes.
    pub password: &'a [u8],
    /// Random.
    pub salt: [u8; 16],
    /// Random.
    pub nonce: [u8; 24],
}

/// Why a text is no seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// A line does not say what it has to.
    Corrupt(&'static str),
    /// The file is of a newer navvy.
    Newer,
    /// It is sealed, and no password was given.
    PasswordMissing,
    /// The password opens nothing.
    PasswordWrong,
    /// It is plain, and a password was given.
    NotSealed,
}

/// What deriving the key costs: who guesses passwords pays it for each guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// KiB.
    pub(crate) memory: u32,
    /// Over that memory.
    pub(crate) passes: u32,
    /// Of argon2.
    pub(crate) lanes: u32,
}

/// The text of a file; `None` for a cost that argon2 does not take.
pub(crate) fn write(
    file: &SeedFile,
    protection: Option<(&Protection<'_>, Cost)>,
) -> Option<Zeroizing<String>> {
    let SeedFile { seed, network, birthday } = file;
    // Room for all of it: a string that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(1024));
    writeln!(text, "{TITLE} {VERSION}\nnetwork {network}\nbirthday {birthday}").ok()?;
    match protection {
        None => writeln!(text, "entropy {}", seed.entropy().as_hex()).ok()?,
        Some((protection, cost)) => {
            let sealed = seal(seed, protection, cost, text.as_bytes())?;
            let Cost { memory, passes, lanes } = cost;
            write!(text, "sealed argon2id m={memory} t={passes} p={lanes} ").ok()?;
            let Protection { salt, nonce, .. } = protection;
            writeln!(text, "{} {} {}", salt.as_hex(), nonce.as_hex(), sealed.as_hex()).ok()?;
        }
    }
    let check = check_of(&text);
    writeln!(text, "check {check}").ok()?;
    Some(text)
}

/// Reads a text of [`write()`].
pub(crate) fn read(text: &str, password: Option<&[u8]>) -> Result<SeedFile, Problem> {
    let version = text.strip_prefix(TITLE).and_then(|rest| rest.trim_start().lines().next());
    let version = version.and_then(|version| version.trim_end().parse::<u32>().ok());
    match version.ok_or(Problem::Corrupt("it does not begin as a seed file"))? {
        VERSION => {}
        0 => return Err(Problem::Corrupt("it has no such version")),
        _ => return Err(Problem::Newer),
    }
    let check = text.rfind("check ").ok_or(Problem::Corrupt("the line `check` is missing"))?;
    let (body, check) = text.split_at(check);
    if check.trim_end() != format!("check {}", check_of(body)) {
        return Err(Problem::Corrupt("its lines do not fit the line `check`"));
    }
    let mut lines = body.lines().skip(1);
    let mut entry = |name, problem| {
        let line = lines.next().and_then(|line| line.strip_prefix(name));
        line.ok_or(Problem::Corrupt(problem))
    };
    let network = entry("network ", "the line `network` is missing")?;
    let network = network.parse().map_err(|_| Problem::Corrupt("it names no known network"))?;
    let birthday = entry("birthday ", "the line `birthday` is missing")?;
    let birthday = birthday.parse().map_err(|_| Problem::Corrupt("its birthday is no height"))?;
    let secret = entry("", "the line `entropy` or `sealed` is missing")?;
    let head = body.get(..body.len().saturating_sub(secret.len().saturating_add(1)));
    let seed = match (secret.split_once(' '), password) {
        (Some(("entropy", _)), Some(_)) => return Err(Problem::NotSealed),
        (Some(("entropy", hex)), None) => plain(hex)?,
        (Some(("sealed", _)), None) => return Err(Problem::PasswordMissing),
        (Some(("sealed", rest)), Some(password)) => {
            open(rest, password, head.unwrap_or_default().as_bytes())?
        }
        _ => return Err(Problem::Corrupt("the line `entropy` or `sealed` is missing")),
    };
    Ok(SeedFile { seed, network, birthday })
}

fn plain(hex: &str) -> Result<Seed, Problem> {
    let entropy = <[u8; 32]>::from_hex(hex);
    entropy.map(Seed::from_entropy).map_err(|_| Problem::Corrupt("its entropy is not 32 bytes"))
}

fn seal(
    seed: &Seed,
    protection: &Protection<'_>,
    cost: Cost,
    head: &[u8],
) -> Option<[u8; SEALED_BYTES]> {
    let key = key(protection.password, &protection.salt, cost)?;
    let mut sealed = Zeroizing::new([0; SEALED_BYTES]);
    let (body, end) = sealed.split_at_mut_checked(32)?;
    body.copy_from_slice(seed.entropy());
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    let nonce = XNonce::from(protection.nonce);
    let tag = cipher.encrypt_inout_detached(&nonce, head, body.into()).ok()?;
    end.copy_from_slice(&tag);
    Some(*sealed)
}

fn open(line: &str, password: &[u8], head: &[u8]) -> Result<Seed, Problem> {
    let parts: Vec<&str> = line.split(' ').collect();
    let &["argon2id", memory, passes, lanes, salt, nonce, sealed] = parts.as_slice() else {
        return Err(Problem::Corrupt("the line `sealed` is not complete"));
    };
    let number = |text: &str, name: &str| -> Option<u32> { text.strip_prefix(name)?.parse().ok() };
    let cost = number(memory, "m=").zip(number(passes, "t=")).zip(number(lanes, "p="));
    let ((memory, passes), lanes) = cost.ok_or(Problem::Corrupt("its cost is no cost"))?;
    let cost = Cost { memory, passes, lanes };
    let hex = Problem::Corrupt("the line `sealed` is not all hex digits");
    let salt = <[u8; 16]>::from_hex(salt).map_err(|_| hex)?;
    let nonce = <[u8; 24]>::from_hex(nonce).map_err(|_| hex)?;
    let sealed = <[u8; SEALED_BYTES]>::from_hex(sealed).map_err(|_| hex)?;
    let key = key(password, &salt, cost).ok_or(Problem::Corrupt("its cost is out of range"))?;
    let mut sealed = Zeroizing::new(sealed);
    let (body, tag) = sealed.split_at_mut_checked(32).ok_or(hex)?;
    let tag = Tag::try_from(&*tag).map_err(|_| hex)?;
    XChaCha20Poly1305::new(&(*key).into())
        .decrypt_inout_detached(&XNonce::from(nonce), head, (&mut *body).into(), &tag)
        .map_err(|_| Problem::PasswordWrong)?;
    let entropy = Zeroizing::new(<[u8; 32]>::try_from(&*body).map_err(|_| hex)?);
    Ok(Seed::from_entropy(*entropy))
}

fn key(password: &[u8], salt: &[u8], cost: Cost) -> Option<Zeroizing<[u8; 32]>> {
    if cost.memory > MAX_MEMORY || cost.passes > MAX_PASSES {
        return None;
    }
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(32)).ok()?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, salt, key.as_mut_slice())
        .ok()?;
    Some(key)
}

fn check_of(body: &str) -> String {
    let hash = sha256::Hash::hash(body.as_bytes()).to_byte_array();
    hash.iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

const TITLE: &str = "navvy seed";
const VERSION: u32 = 1;
/// The entropy and the tag that authenticates it.
const SEALED_BYTES: usize = 32 + 16;
/// 64 MiB three times over: a third of a second on a small server.
pub(crate) const COST: Cost = Cost { memory: 65_536, passes: 3, lanes: 1 };
/// 1 GiB: a file asks for no more, whoever wrote it.
const MAX_MEMORY: u32 = 1 << 20;
const MAX_PASSES: u32 = 64;
