//! Checks merged values: each setting by its row, and the rules between settings.

use secrecy::ExposeSecret as _;

use super::{
    diagnostics::Diagnostics,
    forms::{choices::ApiStyle, names::glob_set},
    layers::values::Values,
    provenance::{ConfigLayer, Provenance},
    setting::{Flaw, Row, Setting},
    spec::{SettingSpec, Unset},
    table,
};

/// Records each setting that is missing or invalid.
pub fn check_rows(rows: &[&'static dyn Row], values: &Values, diagnostics: &mut Diagnostics) {
    for row in rows {
        let setting = row.spec();
        if diagnostics.is_invalid(setting) {
            continue;
        }
        let Some(value) = values.raw(setting) else {
            if setting.unset == Unset::Required {
                let flaw = Flaw::Missing("is required and not set".into());
                diagnostics.add_flaw(setting, &DEFAULT, flaw);
            }
            continue;
        };
        let place = Provenance::from_tag(value.origin());
        for flaw in row.flaws(&value.kind) {
            diagnostics.add_flaw(setting, &place, flaw);
        }
    }
}

/// Records each violation of a rule between settings.
pub fn check_rules(values: &Values, diagnostics: &mut Diagnostics) {
    for rule in RULES {
        let checked = Checked {
            values,
            diagnostics,
        };
        if let Some((setting, flaw)) = rule(&checked) {
            diagnostics.add_flaw(setting, &DEFAULT, flaw);
        }
    }
}

const DEFAULT: Provenance = Provenance::from_layer(ConfigLayer::Default);

/// Values for a rule, which does not apply if one of its settings is invalid itself.
struct Checked<'a> {
    values: &'a Values,
    diagnostics: &'a Diagnostics,
}

impl Checked<'_> {
    /// The value of a setting that is set and valid.
    fn get<T>(&self, setting: &Setting<T>) -> Option<T> {
        self.get_or_unset(setting)?
    }

    /// The value of a setting that is valid: `Some(None)` if it is not set.
    fn get_or_unset<T>(&self, setting: &Setting<T>) -> Option<Option<T>> {
        let is_valid = !self.diagnostics.is_invalid(&setting.spec);
        is_valid.then(|| self.values.get(setting))
    }
}

/// The flaw that a rule finds, and in which setting.
type Finding = Option<(&'static SettingSpec, Flaw)>;

const RULES: [fn(&Checked<'_>) -> Finding; 8] = [
    find_missing_company,
    find_wrong_login,
    find_short_retry_max,
    find_large_globs,
    find_other_location,
    warn_of_short_token,
    find_missing_secret,
    warn_of_unused_secret,
];

fn find_missing_company(checked: &Checked<'_>) -> Finding {
    let style = checked.get(&table::VERACORE_API_STYLE)?;
    let company = checked.get_or_unset(&table::VERACORE_COMPANY_ID)?;
    let is_missing = style == ApiStyle::Rest && company.is_none();
    let reason = "is required for VERACORE_API_STYLE=rest and not set";
    is_missing.then(|| table::VERACORE_COMPANY_ID.missing(reason))
}

fn find_wrong_login(checked: &Checked<'_>) -> Finding {
    let username = checked.get_or_unset(&table::VENDURE_USERNAME)?.is_some();
    let password = checked.get_or_unset(&table::VENDURE_PASSWORD)?.is_some();
    let api_key = checked.get_or_unset(&table::VENDURE_API_KEY)?.is_some();
    match (username, password, api_key) {
        (true, true, false) | (false, false, true) => None,
        (false, false, false) => Some(table::VENDURE_USERNAME.missing(
            "no login to Vendure is set: VENDURE_USERNAME with VENDURE_PASSWORD, or VENDURE_API_KEY, is required",
        )),
        (true, false, false) => {
            let reason = "is required with VENDURE_USERNAME and not set";
            Some(table::VENDURE_PASSWORD.missing(reason))
        }
        (false, true, false) => {
            let reason = "is required with VENDURE_PASSWORD and not set";
            Some(table::VENDURE_USERNAME.missing(reason))
        }
        (_, _, true) => Some(table::VENDURE_API_KEY.invalid(
            "is set together with VENDURE_USERNAME or VENDURE_PASSWORD; set only one login",
        )),
    }
}

fn find_short_retry_max(checked: &Checked<'_>) -> Finding {
    let initial = checked.get(&table::RETRY_INITIAL_SECONDS)?.as_secs();
    let max = checked.get(&table::RETRY_MAX_SECONDS)?.as_secs();
    let reason = format!("{max} is less than RETRY_INITIAL_SECONDS, which is {initial}");
    (initial > max).then(|| table::RETRY_MAX_SECONDS.invalid(reason))
}

fn find_large_globs(checked: &Checked<'_>) -> Finding {
    let error = glob_set(checked.get(&table::ORDER_SKIP_SKUS)?).err()?;
    let reason = format!("its globs are too large together: {}", error.kind());
    Some(table::ORDER_SKIP_SKUS.invalid(reason))
}

/// Stock is written to one location, so the goods of another one must not be counted.
fn find_other_location(checked: &Checked<'_>) -> Finding {
    let warehouses = checked.get(&table::WAREHOUSES)?;
    let chosen = checked.get_or_unset(&table::VENDURE_STOCK_LOCATION)?;
    let first = chosen.as_ref().or_else(|| warehouses.values().next())?;
    let (warehouse, location) = warehouses.iter().find(|(_, at)| *at != first)?;
    let other = match &chosen {
        Some(chosen) => format!("VENDURE_STOCK_LOCATION is '{chosen}'"),
        None => "other warehouses have another one".into(),
    };
    let entry = warehouse.clone();
    let reason = format!(
        "is '{location}', but {other}: stock is written to one location. Write its name in the same way, or remove the warehouse"
    );
    Some((&table::WAREHOUSES.spec, Flaw::Entry { entry, reason }))
}

/// A shorter token can be guessed.
const MIN_TOKEN_CHARS: usize = 16;

fn warn_of_short_token(checked: &Checked<'_>) -> Finding {
    let token = checked.get(&table::API_TOKEN)?;
    let is_short = token.expose_secret().chars().count() < MIN_TOKEN_CHARS;
    is_short.then(|| {
        let warning = format!(
            "API_TOKEN has fewer than {MIN_TOKEN_CHARS} characters and can be guessed; `openssl rand -hex 32` makes a good one"
        );
        table::API_TOKEN.suspicious(warning)
    })
}

fn find_missing_secret(checked: &Checked<'_>) -> Finding {
    checked.get(&table::EVENT_WEBHOOK_URL)?;
    let secret = checked.get_or_unset(&table::EVENT_WEBHOOK_SECRET)?;
    let reason = "is required with EVENT_WEBHOOK_URL and not set";
    secret
        .is_none()
        .then(|| table::EVENT_WEBHOOK_SECRET.missing(reason))
}

fn warn_of_unused_secret(checked: &Checked<'_>) -> Finding {
    let url = checked.get_or_unset(&table::EVENT_WEBHOOK_URL)?;
    checked.get(&table::EVENT_WEBHOOK_SECRET)?;
    let warning = "EVENT_WEBHOOK_SECRET has no effect without EVENT_WEBHOOK_URL";
    url.is_none()
        .then(|| table::EVENT_WEBHOOK_SECRET.suspicious(warning))
}
