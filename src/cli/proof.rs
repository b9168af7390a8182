//! The commands that prove, keep and mend the book.

use clap::Arg;

use super::definition::settings;

pub(super) fn seals() -> clap::Command {
    clap::Command::new("seals")
        .about("The ledger's seals: what it held, as hashes to be kept elsewhere")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            clap::Command::new("export")
                .about("Print every seal as a line of JSON, for `daybook verify --against FILE`")
                .long_about(
                    "Print every seal as a line of JSON. Keep them where nobody can change them who can \
                     change the ledger: then `daybook verify --against FILE` names any event that was \
                     changed, moved or deleted since. docs/seals.md says how to check them without \
                     Daybook.",
                )
                .args(settings()),
        )
}

pub(super) fn projections() -> clap::Command {
    clap::Command::new("projections")
        .about("Build a view again from the ledger, beside the one that is read")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            clap::Command::new("rebuild")
                .about("Fold a view anew from the first event, then put it in the place of the old one")
                .long_about(
                    "Fold a view anew from the first event, beside a running `serve` or without one, \
                     and put it in the place of the old one in one transaction when it stands where \
                     that one does. Readers see the old view until then. What was different is \
                     counted. One that was interrupted changed nothing: run it again.",
                )
                .arg(
                    Arg::new("NAME")
                        .required(true)
                        .help("payments, settlements, refunds, balances or operations"),
                )
                .args(settings()),
        )
}

pub(super) fn backup() -> clap::Command {
    clap::Command::new("backup")
        .about("Copy the ledger into a new folder, beside a running `serve` or without one")
        .long_about(
            "Copy the ledger as it stands at one moment into a folder that is new or empty, with its \
             seals and a manifest of its heads, beside a running `serve` or without one. Views and \
             work rows are no part of it: they come again from the ledger. On Postgres the copy \
             itself is pg_basebackup's or pg_dump's to make, and the command says how.",
        )
        .arg(Arg::new("DIR").required(true).help("The backup's folder"))
        .args(settings())
}

pub(super) fn restore() -> clap::Command {
    clap::Command::new("restore")
        .about("Put the ledger of a backup into a new --data-dir, to be adopted there")
        .long_about(
            "Put the ledger of a backup into a --data-dir that is new or empty, after checking it \
             against the backup's manifest. `serve` refuses it until `daybook ledger adopt` was run.",
        )
        .arg(Arg::new("DIR").required(true).help("The backup's folder"))
        .args(settings())
}

pub(super) fn ledger() -> clap::Command {
    clap::Command::new("ledger")
        .about("Let a ledger go on that was restored from a backup")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            clap::Command::new("adopt")
                .about("Raise the incarnation of a restored ledger, and put right what is ahead of it")
                .long_about(
                    "Raise the incarnation of a ledger that was restored, while nothing serves from \
                     it: what it publishes from then on can't be taken for what it has lost. Views \
                     that have seen more are rebuilt, cursors of topics that hold more are set back, \
                     and work rows come again from the ledger's open operations. On Postgres it takes \
                     the owner in --database-url.",
                )
                .args(settings()),
        )
}
