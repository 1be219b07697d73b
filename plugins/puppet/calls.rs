//! Every function of the host, called with what a script says.

use framegate_sdk::bindings::imports::framegate::frame::draw::{self, Sprite};
use framegate_sdk::bindings::imports::framegate::frame::frames::Frame;
use framegate_sdk::bindings::imports::framegate::frame::types::{Detection, Rect};
use framegate_sdk::bindings::imports::framegate::frame::{annotations, host, pixels_read, pixels_write};

use crate::script::Script;

/// Sprites kept from frame to frame: past this the oldest goes.
const SPRITES: usize = 64;

/// What the guest keeps between frames.
#[derive(Default)]
pub struct Hands {
    sprites: Vec<Sprite>,
}

const FORMATS: &[u32] = &[0x3032_3449, 0x3231_564e, 0x3342_4752, 0x4142_4752, 0x5945_5247, 0, 7];

impl Hands {
    /// One call. What the host answers is of no interest here, only that it answers.
    pub fn call(&mut self, script: &mut Script, frame: &Frame) {
        let width = frame.info().width as usize;
        match script.byte() % 18 {
            0 => drop(pixels_read::read_rows(frame, plane(script), script.number(), script.number())),
            1 => {
                let area = (script.byte() < 128).then(|| rect(script));
                let format = FORMATS[usize::from(script.byte()) % FORMATS.len()];
                drop(pixels_read::sample(frame, area, script.number(), script.number(), format));
            }
            2 => drop(pixels_write::write_rows(frame, plane(script), script.number(), &script.list(width))),
            3 => drop(draw::fill(frame, rect(script), script.number())),
            4 => drop(draw::outline(frame, rect(script), script.byte(), script.number())),
            5 => drop(draw::pixelate(frame, rect(script), script.byte())),
            6 => drop(draw::blur(frame, rect(script), script.byte())),
            7 => {
                let (x, y) = (script.signed(), script.signed());
                drop(draw::text(frame, x, y, script.byte(), script.number(), &script.text()));
            }
            8 => drop(draw::measure(script.byte(), &script.text())),
            9 => self.upload(script),
            10 => self.blit(script, frame),
            11 => drop(annotations::detections(frame)),
            12 => drop(annotations::add_detections(frame, &detections(script))),
            13 => drop(annotations::set_detections(frame, &detections(script))),
            14 => drop(annotations::tag(frame, &script.word())),
            15 => drop(annotations::set_tag(frame, &script.word(), &script.text())),
            16 => report(script),
            _ => drop((frame.info(), host::budget_ns())),
        }
    }

    fn upload(&mut self, script: &mut Script) {
        let (width, height) = (script.number(), script.number());
        let fitting = (width as usize).saturating_mul(height as usize).saturating_mul(4);
        let pixels = script.list(if fitting < 1 << 16 { fitting } else { 4 });
        if let Ok(sprite) = Sprite::upload(width, height, &pixels) {
            self.sprites.push(sprite);
        }
        if self.sprites.len() > SPRITES {
            self.sprites.remove(0);
        }
    }

    fn blit(&mut self, script: &mut Script, frame: &Frame) {
        let index = usize::from(script.byte());
        if let Some(sprite) = self.sprites.get(index % self.sprites.len().max(1)) {
            drop(sprite.blit(frame, script.signed(), script.signed()));
        }
    }
}

fn plane(script: &mut Script) -> u8 {
    match script.byte() {
        usual if usual < 200 => usual % 4,
        other => other,
    }
}

fn rect(script: &mut Script) -> Rect {
    Rect { x: script.signed(), y: script.signed(), width: script.number(), height: script.number() }
}

fn detections(script: &mut Script) -> Vec<Detection> {
    let count = match script.byte() {
        usual if usual < 250 => usize::from(usual % 6),
        _ => script.number() as usize % 3000,
    };
    let one = |script: &mut Script| Detection {
        label: script.word(),
        score: script.fraction(),
        x: script.fraction(),
        y: script.fraction(),
        width: script.fraction(),
        height: script.fraction(),
        track_id: (script.byte() < 128).then(|| u64::from(script.number())),
    };
    (0..count).map(|_| one(script)).collect()
}

fn report(script: &mut Script) {
    let levels =
        [host::Level::Trace, host::Level::Debug, host::Level::Info, host::Level::Warn, host::Level::Error];
    match script.byte() % 3 {
        0 => host::log(levels[usize::from(script.byte()) % levels.len()], &script.text()),
        1 => host::gauge(&script.word(), f64::from(script.fraction())),
        _ => host::count(&script.word(), u64::from(script.number())),
    }
}
