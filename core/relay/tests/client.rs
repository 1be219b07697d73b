//! A viewer of another make: the `webrtc` crate's asynchronous client, as a program would use it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCSessionDescription,
};

use super::depacketizer::depacketize;
use super::loopback::{FRAME, PATIENCE, Stage};

struct Tracks(mpsc::Sender<Arc<dyn TrackRemote>>);

impl PeerConnectionEventHandler for Tracks {
    // Written out as the trait's own attribute would write an `async fn`.
    fn on_track<'this, 'call>(
        &'this self,
        track: Arc<dyn TrackRemote>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'call>>
    where
        'this: 'call,
        Self: 'call,
    {
        Box::pin(async move { drop(self.0.send(track).await) })
    }
}

/// The payloads of the first picture that `track` gives.
async fn first_picture(track: Arc<dyn TrackRemote>) -> Vec<bytes::Bytes> {
    let mut payloads = vec![];
    while let Some(event) = track.poll().await {
        let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
        payloads.push(packet.payload);
        if packet.header.marker {
            break;
        }
    }
    payloads
}

async fn watch(mut stage: Stage) {
    stage.picture();
    let (found, mut tracks) = mpsc::channel(1);
    let mut media = MediaEngine::default();
    media.register_default_codecs().unwrap();
    let client = PeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_handler(Arc::new(Tracks(found)))
        .with_udp_addrs(vec!["127.0.0.1:0".to_owned()])
        .build()
        .await
        .unwrap();
    client.add_transceiver_from_kind(RtpCodecKind::Video, None).await.unwrap();
    let offer = client.create_offer(None).await.unwrap();
    client.set_local_description(offer).await.unwrap();
    let offer = client.local_description().await.unwrap().sdp;
    let answer = stage.hub.offer("live", &offer).unwrap();
    client.set_remote_description(RTCSessionDescription::answer(answer.sdp).unwrap()).await.unwrap();

    let seen = async { first_picture(tracks.recv().await.expect("a track comes")).await };
    let mut frames = interval(FRAME);
    tokio::pin!(seen);
    let payloads = loop {
        tokio::select! {
            payloads = &mut seen => break payloads,
            _ = frames.tick() => stage.picture(),
        }
    };
    let kinds: Vec<u8> = depacketize(&payloads).iter().map(|unit| unit[0]).collect();
    assert_eq!(kinds, [0x67, 0x68, 0x65], "the first picture is a keyframe with its parameter sets");
    client.close().await.unwrap();
    stage.hub.shutdown();
}

#[test]
fn the_webrtc_crates_client_first_sees_a_whole_keyframe() {
    let stage = Stage::new([127, 0, 0, 1].into(), 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { timeout(PATIENCE, watch(stage)).await.expect("it sees a picture in time") });
}
