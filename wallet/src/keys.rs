//! Every secret key of the node, derived from the seed.
//!
//! | what | path |
//! |---|---|
//! | node key, as LND has it | `m/1017'/coin'/6'/0/0` |
//! | coins (BIP 84) | `m/84'/coin'/0'/{0 receiving, 1 change}/index` |
//! | root of the channels' keys (see `channel_keys`) | `m/62889'/coin'/0'` |
//! | payment basepoints | `m/62889'/coin'/1'/index'`, index 0 to 999 |
//!
//! `coin` is 0 on mainnet and 1 elsewhere.

use crate::coins::Keychain;
use crate::seed::Seed;
use bitcoin::Network;
use bitcoin::bip32::{ChildNumber, Fingerprint, Xpriv, Xpub};
use secp256k1::{SECP256K1, SecretKey};
use zeroize::Zeroizing;

/// The secrets. They are erased when dropped; there is no way to print them.
pub(crate) struct Keys {
    node: SecretKey,
    fingerprint: Fingerprint,
    coin: u32,
    account: Xpriv,
    channels: Zeroizing<[u8; 32]>,
    payments: Xpriv,
}

impl Keys {
    pub(crate) fn new(seed: &Seed, network: Network) -> Self {
        let coin = if network == Network::Bitcoin { 0 } else { 1 };
        let mut master = seed.master(network);
        let node =
            derive(&master, &[hardened(1017), hardened(coin), hardened(6), normal(0), normal(0)]);
        let account = derive(&master, &[hardened(84), hardened(coin), hardened(0)]);
        let channels = derive(&master, &[hardened(PURPOSE), hardened(coin), hardened(0)]);
        let payments = derive(&master, &[hardened(PURPOSE), hardened(coin), hardened(1)]);
        let fingerprint = master.fingerprint(SECP256K1);
        master.private_key.non_secure_erase();
        let secret = Zeroizing::new(channels.private_key.secret_bytes());
        Self { node: node.private_key, fingerprint, coin, account, channels: secret, payments }
    }

    pub(crate) const fn node(&self) -> &SecretKey {
        &self.node
    }

    /// What the keys of all channels are derived from, with a channel's KeysId.
    pub(crate) fn channels(&self) -> &[u8; 32] {
        &self.channels
    }

    /// The payment basepoint's secret with this index.
    pub(crate) fn payment(&self, index: u16) -> SecretKey {
        derive(&self.payments, &[hardened(u32::from(index))]).private_key
    }

    /// The key of a coin.
    pub(crate) fn coin(&self, keychain: Keychain, index: u32) -> SecretKey {
        derive(&self.account, &[normal(keychain.number()), normal(index)]).private_key
    }

    /// The public descriptor of a keychain, which is all that bdk knows.
    pub(crate) fn descriptor(&self, keychain: Keychain) -> String {
        let account = Xpub::from_priv(SECP256K1, &self.account);
        let Self { fingerprint, coin, .. } = self;
        format!("wpkh([{fingerprint}/84'/{coin}'/0']{account}/{}/*)", keychain.number())
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.node.non_secure_erase();
        self.account.private_key.non_secure_erase();
        self.payments.private_key.non_secure_erase();
    }
}

fn derive(parent: &Xpriv, path: &[ChildNumber]) -> Xpriv {
    // Fails beyond 255 levels, or for one child in 2^127.
    #[allow(clippy::expect_used)]
    let child = parent.derive_priv(SECP256K1, &path).expect("a short path");
    child
}

fn hardened(index: u32) -> ChildNumber {
    ChildNumber::Hardened { index: index & 0x7fff_ffff }
}

fn normal(index: u32) -> ChildNumber {
    ChildNumber::Normal { index: index & 0x7fff_ffff }
}

/// No registered purpose of BIP 43: "navvy" on the keys of a telephone.
const PURPOSE: u32 = 62_889;
