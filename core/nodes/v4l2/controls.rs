//! The controls of a device: exposure, gain, brightness and whatever else its driver has.
//!
//! Owns their names, the order they are set in and the wording of what does not fit; and one trap of
//! the library, which panics over controls of sorts it does not know.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use v4l::Device;
use v4l::control::{Control, Description, Flags, MenuItem, Type as Sort, Value};

/// A control that can be set to a whole number.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    id: u32,
    /// As `v4l2-ctl` writes it.
    pub name: String,
    pub least: i64,
    pub most: i64,
    /// What the driver calls its default.
    pub default: i64,
    /// What each number means, where the driver says.
    pub menu: Vec<(i64, String)>,
    /// Without effect as things are, because an automatic one is on.
    pub is_inactive: bool,
}

/// One control and what it is to be.
#[derive(Clone, Debug, PartialEq)]
struct Change<'a> {
    known: &'a Known,
    value: i64,
}

/// The controls of `device` that can be set.
///
/// # Errors
/// The end of a sentence that begins with the camera's name.
pub fn known(device: &Device) -> Result<Vec<Known>, String> {
    let told = catch_unwind(AssertUnwindSafe(|| device.query_controls()));
    let told = told.map_err(|_| "has controls of a sort that is not understood")?;
    let told = told.map_err(|error| format!("does not tell its controls: {error}"))?;
    Ok(told.iter().filter(|control| takes_a_number(control)).map(Known::of).collect())
}

/// What a control is now, where its driver says.
pub fn value(device: &Device, known: &Known) -> Option<i64> {
    match catch_unwind(AssertUnwindSafe(|| device.control(known.id))).ok()?.ok()?.value {
        Value::Integer(value) => Some(value),
        Value::Boolean(value) => Some(value.into()),
        _ => None,
    }
}

/// Headings are listed among the controls, and texts and tables too.
fn takes_a_number(control: &Description) -> bool {
    let number = matches!(
        control.typ,
        Sort::Integer | Sort::Boolean | Sort::Menu | Sort::Integer64 | Sort::Bitmask | Sort::IntegerMenu
    );
    number && !control.flags.intersects(Flags::DISABLED | Flags::READ_ONLY)
}

impl Known {
    fn of(told: &Description) -> Known {
        let item = |(index, item): &(u32, MenuItem)| (i64::from(*index), item.to_string());
        Known {
            id: told.id,
            name: plain(&told.name),
            least: told.minimum,
            most: told.maximum,
            default: told.default,
            menu: told.items.iter().flatten().map(item).collect(),
            is_inactive: told.flags.contains(Flags::INACTIVE),
        }
    }

    /// Whether it switches others off and on. Those have to be off before what they decide is set.
    fn is_automatic(&self) -> bool {
        self.name.contains("auto")
    }
}

/// Sets what differs between what controls `were` and what is `wanted`: all of it, or nothing. One that is
/// not named any more goes back to its default.
///
/// # Errors
/// The end of a sentence that begins with the camera's name. What does not exist or is out of its range
/// is found before anything is set; what the driver refuses, after which the others are put back.
pub fn change(
    device: &Device,
    were: &BTreeMap<String, i64>,
    wanted: &BTreeMap<String, i64>,
) -> Result<(), String> {
    if were == wanted {
        return Ok(());
    }
    let known = known(device)?;
    let changes = changes(&known, were, wanted)?;
    let set =
        |known: &Known, value| device.set_control(Control { id: known.id, value: Value::Integer(value) });
    for (index, Change { known, value }) in changes.iter().enumerate() {
        if let Err(error) = set(known, *value) {
            for Change { known, .. } in changes[..index].iter().rev() {
                // A driver that takes a value takes the one before it.
                drop(set(known, were.get(&known.name).copied().unwrap_or(known.default)));
            }
            let hint = if known.is_inactive { "; an automatic control holds it" } else { "" };
            return Err(format!("does not take {value} for {}: {error}{hint}", known.name));
        }
    }
    Ok(())
}

