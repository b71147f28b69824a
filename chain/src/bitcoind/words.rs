//! The reasons of Bitcoin Core for refusing a transaction, told apart by their shortest words.

use crate::{Refusal, Rule};

/// The reason as a refusal, in bitcoind's words.
pub(super) fn refusal(reason: &str) -> Refusal {
    Refusal::new(rule(reason), reason)
}

/// Whether the reason is that the transaction is in the mempool or in the chain already.
pub(super) fn is_known(reason: &str) -> bool {
    ["already-known", "already-in-mempool", "same-nonwitness", "already in"]
        .iter()
        .any(|words| reason.contains(words))
}

/// The rule that a reason names.
pub(super) fn rule(reason: &str) -> Rule {
    let reason = reason.to_ascii_lowercase();
    let named = RULES.iter().find(|(words, _)| reason.contains(words));
    named.map_or(Rule::Other, |(_, rule)| *rule)
}

/// Tried from the top: some words are part of others.
const RULES: &[(&str, Rule)] = &[
    ("missingorspent", Rule::InputsMissingOrSpent),
    ("missing-inputs", Rule::InputsMissingOrSpent),
    ("inputs missing", Rule::InputsMissingOrSpent),
    ("spends-conflicting", Rule::Conflict),
    ("mempool-conflict", Rule::Conflict),
    ("replacement-disallowed", Rule::Conflict),
    ("insufficient fee", Rule::ReplacementFeeTooLow),
    ("insufficient anti-dos", Rule::ReplacementFeeTooLow),
    ("replacement", Rule::ReplacementFeeTooLow),
    ("package rbf", Rule::ReplacementFeeTooLow),
    ("premature-spend", Rule::CoinbaseImmature),
    ("non-bip68", Rule::RelativeLockNotMet),
    ("non-final", Rule::NonFinal),
    ("script-verify", Rule::ScriptInvalid),
    ("max-fee", Rule::FeeAboveMaximum),
    ("max feerate", Rule::FeeAboveMaximum),
    ("fee exceeds", Rule::FeeAboveMaximum),
    ("fee not met", Rule::FeeBelowMinimum),
    ("mempool full", Rule::FeeBelowMinimum),
    ("dust", Rule::Dust),
    ("too-large-cluster", Rule::TooManyUnconfirmed),
    ("mempool-chain", Rule::TooManyUnconfirmed),
    ("mempool-limits", Rule::TooManyUnconfirmed),
    ("nonstandard", Rule::NotStandard),
    ("too-many-sigops", Rule::NotStandard),
    ("tx-size", Rule::NotStandard),
    ("version", Rule::NotStandard),
    ("scriptsig", Rule::NotStandard),
    ("scriptpubkey", Rule::NotStandard),
    ("datacarrier", Rule::NotStandard),
    ("bare-multisig", Rule::NotStandard),
    ("truc", Rule::NotStandard),
    ("maxburnamount", Rule::NotStandard),
    ("bad-txns", Rule::Malformed),
    ("coinbase", Rule::Malformed),
    ("topology", Rule::Malformed),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_become_rules() {
        for (reason, expected) in [
            ("bad-txns-inputs-missingorspent", Rule::InputsMissingOrSpent),
            ("Inputs missing or spent", Rule::InputsMissingOrSpent),
            ("insufficient fee, rejecting replacement, 1 < 2", Rule::ReplacementFeeTooLow),
            ("bad-txns-spends-conflicting-tx", Rule::Conflict),
            ("bad-txns-premature-spend-of-coinbase, depth 3", Rule::CoinbaseImmature),
            ("non-BIP68-final", Rule::RelativeLockNotMet),
            ("non-final", Rule::NonFinal),
            ("mempool-script-verify-flag-failed (Witness)", Rule::ScriptInvalid),
            ("min relay fee not met, 0 < 11", Rule::FeeBelowMinimum),
            ("mempool min fee not met, 5 < 11", Rule::FeeBelowMinimum),
            ("max-fee-exceeded", Rule::FeeAboveMaximum),
            ("dust, tx with dust output must be 0-fee", Rule::Dust),
            ("too-large-cluster", Rule::TooManyUnconfirmed),
            ("tx-size-small", Rule::NotStandard),
            ("bad-txns-nonstandard-inputs", Rule::NotStandard),
            ("bad-txns-in-belowout", Rule::Malformed),
            ("something new", Rule::Other),
        ] {
            assert_eq!(rule(reason), expected, "{reason}");
        }
        assert!(is_known("txn-already-known") && is_known("txn-already-in-mempool"));
        assert!(!is_known("txn-mempool-conflict"));
    }
}
