//! Bytes read as arguments: numbers that are likely to be wrong in an interesting way, and any others.

/// What is left of a script.
pub struct Script {
    bytes: Vec<u8>,
    at: usize,
}

/// Edges of what the host checks.
const EDGES: &[u32] =
    &[0, 1, 2, 3, 24, 47, 48, 63, 64, 255, 256, 1024, 4096, 65_536, 1 << 31, u32::MAX - 1, u32::MAX];
const FRACTIONS: &[f32] =
    &[0.0, -0.0, 0.5, 1.0, 1.00005, 2.0, -1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE];

impl Script {
    pub fn new(bytes: Vec<u8>) -> Script {
        Script { bytes, at: 0 }
    }

    pub fn is_over(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Zero past the end.
    pub fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    pub fn number(&mut self) -> u32 {
        match self.byte() {
            edge if usize::from(edge) < EDGES.len() => EDGES[usize::from(edge)],
            // Small ones get past the first checks.
            small if small < 200 => u32::from(self.byte()),
            _ => u32::from_le_bytes([(); 4].map(|()| self.byte())),
        }
    }

    pub fn signed(&mut self) -> i32 {
        self.number() as i32
    }

    pub fn fraction(&mut self) -> f32 {
        match self.byte() {
            edge if usize::from(edge) < FRACTIONS.len() => FRACTIONS[usize::from(edge)],
            usual if usual < 220 => f32::from(usual) / 512.0,
            _ => f32::from_bits(u32::from_le_bytes([(); 4].map(|()| self.byte()))),
        }
    }

    /// Up to 300 bytes: past most limits, and many fit into a script.
    pub fn text(&mut self) -> String {
        let length = usize::from(self.byte()) + usize::from(self.byte() % 64);
        let letters = (0..length).map(|_| char::from_u32(u32::from(self.byte()) * 7).unwrap_or('\u{202e}'));
        letters.collect()
    }

    pub fn word(&mut self) -> String {
        let words = ["a", "looked:x", "motion", "", "face", "count"];
        match usize::from(self.byte()) {
            index if index < 192 => words[index % words.len()].to_owned(),
            _ => self.text(),
        }
    }

    /// A list of bytes whose length is often one that fits.
    pub fn list(&mut self, fitting: usize) -> Vec<u8> {
        let length = match self.byte() {
            0..160 => fitting * usize::from(self.byte() % 8),
            160..230 => usize::from(self.byte()),
            _ => (self.number() as usize).min(1 << 20),
        };
        vec![self.byte(); length]
    }
}
