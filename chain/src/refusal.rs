//! Why a transaction is not taken, in a form that one can act on.

use std::fmt;

/// A transaction that the backend will not have, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule that it breaks.
    pub rule: Rule,
    /// The backend's words for it, for the operator.
    pub text: String,
}

impl Refusal {
    /// `rule`, with the details in `text`.
    pub fn new(rule: Rule, text: impl Into<String>) -> Self {
        Self { rule, text: text.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.text)
    }
}

impl std::error::Error for Refusal {}

/// The kinds of broken rule that call for different answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// An input spends what was never there, or is spent already by a confirmed transaction.
    InputsMissingOrSpent,
    /// An unconfirmed transaction spends the same coin, and this one does not replace it.
    Conflict,
    /// It conflicts, and pays too little to replace what is there.
    ReplacementFeeTooLow,
    /// An input spends a block reward that is less than 100 blocks old.
    CoinbaseImmature,
    /// Its lock time has not come.
    NonFinal,
    /// A relative lock time of an input has not passed.
    RelativeLockNotMet,
    /// A signature or script fails.
    ScriptInvalid,
    /// Its feerate is below the minimum for relay or for this mempool.
    FeeBelowMinimum,
    /// Its feerate is above the maximum that we ask the backend to take.
    FeeAboveMaximum,
    /// An output is worth less than it costs to spend.
    Dust,
    /// Valid in a block, but of a form that is not relayed.
    NotStandard,
    /// Too many or too large unconfirmed transactions hang together.
    TooManyUnconfirmed,
    /// Not a transaction that any chain could hold.
    Malformed,
    /// A reason that is not in this list.
    Other,
}

impl Rule {
    /// Its name in logs and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::InputsMissingOrSpent => "inputs-missing-or-spent",
            Self::Conflict => "conflict",
            Self::ReplacementFeeTooLow => "replacement-fee-too-low",
            Self::CoinbaseImmature => "coinbase-immature",
            Self::NonFinal => "non-final",
            Self::RelativeLockNotMet => "relative-lock-not-met",
            Self::ScriptInvalid => "script-invalid",
            Self::FeeBelowMinimum => "fee-below-minimum",
            Self::FeeAboveMaximum => "fee-above-maximum",
            Self::Dust => "dust",
            Self::NotStandard => "not-standard",
            Self::TooManyUnconfirmed => "too-many-unconfirmed",
            Self::Malformed => "malformed",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
