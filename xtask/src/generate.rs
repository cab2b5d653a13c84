//! `cargo xtask generate`: files that are made from others and lie in git.

use std::fs;

use anyhow::Result;
use symbolon_test_deploy::{Generated, Helm, generated, goldens, policy_template};

use crate::helm;

/// Writes what is not up to date.
pub(crate) fn run() -> Result<()> {
    // The chart's own template first: the others are rendered from it.
    write(&policy_template()?)?;
    let all = generated(&Helm::new(helm::required()?))?;
    all.iter().try_for_each(write)?;
    for old in goldens()?.into_iter().filter(|old| all.iter().all(|new| new.path != old.path)) {
        fs::remove_file(&old.path)?;
        println!("removed: {}", old.path.display());
    }
    println!("{} generated files are up to date", all.len() + 1);
    Ok(())
}

fn write(file: &Generated) -> Result<()> {
    if file.write()? {
        println!("written: {}", file.path.display());
    }
    Ok(())
}
