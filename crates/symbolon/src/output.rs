//! How things are printed: tables and colours for people, JSON for machines.

use std::io::{IsTerminal, Write as _};

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;
use symbolon_core::difference::printable;

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people
    #[default]
    Table,
    /// For machines
    Json,
}

/// What shells report for a program that a closed pipe ended: 128 and the number of SIGPIPE.
const CLOSED_PIPE: i32 = 141;

/// Writes to standard output. Where the reader has gone (`| head`) the program ends without a
/// word; any other failure, such as a full disk, is said.
pub(crate) fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) else {
        return;
    };
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(CLOSED_PIPE);
    }
    print_error(&anyhow::Error::new(error).context("standard output cannot be written"));
    std::process::exit(1);
}

/// Prints a value as indented JSON.
///
/// # Errors
/// When it cannot be printed as JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<()> {
    outln!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// A string member of a JSON object; empty where there is none.
#[cfg(feature = "authority")]
pub(crate) fn text(value: &serde_json::Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// Prints named values, one a line.
pub(crate) fn print_fields(fields: &[(&str, String)]) {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in fields {
        outln!("{}  {}", dim(&format!("{name:<width$}")), printable(value));
    }
}

/// Prints rows under a header, or a sentence where there are none.
pub(crate) fn print_table(header: &[&str], rows: &[Vec<String>], nothing: &str) {
    if rows.is_empty() {
        outln!("{nothing}");
        return;
    }
    out!("{}", table(header, rows, &dim));
}

fn table(header: &[&str], rows: &[Vec<String>], style: &dyn Fn(&str) -> String) -> String {
    // Names come from many hands; none may move the cursor of whoever reads them.
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(header.get(column).map(|name| name.len())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let names: Vec<String> = header.iter().map(|name| name.to_uppercase()).collect();
    let mut text = format!("{}\n", style(&line(&names)));
    for row in &rows {
        text.push_str(&line(row));
        text.push('\n');
    }
    text
}

/// Says that something was deleted, or that it was not there.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn print_deleted(what: &str, name: &str, deleted: bool, format: OutputFormat) -> Result<()> {
    match format {
        OutputFormat::Json => print_json(&serde_json::json!({ "name": name, "deleted": deleted }))?,
        OutputFormat::Table if deleted => outln!("{what} `{name}` was deleted"),
        OutputFormat::Table => outln!("there was no {what} `{name}`"),
    }
    Ok(())
}

/// Prints an error with its causes, on standard error.
pub(crate) fn print_error(error: &anyhow::Error) {
    let label = if colours(&std::io::stderr()) { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
    eprintln!("{label} {error:#}");
}

/// Colours on a terminal, unless `NO_COLOR` is set (no-color.org).
fn colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn paint(code: &str, text: &str) -> String {
    if text.is_empty() || !colours(&std::io::stdout()) {
        return text.to_owned();
    }
    let painted: Vec<_> = text.lines().map(|line| format!("\u{1b}[{code}m{line}\u{1b}[0m")).collect();
    painted.join("\n")
}

/// A title, with something beside it.
pub(crate) fn heading(title: &str, beside: &str) -> String {
    let title = paint("1;36", title);
    if beside.is_empty() { title } else { format!("{title} {}", paint("1", beside)) }
}

/// What is less important.
pub(crate) fn dim(text: &str) -> String {
    paint("2", text)
}

/// What went well.
pub(crate) fn good(text: &str) -> String {
    paint("32", text)
}

/// What went wrong.
pub(crate) fn bad(text: &str) -> String {
    paint("31", text)
}

/// What to look at.
pub(crate) fn warning(text: &str) -> String {
    paint("33", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows =
            vec![vec!["a".into(), "long value".into(), "x".into()], vec!["longer".into(), "b".into(), "y".into()]];
        insta::assert_snapshot!(table(&["name", "value", "z"], &rows, &|text| text.to_owned()), @r"
        NAME    VALUE       Z
        a       long value  x
        longer  b           y
        ");
    }
}
