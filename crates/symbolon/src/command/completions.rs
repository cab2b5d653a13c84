//! `symbolon completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;

const EXAMPLES: &str = "\
Examples:
  symbolon completions bash > /etc/bash_completion.d/symbolon
  symbolon completions zsh > \"${fpath[1]}/_symbolon\"
  symbolon completions fish > ~/.config/fish/completions/symbolon.fish";

/// Arguments of `symbolon completions`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs) {
    clap_complete::generate(args.shell, &mut Cli::command(), "symbolon", &mut std::io::stdout());
}
