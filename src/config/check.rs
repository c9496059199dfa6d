//! Checks merged values: each setting by its row, then the rules between settings.

use super::{
    diagnostics::Diagnostics,
    layers::values::Values,
    provenance::{ConfigLayer, Provenance},
    setting::{Flaw, Row, Setting},
    spec::{SettingSpec, Unset},
};

/// A rule between settings: the flaw that it finds, and in which setting.
pub type Rule = fn(&Checked<'_>) -> Option<(&'static SettingSpec, Flaw)>;

/// Values for a rule, which does not apply if one of its settings is invalid itself.
pub struct Checked<'a> {
    values: &'a Values,
    diagnostics: &'a Diagnostics,
}

impl Checked<'_> {
    /// The value of a setting that is set and valid.
    pub fn get<T>(&self, setting: &Setting<T>) -> Option<T> {
        self.get_or_unset(setting)?
    }

    /// The value of a setting that is valid: `Some(None)` if it is not set.
    pub fn get_or_unset<T>(&self, setting: &Setting<T>) -> Option<Option<T>> {
        let is_valid = !self.diagnostics.is_invalid(&setting.spec);
        is_valid.then(|| self.values.get(setting))
    }
}

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

pub fn check_rules(rules: &[Rule], values: &Values, diagnostics: &mut Diagnostics) {
    for rule in rules {
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
