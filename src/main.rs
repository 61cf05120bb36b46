//! The `meridian` binary: one file of `commands` for each subcommand.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use meridian::commands::{
    check::Check, diff::DiffMaps, explain::Explain, password::Password, playground::Playground, schema::Schema,
    serve::Serve, verify::Verify,
};

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
    Check(Check),
    Diff(DiffMaps),
    Explain(Explain),
    Password(Password),
    Playground(Playground),
    Schema(Schema),
    Verify(Verify),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(serve) => serve.run().map(|()| ExitCode::SUCCESS).map_err(|failure| failure.to_string()),
        Command::Check(check) => check.run().map_err(|failure| failure.to_string()),
        Command::Diff(diff) => diff.run().map_err(|failure| failure.to_string()),
        Command::Explain(explain) => Ok(explain.run()),
        Command::Playground(playground) => {
            playground.run().map(|()| ExitCode::SUCCESS).map_err(|failure| failure.to_string())
        }
        Command::Schema(schema) => {
            schema.run().map(|()| ExitCode::SUCCESS).map_err(|error| format!("cannot write the schema: {error}"))
        }
        Command::Verify(verify) => Ok(verify.run()),
        Command::Password(password) => {
            password.run().map(|()| ExitCode::SUCCESS).map_err(|failure| failure.to_string())
        }
    };
    match done {
        Ok(status) => status,
        Err(text) => {
            eprintln!("meridian: {text}");
            ExitCode::FAILURE
        }
    }
}
