//! Time and processor time. The machines that this runs on are shared and noisy: of many batches the fastest
//! counts, and processor time is taken where two programs are compared that do not do the same things at once.

use std::time::{Duration, Instant};

/// Seconds for one call of `f`, in the fastest batch.
pub fn fastest(batches: usize, each: u32, mut f: impl FnMut()) -> f64 {
    let batch = |_| {
        let start = Instant::now();
        for _ in 0..each {
            f();
        }
        start.elapsed().as_secs_f64() / f64::from(each)
    };
    (0..batches).map(batch).fold(f64::INFINITY, f64::min)
}

/// Several candidates in turn, batch by batch, so that what disturbs one disturbs all; seconds for one call of
/// each, in its fastest batch.
pub fn side_by_side<const N: usize>(
    batches: usize,
    each: u32,
    mut candidates: [&mut dyn FnMut(); N],
) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..batches {
        for (best, f) in best.iter_mut().zip(&mut candidates) {
            *best = best.min(fastest(1, each, f));
        }
    }
    best
}

/// Seconds of processor time, user and system, that a process and its threads have used.
pub fn processor_time(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    // The name in parentheses may hold anything.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / TICKS_PER_SECOND
}

/// Polls until there is an answer.
pub fn wait<T>(seconds: u64, what: &str, mut f: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(answer) = f() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What Linux counts processor time in, on every machine that Rust has a standard library for.
const TICKS_PER_SECOND: f64 = 100.0;
