//! The `meridian` binary: one file of `commands` for each subcommand.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use meridian::commands::{password::Password, serve::Serve};

/// A MySQL-wire-protocol, shard-routing SQL proxy.
#[derive(Debug, Parser)]
#[command(name = "meridian", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Serve),
    Password(Password),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(serve) => serve.run().map_err(|failure| failure.to_string()),
        Command::Password(password) => password.run().map_err(|failure| failure.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("meridian: {text}");
            ExitCode::FAILURE
        }
    }
}
