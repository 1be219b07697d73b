//! Numbers the frames it has seen, as the tag `seen`, and hands the number on when it is swapped;
//! or does with the snapshot what nobody should.

use framegate_sdk::prelude::*;
use framegate_sdk::{Restored, Snapshot};

pub struct Keeper {
    seen: u64,
    wrong: Wrong,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What it does wrong with its state.
    pub wrong: Wrong,
}

/// The ways to go wrong between two instances.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    #[default]
    Nothing,
    /// Saves more than a snapshot may have.
    TooMuch,
    /// Saves what it does not understand itself.
    Garbage,
    NeverDoneSaving,
    PanicsSaving,
    NeverDoneRestoring,
    PanicsRestoring,
}

impl Plugin for Keeper {
    type Settings = Settings;
    const FORMATS: &'static [PixelFormat] = &[];

    fn new(settings: Settings) -> Result<Keeper> {
        Ok(Keeper { seen: 0, wrong: settings.wrong })
    }
}

impl Analyzer for Keeper {
    fn analyze(&mut self, metadata: &mut Metadata) -> Result<Verdict> {
        self.seen += 1;
        metadata.set_tag("seen", &self.seen.to_string())?;
        Ok(Verdict::Pass)
    }
}

impl Snapshot for Keeper {
    fn save(&self) -> Vec<u8> {
        match self.wrong {
            Wrong::TooMuch => vec![0; (1 << 20) + 1],
            Wrong::Garbage => vec![0xff; 1000],
            Wrong::NeverDoneSaving => spin(),
            Wrong::PanicsSaving => panic!("on purpose, as it saves"),
            _ => self.seen.to_le_bytes().into(),
        }
    }

    fn restore(&mut self, _: &str, saved: &[u8]) -> Restored {
        match self.wrong {
            Wrong::NeverDoneRestoring => spin(),
            Wrong::PanicsRestoring => panic!("on purpose, as it restores"),
            _ => {}
        }
        let Ok(seen) = saved.try_into() else { return Restored::Refused };
        self.seen = u64::from_le_bytes(seen);
        Restored::Taken
    }
}

fn spin() -> ! {
    loop {
        std::hint::black_box(0);
    }
}

framegate_sdk::register_analyzer!(Keeper, snapshot);
