//! What the compiler does not check: who may depend on whom, the size and names of files, words
//! that are not used, paths of machines, and that code, register of requirements and tests name
//! each other. It reads the files that git tracks, and nothing else.

#[cfg(test)]
mod crates;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod finding;
#[cfg(test)]
mod links;
#[cfg(test)]
mod manifest;
#[cfg(test)]
mod names;
#[cfg(test)]
mod places;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod register;
#[cfg(test)]
mod requirements;
#[cfg(test)]
mod sizes;
#[cfg(test)]
mod tag;
#[cfg(test)]
mod tree;
#[cfg(test)]
mod words;
