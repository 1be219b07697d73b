//! Where the pictures of an MP4 file in fragments are, and when (ISO/IEC 14496-12 §8.8).
//!
//! Owns reading the boxes of one fragment after the other into the same tables that a file in one
//! piece has. A recording that was cut short is read to its last whole picture. The boxes themselves are
//! read by `re_mp4`.

use re_mp4::{MoofBox, MoovBox, TfhdBox, TrafBox, TrexBox, TrunBox};

use super::mp4::{MOST_SAMPLE, MOST_SAMPLES, Place, Time};

/// The pictures of one track, fragment by fragment.
#[derive(Default)]
pub(super) struct Fragments {
    pub places: Vec<Place>,
    pub times: Vec<Time>,
    /// When the next picture comes where its fragment does not say.
    decoded: i64,
}

impl Fragments {
    /// Takes in the fragment whose box begins at byte `at`.
    ///
    /// # Errors
    /// What contradicts itself, as a sentence.
    pub fn add(&mut self, at: u64, moof: &MoofBox, moov: &MoovBox, track: u32) -> Result<(), String> {
        let mvex = moov.mvex.iter();
        let defaults = mvex.flat_map(|mvex| &mvex.trexs).find(|trex| trex.track_id == track);
        for traf in moof.trafs.iter().filter(|traf| traf.tfhd.track_id == track) {
            self.add_run(at, traf, defaults)?;
        }
        Ok(())
    }

    fn add_run(&mut self, at: u64, traf: &TrafBox, defaults: Option<&TrexBox>) -> Result<(), String> {
        if let Some(tfdt) = &traf.tfdt {
            let told = i64::try_from(tfdt.base_media_decode_time).ok().filter(|told| *told < i64::MAX / 4);
            self.decoded = told.ok_or("a fragment begins at no time that exists")?;
        }
        let base = traf.tfhd.base_data_offset.unwrap_or(at);
        let mut offset = base;
        for trun in &traf.truns {
            if let Some(from) = trun.data_offset {
                offset = base.checked_add_signed(i64::from(from)).ok_or("a fragment is before the file")?;
            }
            for index in 0..trun.sample_count as usize {
                if self.places.len() as u64 >= MOST_SAMPLES {
                    return Err(format!("its H.264 track has more than {MOST_SAMPLES} pictures"));
                }
                let (bytes, time) = self.sample(trun, index, &traf.tfhd, defaults)?;
                self.decoded += time.lasts;
                self.places.push((offset, bytes));
                self.times.push(time);
                offset = offset.saturating_add(u64::from(bytes));
            }
        }
        Ok(())
    }

    /// What a sample does not say itself, its fragment says for all of its samples, or the file.
    fn sample(
        &self,
        trun: &TrunBox,
        index: usize,
        fragment: &TfhdBox,
        file: Option<&TrexBox>,
    ) -> Result<(u32, Time), String> {
        let bytes = trun.sample_sizes.get(index).copied().or(fragment.default_sample_size);
        let bytes = bytes.or(file.map(|file| file.default_sample_size)).unwrap_or(0);
        if bytes > MOST_SAMPLE {
            return Err(format!("picture {} is said to have {bytes} bytes", self.places.len()));
        }
        let lasts = trun.sample_durations.get(index).copied().or(fragment.default_sample_duration);
        let lasts = lasts.or(file.map(|file| file.default_sample_duration)).unwrap_or(0);
        // Signed in all that is written today, and small where it is not.
        let later = trun.sample_cts.get(index).map_or(0, |offset| i64::from(*offset as i32));
        Ok((bytes, Time { at: self.decoded + later, lasts: i64::from(lasts) }))
    }

    /// Leaves out the first picture that is not wholly within `length` bytes, and all after it.
    pub fn cut_at(&mut self, length: u64) {
        let is_there = |(offset, bytes): &Place| offset.saturating_add(u64::from(*bytes)) <= length;
        let whole = self.places.iter().position(|place| !is_there(place)).unwrap_or(self.places.len());
        self.places.truncate(whole);
        self.times.truncate(whole);
    }
}
