//! `claviger audit`: what happened, and whether anybody changed the record of it.

use claviger_peer::Standing;
use claviger_prompt_api::manage::{AuditCaller, AuditEntry, AuditLog};
use claviger_prompt_api::sanitise;
use serde::Deserialize;
use serde_json::Value;

use super::client;
use crate::cli::AuditArguments;
use crate::output::{self, Failure, line};

/// Runs the command.
pub async fn run(command: AuditArguments) -> Result<(), Failure> {
    let last = if command.verify { 0 } else { command.last };
    let broker = client::connect().await?;
    let audit: AuditLog = client::json(&broker.audit(last).await.map_err(|error| client::failure(&error))?)?;
    if command.output.json {
        output::json(&audit)?;
    } else if !command.verify {
        for entry in &audit.entries {
            line(describe(entry))?;
        }
    }
    if !audit.intact {
        let problem = audit.problem.as_deref().unwrap_or("its hash chain is broken");
        return Err(Failure::Failed(format!(
            "the audit log was changed or damaged: {problem}"
        )));
    }
    if command.verify && !command.output.json {
        line("The audit log is intact.")?;
    }
    Ok(())
}

/// A time in UTC, `YYYY-MM-DD HH:MM`, from milliseconds since 1970.
pub fn utc(ms: u64) -> String {
    let minutes = ms / 60_000;
    let (days, minute_of_day) = (minutes / 1440, minutes % 1440);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}",
        minute_of_day / 60,
        minute_of_day % 60
    )
}

/// The date of a count of days since 1970-01-01 in the proleptic Gregorian calendar.
///
/// The year is taken to begin in March, so that the leap day is the last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_FROM_YEAR_0: u64 = 719_468;
    const DAYS_PER_ERA: u64 = 146_097;
    let days = days + DAYS_FROM_YEAR_0;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Who asked, and that nothing proves it where that is so.
fn named(AuditCaller { name, standing }: AuditCaller) -> String {
    match standing {
        Some(Standing::Unproved) => format!("{name} ({})", Standing::Unproved.name()),
        Some(Standing::Proved) | None => name,
    }
}

/// A line that cannot be read is shown as it is.
fn describe(line: &Value) -> String {
    let Ok(entry) = AuditEntry::deserialize(line) else {
        return line.to_string();
    };
    let details = [
        entry.event,
        entry.detail,
        entry.result,
        entry.rp_id,
        entry.provider,
        entry.caller.map(named),
        entry.cause,
        entry.evidence.as_ref().map(|evidence| evidence.method.clone()),
        entry.evidence.map(|evidence| evidence.tier),
    ];
    // Two spaces stand between two of them, so there are none in one.
    let details = details.into_iter().flatten();
    let details: Vec<String> = details
        .map(|detail| sanitise::line(&detail, sanitise::MAX_PATH_CHARS))
        .collect();
    format!("{}  {}", entry.time.map_or_else(String::new, utc), details.join("  "))
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn times_are_shown_in_utc_across_leap_days() {
        assert_eq!(utc(0), "1970-01-01 00:00");
        assert_eq!(utc(951_782_400_000), "2000-02-29 00:00");
        assert_eq!(utc(1_709_251_199_000), "2024-02-29 23:59");
        assert_eq!(utc(1_795_391_999_000), "2026-11-22 23:59");
    }
}