/// What is to be set, in its order.
fn changes<'a>(
    known: &'a [Known],
    were: &BTreeMap<String, i64>,
    wanted: &BTreeMap<String, i64>,
) -> Result<Vec<Change<'a>>, String> {
    let left = |known: &&Known| were.contains_key(&known.name) && !wanted.contains_key(&known.name);
    let mut back: Vec<_> =
        known.iter().filter(left).map(|known| Change { known, value: known.default }).collect();
    // What an automatic control decides can be put back only while that is still off.
    back.sort_by_key(|change| change.known.is_automatic());
    let differs = |(name, value): &(&String, &i64)| were.get(*name) != Some(*value);
    let fits = |(name, value): (&String, &i64)| fitting(known, name, *value);
    let mut set = wanted.iter().filter(differs).map(fits).collect::<Result<Vec<_>, _>>()?;
    set.sort_by_key(|change| !change.known.is_automatic());
    back.extend(set);
    Ok(back)
}

fn fitting<'a>(known: &'a [Known], name: &str, value: i64) -> Result<Change<'a>, String> {
    let control = known.iter().find(|control| control.name == name).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|control| control.name.as_str()).collect();
        format!("has no control \"{name}\"; it has {}", names.join(", "))
    })?;
    let (least, most) = (control.least, control.most);
    if !(least..=most).contains(&value) {
        let items: Vec<String> =
            control.menu.iter().map(|(index, item)| format!("{index} = {item}")).collect();
        let menu = if items.is_empty() { String::new() } else { format!(" ({})", items.join(", ")) };
        return Err(format!("takes {name} between {least} and {most}{menu}, got {value}"));
    }
    Ok(Change { known: control, value })
}

/// A control's name as `v4l2-ctl` writes it: `White Balance, Automatic` is `white_balance_automatic`.
fn plain(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_called_as_v4l2_ctl_calls_them() {
        assert_eq!(plain("White Balance, Automatic"), "white_balance_automatic");
        assert_eq!(plain("Exposure Time, Absolute"), "exposure_time_absolute");
    }

    fn camera() -> Vec<Known> {
        let control = |(id, name, most, default): (u32, &str, i64, i64)| Known {
            id,
            name: name.to_owned(),
            least: 0,
            most,
            default,
            menu: vec![],
            is_inactive: false,
        };
        [("brightness", 100, 50), ("focus_absolute", 250, 0), ("focus_automatic_continuous", 1, 1)]
            .into_iter()
            .zip(0..)
            .map(|((name, most, default), id)| control((id, name, most, default)))
            .collect()
    }

    fn changed(were: &[(&str, i64)], wanted: &[(&str, i64)]) -> Result<Vec<(String, i64)>, String> {
        let map =
            |all: &[(&str, i64)]| all.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let known = camera();
        let changes = changes(&known, &map(were), &map(wanted))?;
        Ok(changes.iter().map(|change| (change.known.name.clone(), change.value)).collect())
    }

    fn all(changes: &[(&str, i64)]) -> Result<Vec<(String, i64)>, String> {
        Ok(changes.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect())
    }

    #[test]
    fn only_what_differs_is_set() {
        let were = [("brightness", 10), ("focus_automatic_continuous", 0)];
        assert_eq!(changed(&were, &were), all(&[]));
        assert_eq!(
            changed(&were, &[("brightness", 20), ("focus_automatic_continuous", 0)]),
            all(&[("brightness", 20)])
        );
    }

    #[test]
    fn an_automatic_control_goes_off_before_what_it_decides_is_set_and_on_after_that_is_put_back() {
        let fixed = [("focus_absolute", 120), ("focus_automatic_continuous", 0)];
        assert_eq!(changed(&[], &fixed), all(&[("focus_automatic_continuous", 0), ("focus_absolute", 120)]));
        assert_eq!(changed(&fixed, &[]), all(&[("focus_absolute", 0), ("focus_automatic_continuous", 1)]));
    }

    #[test]
    fn what_does_not_fit_is_found_before_anything_is_set() {
        let wrong = changed(&[], &[("brightness", 20), ("focus_absolute", 251)]);
        assert_eq!(wrong, Err("takes focus_absolute between 0 and 250, got 251".to_owned()));
        let unknown = changed(&[], &[("zoom", 1)]).unwrap_err();
        assert_eq!(
            unknown,
            "has no control \"zoom\"; it has brightness, focus_absolute, focus_automatic_continuous"
        );
    }
}
