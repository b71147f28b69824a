//! Makes a failing run simpler: settings that still lead to a violation with as little as possible in them.

use super::{Report, Settings, run};

/// The simplest settings found with which the seed fails, and that failure; `None` if it does not fail.
pub fn shrink(seed: u64, settings: &Settings) -> Option<Report> {
    let mut best = Some(run(seed, settings, false)).filter(|report| report.violation.is_some())?;
    let mut progress = true;
    while progress {
        progress = false;
        for simpler in simpler(&best.settings) {
            let report = run(seed, &simpler, false);
            if report.violation.is_some() {
                best = report;
                progress = true;
                break;
            }
        }
    }
    Some(best)
}

/// Settings with one thing less, the largest simplification first.
fn simpler(settings: &Settings) -> Vec<Settings> {
    let mut all = Vec::new();
    for (name, value) in settings.numbers() {
        let least = match name {
            "nodes" => 2,
            "batch" | "latency" | "opens" | "deepest_reorg" => 1,
            "safety" => 10_000,
            "to_self_delay" | "forget_after" | "command_every" | "block_every" | "fault_every" => {
                continue;
            }
            _ => 0,
        };
        for wanted in [least, value / 2, value.saturating_sub(value / 8)] {
            if wanted >= least && wanted < value {
                let mut simpler = settings.clone();
                if simpler.set(name, wanted).is_ok() && simpler != *settings {
                    all.push(simpler);
                }
            }
        }
    }
    all
}
