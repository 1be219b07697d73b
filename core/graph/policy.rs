//! What a link does unless the graph says otherwise: its capacity, and what happens when it is full.

use super::inputs::Options;
use super::plan::Clock;
use crate::node::{Format, InputPort, Join, WhenFull};

/// How a link queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub capacity: usize,
    pub when_full: WhenFull,
    pub join: Join,
}

/// Enough to even out small bumps between neighbours.
const BLOCKING_CAPACITY: usize = 4;
/// A quarter of a second at 30 pictures a second: past that, a viewer is better off with a new start.
const ENCODED_CAPACITY: usize = 8;

/// The policy of a link that carries `format` into `port`.
pub(super) fn policy(options: &Options, port: &InputPort, format: &Format, clock: Clock) -> Policy {
    let join = options.join.unwrap_or(port.join);
    let when_full = match clock {
        // Never waiting is what `latest` is for: a full link that blocked could hold up the very
        // node that drives the join.
        _ if join == Join::Latest => options
            .when_full
            .or(port.when_full)
            .filter(|policy| *policy != WhenFull::Block)
            .unwrap_or(WhenFull::DropOldest),
        // Offline nothing is lost, whatever would be given up live.
        Clock::Offline => WhenFull::Block,
        Clock::Live => options.when_full.or(port.when_full).unwrap_or(match format {
            Format::Frames(_) => WhenFull::DropOldest,
            Format::AccessUnits(_) => WhenFull::ToKeyframe,
            Format::Detections => WhenFull::Block,
        }),
    };
    let capacity = options.queue.unwrap_or(match when_full {
        WhenFull::DropOldest | WhenFull::DropNewest => 1,
        WhenFull::Block => BLOCKING_CAPACITY,
        WhenFull::ToKeyframe => ENCODED_CAPACITY,
    });
    Policy { capacity, when_full, join }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::PixelFormat;
    use crate::node::{Accepts, VideoFormat};

    const VIDEO: VideoFormat = VideoFormat { pixel: PixelFormat::I420, size: None, rate: None };

    fn chosen(options: Options, port: &InputPort, format: Format, clock: Clock) -> (usize, WhenFull) {
        let policy = policy(&options, port, &format, clock);
        (policy.capacity, policy.when_full)
    }

    #[test]
    fn the_newest_frame_wins_live_and_every_frame_counts_offline() {
        let port = InputPort::each("frames", Accepts::any_frames());
        let live = |format| chosen(Options::default(), &port, format, Clock::Live);
        assert_eq!(live(Format::Frames(VIDEO)), (1, WhenFull::DropOldest));
        assert_eq!(live(Format::AccessUnits(VIDEO)), (8, WhenFull::ToKeyframe));
        assert_eq!(live(Format::Detections), (4, WhenFull::Block));
        let offline = chosen(Options::default(), &port, Format::Frames(VIDEO), Clock::Offline);
        assert_eq!(offline, (4, WhenFull::Block));
    }

    #[test]
    fn the_graph_then_the_port_then_the_default_decides() {
        let mut port = InputPort::each("frames", Accepts::any_frames());
        port.when_full = Some(WhenFull::Block);
        let written =
            || Options { queue: Some(3), when_full: Some(WhenFull::DropNewest), ..Options::default() };
        let format = Format::Frames(VIDEO);
        assert_eq!(chosen(Options::default(), &port, format, Clock::Live), (4, WhenFull::Block));
        assert_eq!(chosen(written(), &port, format, Clock::Live), (3, WhenFull::DropNewest));
        assert_eq!(chosen(written(), &port, format, Clock::Offline), (3, WhenFull::Block));
    }

    #[test]
    fn what_is_joined_as_latest_never_blocks() {
        let port = InputPort::latest("detections", vec![Accepts::Detections]);
        let offline = chosen(Options::default(), &port, Format::Detections, Clock::Offline);
        assert_eq!(offline, (1, WhenFull::DropOldest));
    }
}
