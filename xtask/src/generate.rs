//! `cargo xtask generate`: files that are made from others and lie in git.

use std::fs;

use anyhow::Result;
use symbolon_test_deploy::{Helm, generated, goldens};

use crate::helm;

/// Writes what is not up to date.
pub(crate) fn run() -> Result<()> {
    let all = generated(&Helm::new(helm::required()?))?;
    for file in &all {
        if file.write()? {
            println!("written: {}", file.path.display());
        }
    }
    for old in goldens()?.into_iter().filter(|old| all.iter().all(|new| new.path != old.path)) {
        fs::remove_file(&old.path)?;
        println!("removed: {}", old.path.display());
    }
    println!("{} generated files are up to date", all.len());
    Ok(())
}
